"""Ports: which are free, and who listens on one."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection


def find_free_ports(host: str, count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Choose ports that nobody uses at this moment.

    Args:
        host: The address to listen on.
        count: How many.
        besides: Ports not to choose.

    Returns:
        Different ports; somebody else may still take one before it is used.
    """
    ports: list[int] = []
    with ExitStack() as held:  # all at once, so that none is given twice
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
            if port not in besides:
                ports.append(port)
    return ports


def why_unusable(host: str, port: int) -> str | None:
    """Find out whether a server could listen on a port.

    Args:
        host: The address to listen on.
        port: The port; 0 for any.

    Returns:
        The system's reason why not; None if it could.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None


def listeners(host: str, port: int) -> set[int | None]:
    """The processes that listen on a port, which may be several by SO_REUSEPORT.

    Args:
        host: The address.
        port: The port there.

    Returns:
        Their ids; None stands for processes of other users.
    """
    return {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN and connection.laddr == (host, port)
    }
