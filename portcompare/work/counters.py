"""What counts: the processors' counters where the kernel has them, or else valgrind's callgrind."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from portcompare.errors import MeasurementError, refuse
from portcompare.records.work import CounterName, Part
from portcompare.serve.setups import Wrapper
from portcompare.work import callgrind, perf

_SLOWER = 6.0  # how much longer a server may take under callgrind until it is ready


class InstructionCounter(Protocol):
    """What counts the instructions of processes."""

    async def begin(self, pids: Sequence[int]) -> None:
        """Begin to count processes; raises MeasurementError."""

    async def take(self) -> float:
        """The instructions since the last time; raises MeasurementError."""

    def find_shares(self) -> dict[Part, float]:
        """The parts of the last ones by whose code they are, from 0 to 1; empty if that is not known."""

    def close(self) -> None:
        """Give back what it holds."""


class Callgrind:
    """Counts by valgrind's callgrind."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the servers that it counts write."""
        self._folder = folder
        self._pids: Sequence[int] = ()
        self._number = 0  # of the last dump of each process
        self._dumps: list[Path] = []

    async def begin(self, pids: Sequence[int]) -> None:
        """Begin to count processes."""
        self._pids = pids
        await callgrind.control(self._folder, pids, "instrumentation", "on")

    async def take(self) -> float:
        """The instructions since the last time."""
        await callgrind.control(self._folder, self._pids, "dump")
        for dump in self._dumps:
            dump.unlink()
        self._number += 1
        self._dumps = [self._folder / f"{pid}.{self._number}" for pid in self._pids]
        return float(sum(map(callgrind.read_total, self._dumps)))

    def find_shares(self) -> dict[Part, float]:
        """The parts of the last ones by whose code they are."""
        return callgrind.read_shares(self._dumps)

    def close(self) -> None:
        """Nothing: its servers end, and its folder is removed."""


class Hardware:
    """Counts by the processors' own counters, or other events of the kernel's."""

    def __init__(self, event: perf.Event) -> None:
        self._count = perf.TreeCount(event)
        self._taken = 0.0

    async def begin(self, pids: Sequence[int]) -> None:
        """Begin to count processes."""
        try:
            self._count.attach(pids)
        except OSError as error:
            raise MeasurementError(f"the hardware counters cannot be used: {error}") from None

    async def take(self) -> float:
        """The instructions since the last time."""
        before, self._taken = self._taken, self._count.read()
        return self._taken - before

    def find_shares(self) -> dict[Part, float]:
        """Nothing: whose code they are is not known."""
        return {}

    def close(self) -> None:
        """Close the counters."""
        self._count.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How all deployments are counted."""

    counter: CounterName
    event: perf.Event = perf.INSTRUCTIONS  # what the hardware's counters count
    is_layout_fixed: bool  # whether the kernel lets the address layout be the same at each start

    def make_counter(self, folder: Path) -> InstructionCounter:
        """Make the counter of one server; `folder`: the one that it was wrapped with."""
        return Callgrind(folder) if self.counter == "callgrind" else Hardware(self.event)

    def wrap(self, folder: Path) -> Wrapper:
        """What servers are run inside of, for their work to be the same each time, and to be counted."""
        is_emulated = self.counter == "callgrind"
        fixed = ("setarch", "-R") if self.is_layout_fixed else ()
        return Wrapper(
            command=(*fixed, *(callgrind.arguments(folder) if is_emulated else ())),
            environment={"PYTHONHASHSEED": "0"},
            slower=_SLOWER if is_emulated else 1.0,
        )


def choose_method() -> Method:
    """The hardware's counters where there are such, else callgrind; raises InputError if there is neither."""
    counter: CounterName = "hardware"
    reason = perf.why_unavailable()
    if reason is not None:
        counter = "callgrind"
        if missing := [program for program in ("valgrind", "vgdb") if shutil.which(program) is None]:
            found = f"there are no hardware counters ({reason}), and no {' and no '.join(missing)} in PATH"
            remedy = (
                "install the package `valgrind` (apt-get install valgrind), or allow hardware counters where"
                " the machine has them (sysctl kernel.perf_event_paranoid=2)"
            )
            raise refuse("work", found, remedy)
    try:  # forbidden in some containers
        fixed = subprocess.run(["setarch", "-R", "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        fixed = False
    return Method(counter=counter, is_layout_fixed=fixed)
