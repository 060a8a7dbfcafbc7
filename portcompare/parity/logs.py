"""What a server has written to its log about a request."""

import re
from dataclasses import dataclass
from pathlib import Path

_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*([A-Za-z_][\w.]*(?::.*)?)")
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (.+)')
_LIBRARY = re.compile(r"/site-packages/|/dist-packages/|/lib/python\d|^<")
# Warnings of the interpreter that name a fault of the app: what was never awaited, or never closed.
_WARNING = re.compile(
    r"((?:[^\s:]+:\d+: )?(?:RuntimeWarning: coroutine .* was never awaited|ResourceWarning: .*))"
)
# A traceback is looked for at the end of what was written since the request was sent.
_MOST_BYTES = 256 * 1024


@dataclass(slots=True)
class ServerLog:
    """The log of a server, read from where a request was sent."""

    path: Path
    start: int = 0  # In bytes
    mark: int = 0  # Where the last request was sent

    def set_mark(self) -> None:
        """Remember where the log ends now."""
        self.mark = self._size()

    def find_traceback(self) -> str:
        """The last traceback since the mark, without the frames of libraries; empty if there is none."""
        found = [*_TRACEBACK.finditer(self._read(self.mark))]
        if not found:
            return ""
        head, *frames = re.split(r"(?m)^(?=  File )", found[-1].group(0))
        *_, last = found[-1].group(0).splitlines()
        own = [frame for frame in frames if not _LIBRARY.search(frame.partition('"')[2])]
        kept = "".join(own or frames[-1:])
        return head + kept + ("" if kept.endswith(last) else last)

    def find_cause(self) -> str:
        """The last exception since the mark, and the last line of the app that it passed; empty if none."""
        traceback = self.find_traceback()
        if not traceback:
            return ""
        own = [frame for frame in _FRAME.findall(traceback) if not _LIBRARY.search(frame[0])]
        place = f"{Path(own[-1][0]).name}:{own[-1][1]} in {own[-1][2]}: " if own else ""
        return f"{place}{traceback.splitlines()[-1]} ({self.path.name})"

    def find_warnings(self) -> list[str]:
        """The warnings that name a fault of the app, each once."""
        return list(dict.fromkeys(_WARNING.findall(self._read(self.start))))

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _read(self, start: int) -> str:
        if not self.path.exists():
            return ""
        with self.path.open("rb") as log:
            log.seek(max(start, self._size() - _MOST_BYTES))
            return log.read().decode(errors="replace")
