"""A small web server in a thread, which responds as a test wants it to."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from portcompare.parity.checker import ParityChecker
from portcompare.parity.sending import ArmClient
from portcompare.records.rounds import BASELINE, CONTROL


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
    closing = Event()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline()
            if not self.parse_request():
                return
            method, target, _ = self.raw_requestline.decode("latin-1").split(" ")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received = Received(
                method=method, target=target, headers=tuple(self.headers.items()), body=body, closing=closing
            )
            site.received.append(received)
            reply = respond(received)
            with suppress(ConnectionError):
                for part in reply.wire(method) if isinstance(reply, Reply) else reply:
                    self.wfile.write(part)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(url=f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            closing.set()
            server.shutdown()
            thread.join()


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
