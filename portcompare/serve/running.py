"""Servers that run, as the stages that use them see them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from portcompare.errors import ServerError
from portcompare.serve.ports import is_listened_on_by
from portcompare.serve.sampling import Usage, WindowUsage, list_tree, measure_usage, read_usage
from portcompare.serve.supervise import Supervised

PROBE_LIMIT_S = 5.0
"""How long a connection to a server elsewhere may take to be made."""


class RunningServer(Protocol):
    """A server that answers for one arm, whoever started it."""

    @property
    def arm(self) -> str:
        """Name of the arm."""
        ...

    @property
    def deployment(self) -> str:
        """Name of the deployment."""
        ...

    @property
    def url(self) -> str:
        """Where it answers."""
        ...

    @property
    def port(self) -> int:
        """The port there."""
        ...

    @property
    def ready_target(self) -> str:
        """What it can be asked at any time, and answers at once."""
        ...

    def check_alive(self) -> None:
        """Make sure that it still runs.

        Raises:
            ServerError: It does not.
        """
        ...

    def measure_usage(self, start_s: float, end_s: float) -> WindowUsage | None:
        """Measure what it uses in a window, and wait until the window has ended where it is measured.

        Args:
            start_s: The window's start, in seconds of `time.monotonic()`.
            end_s: Its end.

        Returns:
            The usage; None where it cannot be known.
        """
        ...

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server.

        Args:
            found: What was found.

        Returns:
            The error.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedServer:
    """A server that was started for one arm.

    Attributes:
        arm: Name of the arm.
        deployment: Name of the deployment.
        host: The address it listens on.
        port: The port there.
        ready_target: What it can be asked at any time, and answers at once.
        process: The server and its keeper.
    """

    arm: str
    deployment: str
    host: str
    port: int
    ready_target: str
    process: Supervised

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    @property
    def owns_port(self) -> bool:
        """Whether it, and nobody else, listens on its port."""
        own = (process.pid for process in list_tree(self.process.pid))
        return is_listened_on_by(own, self.host, self.port)

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

    def measure_usage(self, start_s: float, end_s: float) -> WindowUsage:
        """Measure what its whole process tree uses in a window; blocks until the window has ended.

        Args:
            start_s: The window's start, in seconds of `time.monotonic()`.
            end_s: Its end.

        Returns:
            The usage.

        Raises:
            WindowMissedError: The window was over before it could be measured.
        """
        return measure_usage(self, start_s, end_s)

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server.

        Args:
            found: What was found.

        Returns:
            The error, with the command line and the last log lines.
        """
        return ServerError(
            f"{_called(self)}: {found}\n"
            f"    command: {' '.join(self.process.command)}\n"
            f"{self.process.show_log()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignServer:
    """A server that somebody else has started and will end: nothing is known of it but its answers.

    Attributes:
        arm: Name of the arm.
        deployment: Name of the deployment.
        url: Where it answers.
        port: The port there.
        ready_target: What it can be asked at any time, and answers at once.
    """

    arm: str
    deployment: str
    url: str
    port: int
    ready_target: str

    def check_alive(self) -> None:
        """Make sure that somebody still listens there.

        A connection shows that, without a request that the server would have to work on and log. One that is
        not made in time is no sign of death: so it is with a server whose queue is full.

        Raises:
            ServerError: Nobody listens there, or the way there is closed.
        """
        try:
            socket.create_connection((urlsplit(self.url).hostname, self.port), PROBE_LIMIT_S).close()
        except TimeoutError:
            return
        except OSError as error:
            raise self.failure(f"does not answer any more: {error.strerror or error}") from None

    def measure_usage(self, start_s: float, end_s: float) -> None:
        """Say that what it uses is not known.

        Args:
            start_s: The window's start.
            end_s: Its end.

        Returns:
            None, always and at once: the processes are somebody else's, and maybe on another machine.
        """
        del start_s, end_s

    def failure(self, found: str) -> ServerError:
        """An error that says what is wrong with this server.

        Args:
            found: What was found.

        Returns:
            The error, with the address.
        """
        return ServerError(
            f"{_called(self)}: {found}\n    {self.url} is not started by portcompare: look into its own log"
        )


def _called(server: RunningServer) -> str:
    return server.arm if server.arm == server.deployment else f"{server.arm} ({server.deployment})"
