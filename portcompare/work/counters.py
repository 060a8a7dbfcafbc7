"""What counts: the processors' counters where the kernel has them, or else valgrind's callgrind."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from portcompare.errors import refuse
from portcompare.records.work import CounterName
from portcompare.serve.setups import Wrapper
from portcompare.work import perf
from portcompare.work.callgrind import Callgrind, arguments

_SLOWER = 6.0  # how much longer a server may take under callgrind until it is ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How all deployments are counted."""

    counter: CounterName
    event: perf.Event = perf.INSTRUCTIONS  # what the hardware's counters count
    is_layout_fixed: bool  # whether the kernel lets the address layout be the same at each start

    def make_counter(self, folder: Path) -> Callgrind | perf.Hardware:
        """Make the counter of one server; `folder`: the one that it was wrapped with."""
        return Callgrind(folder) if self.counter == "callgrind" else perf.Hardware(self.event)

    def wrap(self, folder: Path) -> Wrapper:
        """What servers are run inside of, for their work to be the same each time, and to be counted."""
        is_emulated = self.counter == "callgrind"
        fixed = ("setarch", "-R") if self.is_layout_fixed else ()
        return Wrapper(
            command=(*fixed, *(arguments(folder) if is_emulated else ())),
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
