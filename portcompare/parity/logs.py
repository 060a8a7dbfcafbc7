"""What a server has written to its log: about a request, and about the app."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portcompare.records.parity import Difference
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve.copies import find_copies

_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*([A-Za-z_][\w.]*(?::.*)?)")
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (.+)')
_LIBRARY = re.compile(r"/site-packages/|/dist-packages/|/lib/python\d|^<")
# Warnings of the interpreter that name a fault of the app: what was never awaited, or never closed.
_WARNING = re.compile(
    r"(?:([^\s:]+:\d+): )?((?:RuntimeWarning: coroutine .* was never awaited|ResourceWarning: unclosed .*))"
)
_VARYING = re.compile(r"0x[0-9a-f]+|\d+")  # Addresses and numbers in a warning
# Of servers that are compared: Python's default hides the warnings of what is never closed.
SHOW_WARNINGS = {"PYTHONWARNINGS": "default::ResourceWarning"}
# A traceback is looked for at the end of what was written since the request was sent.
_MOST_BYTES = 256 * 1024


@dataclass(slots=True)
class ServerLog:
    """The log of a server."""

    path: Path
    mark: int = 0  # Where the last request was sent, in bytes

    def set_mark(self) -> None:
        """Remember where the log ends now."""
        self.mark = self.path.stat().st_size if self.path.exists() else 0

    def find_traceback(self) -> str:
        """The last traceback since the mark, without the frames of libraries; empty if there is none."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as log:
            log.seek(max(self.mark, self.path.stat().st_size - _MOST_BYTES))
            found = [*_TRACEBACK.finditer(log.read().decode(errors="replace"))]
        if not found:
            return ""
        head, *frames = re.split(r"(?m)^(?=  File )", found[-1].group(0))
        *_, last = found[-1].group(0).splitlines()
        own = [frame for frame in frames if not _LIBRARY.search(frame.partition('"')[2])]
        kept = "".join(own or frames[-1:])
        return self._name_originals(head + kept + ("" if kept.endswith(last) else last))

    def find_cause(self) -> str:
        """The last exception since the mark, and the last line of the app that it passed; empty if none."""
        traceback = self.find_traceback()
        if not traceback:
            return ""
        own = [frame for frame in _FRAME.findall(traceback) if not _LIBRARY.search(frame[0])]
        place = f"{_shorten(own[-1][0])}:{own[-1][1]} in {own[-1][2]}: " if own else ""
        return f"{place}{traceback.splitlines()[-1]} ({self.path.name})"

    def find_warnings(self) -> dict[str, str]:
        """The warnings that name a fault of the app, each once, with the line of code where it is known."""
        if not self.path.exists():
            return {}
        found: dict[str, str] = {}
        with self.path.open(encoding="utf-8", errors="replace") as log:
            for place, text in (each for line in log for each in _WARNING.findall(line)):
                if not _LIBRARY.search(place):
                    found.setdefault(self._name_originals(text), self._name_originals(place))
        return found

    def _name_originals(self, text: str) -> str:
        """A text with the paths of originals instead of those of the arm's copies."""
        return text.replace(str(find_copies(self.path.parent, self.path.stem)), "")


def _shorten(path: str) -> str:
    """The path of a file, as one would write it here; its name if it is somewhere else."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else Path(path).name


def compare_logs(logs: Mapping[str, ServerLog]) -> Iterator[Difference]:
    """The warnings in the log of a candidate, by arm, of which the baseline's has none alike.

    A coroutine that is never awaited has not done what it should; what is never closed no client can tell.
    """
    ours = logs[BASELINE].find_warnings() if BASELINE in logs else ()
    known = {_VARYING.sub("*", text) for text in ours}
    for arm, log in logs.items():
        for text, place in log.find_warnings().items() if arm not in (BASELINE, CONTROL) else ():
            if _VARYING.sub("*", text) not in known:
                yield Difference(
                    case="(the server's log)",
                    deployment=arm,
                    kind="log",
                    pointer=_shorten(place),
                    severity="harmless" if text.startswith("ResourceWarning") else "breaks",
                    baseline="(absent)",
                    candidate=text,
                    cause=log.path.name,
                )
