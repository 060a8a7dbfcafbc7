"""A small web server in a thread, which responds as a test wants it to."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from portcompare.parity.checker import ParityChecker
from portcompare.parity.sending import ArmClient
from portcompare.records.rounds import BASELINE, CONTROL
from tests.loadgen.scripted import Peer, serve


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it arrived; `closing` is set when the site goes down."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    closing: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"hello"

    def wire(self, method: str) -> Iterator[bytes]:
        yield f"HTTP/1.1 {self.status} Whatever\r\n".encode()
        if "content-length" not in {name.lower() for name, _ in self.headers}:
            yield f"Content-Length: {len(self.body)}\r\n".encode()
        for name, value in self.headers:
            yield f"{name}: {value}\r\n".encode("latin-1")
        yield b"\r\n"
        if method != "HEAD":
            yield self.body


@dataclass(slots=True)
class Site:
    url: str
    received: list[Received] = field(default_factory=list)


@contextmanager
def serving(respond: Callable[[Received], Reply | Iterable[bytes]]) -> Iterator[Site]:
    """Serve until the block ends; what responds returns a reply, or what is sent instead of one."""

    def play(peer: Peer) -> None:
        head, _, body = peer.take_request().partition(b"\r\n\r\n")
        if not head:  # the connection was closed without a request
            return
        line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (each.partition(":") for each in lines))
        received = Received(method=method, target=target, headers=headers, body=body, closing=server.closing)
        site.received.append(received)
        reply = respond(received)
        for part in reply.wire(method) if isinstance(reply, Reply) else reply:
            peer.sock.sendall(part)

    with serve(play) as server:
        site = Site(url=server.url)
        yield site


@contextmanager
def serving_all(*services: Callable[[Received], Reply | Iterable[bytes]]) -> Iterator[tuple[Site, ...]]:
    """Serve several at once."""
    if not services:
        yield ()
        return
    with serving(services[0]) as first, serving_all(*services[1:]) as others:
        yield (first, *others)


@contextmanager
def checking_sites(
    *services: Callable[[Received], Reply | Iterable[bytes]], timeout_s: float = 60.0
) -> Iterator[tuple[ParityChecker, tuple[Site, ...]]]:
    """Serve a baseline and a candidate, with a control between them if there are three."""
    arms = (BASELINE, "new") if len(services) < 3 else (BASELINE, CONTROL, "new")
    with serving_all(*services) as sites:
        clients = {arm: ArmClient(site.url, timeout_s) for arm, site in zip(arms, sites, strict=False)}
        with ParityChecker(clients, tick_s=0.0) as checker:
            yield checker, sites


def always(reply: Reply) -> Callable[[Received], Reply]:
    """Respond to everything alike."""
    return lambda _: reply
