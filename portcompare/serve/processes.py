"""Starting a program that cannot outlive portcompare, and stopping it."""

import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import IO, BinaryIO, cast

import psutil

STOP_LIMIT_S = 2.0  # how long a watchdog may take to end: four times the grace that it gives to its program

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """A running program and its watchdog."""

    command: tuple[str, ...]
    log_path: Path  # its stderr, and its stdout unless that is a pipe
    log_start: int  # where in that file this process begins, in bytes
    watchdog: Popen[str]
    liveness: BinaryIO  # the write end of the pipe: the watchdog ends the program when it is closed

    @property
    def pid(self) -> int:
        """The watchdog's process id; the program and all that it starts are below it."""
        return self.watchdog.pid

    @property
    def stdin(self) -> IO[str]:
        """The program's standard input, line by line; only where it was started with pipes."""
        return cast("IO[str]", self.watchdog.stdin)

    @property
    def stdout(self) -> IO[str]:
        """The program's standard output; only where it was started with pipes."""
        return cast("IO[str]", self.watchdog.stdout)

    def poll(self) -> int | None:
        """The program's exit status, 128 and more if a signal ended it; None while it runs."""
        return self.wait(0)

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the program to end by itself; its exit status as from `poll`."""
        if self.watchdog.returncode is None:
            with suppress(TimeoutExpired):
                if self.watchdog.wait(timeout_s) < 0:  # the watchdog was killed and could not clean up
                    _kill_session(self.pid)
        return self.watchdog.returncode

    def request_stop(self) -> None:
        """Have the watchdog end the program, without waiting for it."""
        self.liveness.close()

    def wait_stopped(self, timeout_s: float = STOP_LIMIT_S) -> None:
        """After `request_stop`, wait until no process is left; after the timeout, kill them."""
        if self.wait(timeout_s) is None:
            self.watchdog.kill()
            self.wait(STOP_LIMIT_S)
        for pipe in (self.watchdog.stdin, self.watchdog.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # nobody reads what was still to be written
                    pipe.close()

    def stop(self) -> None:
        """End the program and all that it has started; a second call does nothing."""
        self.request_stop()
        self.wait_stopped()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that this process has logged."""
        with self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self.log_start, end - _TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def show_log(self) -> str:
        """The last lines of the log, with its path, indented for an error's text."""
        lines = self.log_tail().splitlines() or ["(nothing)"]
        return "\n".join([f"    last lines of {self.log_path}:", *(f"        {line}" for line in lines)])


def start_supervised(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    cpus: Iterable[int],
    log_path: Path,
    pipes: bool = False,
) -> Supervised:
    """Start a program under a watchdog, so that it ends when portcompare does, however that ends.

    The watchdog has a session of its own: Ctrl-C in the terminal reaches portcompare alone, which then stops
    what it has started. `log_path` is appended to.
    """
    with ExitStack() as undo:
        read_end, write_end = os.pipe()  # neither is inherited by other children
        liveness = undo.enter_context(os.fdopen(write_end, "wb", buffering=0))
        try:
            with log_path.open("ab") as log:
                log_start = log.tell()
                cpu_list = ",".join(str(cpu) for cpu in cpus)
                watchdog = Popen(
                    [sys.executable, "-I", str(_WATCHDOG), str(read_end), cpu_list, *command],
                    cwd=directory,
                    env=dict(environment),
                    stdin=PIPE if pipes else DEVNULL,
                    stdout=PIPE if pipes else log,
                    stderr=log,
                    pass_fds=[read_end],
                    start_new_session=True,
                    text=True,
                    encoding="utf-8",
                    bufsize=1,
                )
        finally:
            os.close(read_end)
        undo.pop_all()
    return Supervised(
        command=tuple(command), log_path=log_path, log_start=log_start, watchdog=watchdog, liveness=liveness
    )


def stop_all(processes: Iterable[Supervised]) -> None:
    """Stop many at once: first request it of all, then wait for all."""
    stopping = list(processes)
    for process in stopping:
        process.request_stop()
    deadline_s = time.monotonic() + STOP_LIMIT_S
    for process in stopping:
        process.wait_stopped(max(deadline_s - time.monotonic(), 0))


def _kill_session(session: int) -> None:
    """Kill every process of a session: those that a killed watchdog has left."""
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == session:
                os.kill(pid, signal.SIGKILL)
