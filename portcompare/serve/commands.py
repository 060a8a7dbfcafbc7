"""Running the plan's own commands, so that none is left behind and none fails unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portcompare.errors import ServerError
from portcompare.serve.supervise import start_supervised

COMMAND_LIMIT_S = 600.0
"""How long a command may take: enough to fill a database, and not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A shell command of the plan, to be run for one arm.

    Attributes:
        where: Its place in the plan.
        line: The command line, the arm's name filled in.
        arm: Name of the arm.
        directory: The working directory.
        environment: The whole environment.
        cpus: The CPUs that it may use.
        log_path: The arm's log, to which its output is appended.
    """

    where: str
    line: str
    arm: str
    directory: Path
    environment: Mapping[str, str]
    cpus: tuple[int, ...]
    log_path: Path

    def run(self) -> None:
        """Run it to its end; whatever it leaves running then is ended.

        Raises:
            ServerError: It failed, or took too long; its last log lines are in the text.
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
