"""A server that plays exact byte sequences, each connection in a thread of its own."""

import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Play = Callable[["Peer"], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """The other side of one connection, as a script sees it."""

    def __init__(self, server: "ScriptedServer", sock: socket.socket, number: int) -> None:
        self._server = server
        self.sock = sock
        self.number = number  # Of the connection, from 0

    def take_request(self) -> bytes:
        """The next request, body included; empty at the end of the connection."""
        request, missing = b"", 1
        while missing > 0:
            more = self.sock.recv(1 << 16)
            if not more:
                return b""
            request += more
            if found := re.search(rb"\r\n\r\n", request):
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", request[: found.start()])
                missing = found.end() + int(length[1] if length else 0) - len(request)
        self._server.requests.append((self.number, request))
        return request

    def wait(self, timeout_s: float | None = None) -> None:
        """Keep the other side waiting, at most until the server is closed."""
        self._server.closing.wait(timeout_s)

    def secure(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._server.hold(self.sock)

    def end(self) -> None:
        """End the connection, also one that another thread serves."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class ScriptedServer:
    """Plays a script on each connection and closes it afterwards."""

    def __init__(self, play: Play, host: str, *, reuse_port: bool) -> None:
        self._play = play
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=128, reuse_port=reuse_port)
        self.requests: list[tuple[int, bytes]] = []  # Number of the connection, and the bytes
        self.connections = 0
        self.closing = threading.Event()
        self.port = self._listener.getsockname()[1]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(self, sock, self.connections)
            self.connections += 1
            self.hold(sock)
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def more(self, number: int) -> Callable[[], bool]:
        """A condition: so many more requests have come since it was first looked at."""
        first: list[int] = []

        def have_come() -> bool:
            first.append(len(self.requests))
            return first[-1] - first[0] >= number

        return have_come

    def hold(self, sock: socket.socket) -> None:
        """Have a connection closed with the server."""
        self._socks.append(sock)

    def _serve(self, peer: Peer) -> None:
        try:
            with suppress(OSError):  # the client may leave at any time
                self._play(peer)
        finally:
            peer.sock.close()

    def stop_listening(self) -> None:
        with suppress(OSError):  # a second time
            self._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.closing.set()
        self.stop_listening()
        self._acceptor.join()
        self._listener.close()
        for sock in self._socks:
            with suppress(OSError):
                # The plain one's also for TLS: its own would pull the connection from under the thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def serve(play: Play, host: str = "127.0.0.1", *, reuse_port: bool = False) -> Iterator[ScriptedServer]:
    server = ScriptedServer(play, host, reuse_port=reuse_port)
    try:
        yield server
    finally:
        server.close()


def response_of(status: str, body: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


def responding(*responses: bytes, delay_s: float = 0.0) -> Play:
    """A script: one response for each request, in turn, then from the beginning again."""

    def play(peer: Peer) -> None:
        count = 0
        while peer.take_request():
            if delay_s:
                peer.wait(delay_s)
            peer.sock.sendall(responses[count % len(responses)])
            count += 1

    return play


def responding_once(response: bytes) -> Play:
    """A script: a response to the first request, and the end of the connection."""

    def play(peer: Peer) -> None:
        if peer.take_request():
            peer.sock.sendall(response)

    return play


class Watch:
    """A script that notes when requests arrive, whichever connection they come on."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.arrived_s: list[float] = []
        self.sent_s: list[float] = []  # When each response was sent

    def __call__(self, peer: Peer) -> None:
        while peer.take_request():
            self.arrived_s.append(time.perf_counter())
            if self.delay_s:
                peer.wait(self.delay_s)
            self.sent_s.append(time.perf_counter())
            peer.sock.sendall(OK)


def alternating(odd: Play, even: Play) -> Play:
    """A script: the one on connections 0, 2, 4..., the other on 1, 3, 5..."""

    def play(peer: Peer) -> None:
        (even if peer.number % 2 else odd)(peer)

    return play


def over_tls(context: ssl.SSLContext, play: Play) -> Play:
    """A script: a handshake, and the one given over TLS."""

    def secured(peer: Peer) -> None:
        peer.secure(context)
        play(peer)

    return secured
