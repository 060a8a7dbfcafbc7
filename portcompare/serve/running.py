"""A server that runs, as the stages that use it see it."""

from __future__ import annotations

from dataclasses import dataclass

from portcompare.errors import ServerError
from portcompare.serve.ports import listeners
from portcompare.serve.sampling import Usage, list_tree, read_usage
from portcompare.serve.supervise import Supervised


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that runs for one arm.

    Attributes:
        arm: Name of the arm.
        deployment: Name of the deployment.
        host: The address it listens on.
        port: The port there.
        process: The server and its keeper.
    """

    arm: str
    deployment: str
    host: str
    port: int
    process: Supervised

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def owns_port(self) -> bool:
        """Whether it, and nobody else, listens on its port."""
        own = {process.pid for process in list_tree(self.process.pid)}
        found = listeners(self.host, self.port)
        return bool(found) and found <= own

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Raises:
            ServerError: It has ended; its last log lines are in the text.
        """
        status = self.process.poll()
        if status is not None:
            raise self.failure(f"ended with status {status}")

    def usage(self) -> Usage:
        """What its whole process tree has used until now."""
        return read_usage(self.process.pid)

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server.

        Args:
            found: What was found.

        Returns:
            The error, with the command line and the last log lines.
        """
        lines = self.process.log_tail().splitlines() or ["(nothing)"]
        log = "\n".join(f"        {line}" for line in lines)
        name = self.arm if self.arm == self.deployment else f"{self.arm} ({self.deployment})"
        return ServerError(
            f"{name}: {found}\n"
            f"    command: {' '.join(self.process.command)}\n"
            f"    last lines of {self.process.log_path}:\n{log}"
        )
