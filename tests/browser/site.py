"""A small site whose pages ask for something and show it, each in a way of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWING = """<!doctype html><title>page</title><link rel="icon" href="data:,"><h1></h1>
<script>
fetch('/data' + location.search).then(answer => answer.json()).then(data => {
    document.querySelector('h1').textContent = data.message;
});
</script>"""

PAGES = {
    "/": SHOWING,
    "/plain": "<!doctype html><title>page</title><link rel='icon' href='data:,'><h1>Hello</h1>",
    "/blank": "<!doctype html><title>page</title><link rel='icon' href='data:,'>",
    "/faulty": "<!doctype html><title>page</title><h1>Hello</h1><script>nothing.there();</script>",
    "/busy": "<!doctype html><title>page</title><link rel='icon' href='data:,'><h1>Hello</h1><script>"
    "setTimeout(() => { const end = performance.now() + 200; while (performance.now() < end); }, 100);"
    "</script>",
    "/astray": "<!doctype html><title>page</title><h1>Hello</h1><script>fetch('/missing');</script>",
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if parts.path == "/data":
            time.sleep(float(query.get("delay", ["0"])[0]))
            self._answer(200, "application/json", '{"message": "Hello"}')
        elif parts.path in PAGES:
            self._answer(200, "text/html", PAGES[parts.path])
        else:
            self._answer(404, "text/html", "<h1>Not found</h1>")

    def _answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "max-age=60")
        if kind == "application/json":
            self.send_header("Server-Timing", "app;dur=1.5")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_site() -> Iterator[str]:
    """Serve the site; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
