"""Ports on 127.0.0.1: which are free, and who listens on one."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection

HOST = "127.0.0.1"


def find_free_ports(count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Choose ports that nobody uses at this moment.

    Args:
        count: How many.
        besides: Ports not to choose.

    Returns:
        Different ports; somebody else may still take one before it is used.
    """
    ports: list[int] = []
    with ExitStack() as held:  # all at once, so that none is given twice
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
            if port not in besides:
                ports.append(port)
    return ports


def why_unusable(port: int) -> str | None:
    """Find out whether a server could listen on a port.

    Args:
        port: The port.

    Returns:
        The system's reason why not; None if it could.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror
    return None


def listeners(port: int) -> set[int | None]:
    """The processes that listen on a port of 127.0.0.1, which may be several by SO_REUSEPORT.

    Args:
        port: The port.

    Returns:
        Their ids; None stands for processes of other users.
    """
    return {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN and connection.laddr == (HOST, port)
    }
