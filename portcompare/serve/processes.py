"""Starting a process that cannot outlive portcompare, and stopping it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import psutil

from portcompare.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


STOP_LIMIT_S = 2.0
"""How long a keeper may take to end; four times the grace that it gives to its program."""

_KEEPER = Path(__file__).with_name("watchdog.py")
_TAIL_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """A running program and its keeper."""

    command: tuple[str, ...]  # The program and its arguments
    log_path: Path  # Where its stderr goes, and its stdout unless that is a pipe
    log_start: int  # Where in that file this process begins, in bytes
    keeper: Popen[str]  # The keeper's process
    # The write end of the pipe that tells the keeper that portcompare still wants the program
    liveness: BinaryIO

    @property
    def pid(self) -> int:
        """The keeper's process id; the program and all that it starts are below it."""
        return self.keeper.pid

    @property
    def stdin(self) -> IO[str]:
        """The program's standard input, line by line; only where it was started with pipes."""
        return cast("IO[str]", self.keeper.stdin)

    @property
    def stdout(self) -> IO[str]:
        """The program's standard output; only where it was started with pipes."""
        return cast("IO[str]", self.keeper.stdout)

    def poll(self) -> int | None:
        """See whether the program has ended.

        Returns its exit status, 128 and more if a signal ended it; None while it runs.
        """
        return self.wait(0)

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the program to end by itself.

        `timeout_s`: for how long, in seconds.
        """
        if self.keeper.returncode is None:
            with suppress(TimeoutExpired):
                if self.keeper.wait(timeout_s) < 0:  # the keeper was killed and could not clean up
                    _kill_session(self.pid)
        return self.keeper.returncode

    def tell_to_stop(self) -> None:
        """Have the keeper end the program, without waiting for it."""
        self.liveness.close()

    def wait_stopped(self, timeout_s: float = STOP_LIMIT_S) -> None:
        """Wait until nothing is left of a program that was told to stop."""
        if self.wait(timeout_s) is None:
            self.keeper.kill()
            self.wait(STOP_LIMIT_S)
        for pipe in (self.keeper.stdin, self.keeper.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was still to be written concerns nobody now
                    pipe.close()

    def stop(self) -> None:
        """End the program and all that it has started; does nothing the second time."""
        self.tell_to_stop()
        self.wait_stopped()

    def log_tail(self, lines: int = 20) -> str:
        """The end of what this process has logged."""
        with self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self.log_start, end - _TAIL_BYTES))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def show_log(self) -> str:
        """The end of what this process has logged, for an error's text."""
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
    """Start a program under a keeper, so that it ends when portcompare does, however that ends.

    The keeper has a session of its own: Ctrl-C in the terminal reaches portcompare alone, which then stops
    what it has started.

    `log_path`: where its stderr is appended, and its stdout unless that is a pipe.
    """
    with ExitStack() as undo:
        read_end, write_end = os.pipe()  # neither is inherited by other children
        liveness = undo.enter_context(os.fdopen(write_end, "wb", buffering=0))
        try:
            with log_path.open("ab") as log:
                log_start = log.tell()
                keeper = Popen(
                    [
                        *(sys.executable, "-I", str(_KEEPER), str(read_end)),
                        *(",".join(str(cpu) for cpu in cpus), *command),
                    ],
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
                started = Supervised(
                    command=tuple(command),
                    log_path=log_path,
                    log_start=log_start,
                    keeper=keeper,
                    liveness=liveness,
                )
        finally:
            os.close(read_end)
        undo.pop_all()
        return started


def stop_all(processes: Iterable[Supervised]) -> None:
    """Stop many at once: first tell all, then wait for all."""
    told = list(processes)
    for process in told:
        process.tell_to_stop()
    deadline_s = time.monotonic() + STOP_LIMIT_S
    for process in told:
        process.wait_stopped(max(deadline_s - time.monotonic(), 0))


def _kill_session(session: int) -> None:
    """Kill every process of a session: what a killed keeper has left."""
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == session:
                os.kill(pid, signal.SIGKILL)


COMMAND_LIMIT_S = 600.0
"""How long a command may take: enough to fill a database, and not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A shell command of the plan, to be run for one arm."""

    where: str  # Its place in the plan
    line: str  # The command line, the arm's name filled in
    arm: str  # Name of the arm
    directory: Path  # The working directory
    environment: Mapping[str, str]  # The whole environment
    cpus: tuple[int, ...]  # The CPUs that it may use
    log_path: Path  # The arm's log, to which its output is appended

    def run(self) -> None:
        """Run it to its end; whatever it leaves running then is ended.

        Raises ServerError: it failed, or took too long; its last log lines are in the text.
        """
        process = start_supervised(
            ["sh", "-c", self.line],
            directory=self.directory,
            environment=self.environment,
            cpus=self.cpus,
            log_path=self.log_path,
        )
        try:
            status = process.wait(COMMAND_LIMIT_S)
        finally:
            process.stop()
        if status != 0:
            found = (
                f"has not ended after {COMMAND_LIMIT_S:g} s"
                if status is None
                else f"ended with status {status}"
            )
            raise ServerError(
                f"{self.arm}: {self.where}: {found}\n"
                f"    command: {self.line}\n    in {self.directory}\n{process.show_log()}"
            )
