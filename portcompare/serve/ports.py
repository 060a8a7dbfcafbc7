"""Ports: which are free, and which processes listen on one."""

import socket
import sys
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

# Columns of these tables: number, local address, remote address, state (0A for listening), ... (proc(5)).
_TCP_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = ":0000 0A "
_LOCAL, _INODE = 1, 9
_ANY = "0" * 8
_MAPPED = "0" * 16 + "FFFF0000"  # what precedes an IPv4 address in the table of IPv6


def find_free_ports(host: str, count: int, *, besides: Collection[int] = ()) -> list[int]:
    """Choose ports that no process uses at this moment."""
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
    """The system's reason why a server could not listen on a port; None if it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror
    return None


def is_listened_on_by(pids: Iterable[int], host: str, port: int) -> bool:
    """Whether some of these processes, and no others, listen on a port.

    The kernel's table is read here, and not by psutil, which makes an object of each connection: a parity
    check has just closed thousands.
    """
    own = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}"
    places = {f"{address}:{port:04X}" for address in (own, _ANY, f"{_MAPPED}{own}", _ANY * 4)}
    tables = [table.read_text("ascii") for table in _TCP_TABLES if table.exists()]
    listening = [line.split() for table in tables for line in table.splitlines() if _LISTENS in line]
    sockets = {f"socket:[{fields[_INODE]}]" for fields in listening if fields[_LOCAL] in places}
    found = set()
    for pid in pids:
        with suppress(OSError):  # it has ended
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    found.add(str(descriptor.readlink()))
    return bool(sockets) and sockets <= found
