"""valgrind's callgrind: servers run in its emulation, count when ordered to, and write their counts."""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from portcompare.errors import MeasurementError
from portcompare.records.work import Part

CONTROL_LIMIT_S = 30.0  # how long a process may take to carry out an order of vgdb

_PARTS: dict[Part, str] = {
    "event loop": r"/(uvloop|gevent|greenlet)/|/_asyncio\.|/lib(uv|ev)\b",
    "parser": r"/(httptools|gunicorn_h1c)\b",
    "server": r"/granian/",
    "interpreter": r"/(lib)?python[\d.]*(\.so[\d.]*)?$|/lib-dynload/",
    "libc": r"/(libc|libm|libpthread|libstdc\+\+|ld-linux[^/]*|libgcc_s)[-.\d]*\.so[^/]*$",
    "unknown": r"^\?\?\?$",
}
"""Whose code a shared object is, by its path, the first that fits; any other is an extension."""


def arguments(folder: Path) -> tuple[str, ...]:
    """What comes before the command of a server, for its counts to be written into a folder."""
    return (
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--trace-children=yes",
        "--dump-instr=no",
        "--dump-line=no",
        f"--callgrind-out-file={folder}/%p",
        f"--vgdb-prefix={folder}/vgdb",
    )


class Callgrind:
    """Counts by valgrind's callgrind."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the servers that it counts write."""
        self._folder = folder
        self._pids: Sequence[int] = ()
        self._number = 0  # of the last dump of each process
        self._dumps: list[Path] = []

    async def begin(self, pids: Sequence[int]) -> None:
        """Begin to count processes; raises MeasurementError."""
        self._pids = pids
        await self._control("instrumentation", "on")

    async def take(self) -> float:
        """The instructions since the last time; raises MeasurementError."""
        await self._control("dump")
        for dump in self._dumps:
            dump.unlink()
        self._number += 1
        self._dumps = [self._folder / f"{pid}.{self._number}" for pid in self._pids]
        return float(sum(map(read_total, self._dumps)))

    def find_shares(self) -> dict[Part, float]:
        """The parts of the last ones by whose code they are, from 0 to 1."""
        return read_shares(self._dumps)

    def close(self) -> None:
        """Nothing: its servers end, and its folder is removed."""

    async def _control(self, *command: str) -> None:
        """Send all processes a command, and wait until they have done it."""
        await asyncio.gather(*(_control(self._folder, pid, command) for pid in self._pids))


async def _control(folder: Path, pid: int, command: Sequence[str]) -> None:
    vgdb = await asyncio.create_subprocess_exec(
        "vgdb",
        f"--vgdb-prefix={folder}/vgdb",
        f"--pid={pid}",
        *command,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(CONTROL_LIMIT_S):
            _, said = await vgdb.communicate()
    except TimeoutError:
        raise MeasurementError(
            f"process {pid} under valgrind did not do `{' '.join(command)}` within {CONTROL_LIMIT_S:g} s: "
            "vgdb needs ptrace, which a container or kernel.yama.ptrace_scope may forbid"
        ) from None
    finally:
        if vgdb.returncode is None:
            vgdb.kill()
            await vgdb.wait()
    if vgdb.returncode:
        reason = said.decode(errors="replace").strip()
        raise MeasurementError(f"process {pid} does not run under valgrind: {reason}")


def read_total(dump: Path) -> int:
    """The instructions of a dump."""
    found = re.search(r"^(?:summary|totals): (\d+)$", dump.read_text(errors="replace"), re.MULTILINE)
    return int(found[1]) if found else 0


def read_shares(dumps: Iterable[Path]) -> dict[Part, float]:
    """The parts of dumps by whose code they are, the largest first."""
    counts: Counter[Part] = Counter()
    for dump in dumps:
        for name, instructions in parse_dump(dump.read_text(errors="replace")).items():
            counts[part_of(name)] += instructions
    return {part: instructions / counts.total() for part, instructions in counts.most_common()}


_LINE = re.compile(r"ob=\((\d+)\)(?: (.+))?|(calls)=.*|[+*-]?\d* (\d+)|cob=\((\d+)\) (.+)")


def parse_dump(text: str) -> Counter[str]:
    """The instructions of a dump of callgrind by shared object, each with its own alone.

    Source: valgrind's manual, "Callgrind Format Specification".
    """
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    current, is_call = "???", False
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        identity, name, calls, cost, called, called_name = found.groups()
        if identity is not None:
            current = names.setdefault(identity, name or "???")
        elif called is not None:  # a name stands where it is used first
            names.setdefault(called, called_name)
        elif calls is not None:
            is_call = True
        elif is_call:  # what the called function took
            is_call = False
        else:
            counts[current] += int(cost)
    return counts


def part_of(path: str) -> Part:
    """Whose code a shared object is."""
    return next((part for part, pattern in _PARTS.items() if re.search(pattern, path)), "extension")
