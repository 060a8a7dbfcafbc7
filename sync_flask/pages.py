"""The pages: one fetches the data in the browser, the other is rendered whole by the server."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask, Response, render_template, request

from .parameters import read_count, read_parameter
from .parsing import parse_choice

PATTERNS = (
    "/data",
    "/data/blocking",
    "/data/cached",
    "/data/computed",
    "/data/dict",
    "/data/offloaded",
    "/data/upstream",
)
PASSED_ON = ("delay", "padding", "work")  # unchecked: the pattern reports an error, and the page shows it
MAX_ROWS = 10_000

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "style.css").read_text("utf-8")
_SCRIPT = (_TEMPLATES / "script.js").read_text("utf-8")


def add_routes(app: Flask) -> None:
    """Add the routes to the application."""

    @app.get("/")
    def page() -> Response:
        """Send the page that fetches a pattern and shows its message."""
        path = read_parameter("path", lambda text: parse_choice(text, PATTERNS), default=PATTERNS[0])
        query = urlencode([(name, value) for name in PASSED_ON for value in request.args.getlist(name)])
        url = f"{path}?{query}" if query else path
        return _html(render_template("page.html", url=url, style=_STYLE, script=_SCRIPT))

    @app.get("/page")
    def table() -> Response:
        """Send the page with the message above a table."""
        rows = read_count("rows", unit="rows", maximum=MAX_ROWS)
        return _html(render_template("table.html", rows=rows, style=_STYLE))


def _html(document: str) -> Response:
    return Response(document, headers={"Content-Security-Policy": _POLICY})


def _source(text: str) -> str:
    """Return the source expression that allows an inline element with this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


_POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_source(_SCRIPT)}",
        f"style-src {_source(_STYLE)}",
        "connect-src 'self'",
        "img-src data:",  # the empty icon, so that no browser requests another
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
