"""Making connections: resolve once, try each address, secure it where the URL says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gevent import socket

from portcompare.loadgen.tls import make_context, secure

if TYPE_CHECKING:
    from portcompare.loadgen.address import Address


class Dialer:
    """Makes the connections of one user.

    The address that answered is kept: a server that ends each connection would otherwise have the time to
    resolve its name, in another thread, added to each of its latencies.
    """

    __slots__ = ("_address", "_context", "_known")

    def __init__(self, address: Address, ca_file: str | None) -> None:
        self._address = address
        self._context = make_context(ca_file) if address.secure else None
        self._known: tuple[int, tuple[str | int, ...]] | None = None

    def dial(self) -> socket.socket:
        """Make a connection.

        Returns:
            It, ready to be spoken over.

        Raises:
            OSError: If there is none: the failure of the address tried last.
            UnicodeError: If the host's name cannot be one.
            TlsError: If it cannot be secured.
        """
        connected = self._connect()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return connected
        return secure(connected, self._context, self._address.host)

    def _connect(self) -> socket.socket:
        # A known address that fails is forgotten, so that the next time asks for the name again.
        known, self._known = self._known, None
        if known is not None:
            return self._try(*known)
        *others, last = self._resolve()
        for other in others:  # of both families, perhaps, and the server listens on one
            try:
                return self._try(*other)
            except OSError:
                continue
        return self._try(*last)

    def _resolve(self) -> list[tuple[int, tuple[str | int, ...]]]:
        try:
            found = socket.getaddrinfo(self._address.host, self._address.port, 0, socket.SOCK_STREAM)
        except OSError:
            # The resolver hides that no file was left to ask with; then no socket can be made either.
            socket.socket().close()
            raise
        return [(family, place) for family, _, _, _, place in found]

    def _try(self, family: int, place: tuple[str | int, ...]) -> socket.socket:
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            connected.connect(place)
        except BaseException:  # the time limit and the end of the user too
            connected.close()
            raise
        self._known = (family, place)
        return connected
