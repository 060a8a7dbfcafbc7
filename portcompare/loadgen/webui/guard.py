"""Who may ask the web UI: nobody whom another site's page sends, and nobody under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Response, request

from portcompare.ui_protocol import is_loopback

if TYPE_CHECKING:
    from flask import Flask

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_OWN_SITES: Final = ("same-origin", "none")

_HEADERS: Final = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: Flask, host: str) -> None:
    """Refuse what comes from elsewhere.

    A page of another site can have a browser post to this one, cookies or not (CSRF); and by changing what
    its own name stands for it can have it read from this one (DNS rebinding).

    Args:
        app: The application.
        host: The address that it listens on.
    """

    @app.before_request
    def refuse_strangers() -> Response | None:
        if is_loopback(host) and not is_loopback(_hostname(f"//{request.host}")):
            return Response(f"{request.host} is no name of this server: ask {host}\n", 421)
        if request.method not in _SAFE and _is_cross_site():
            return Response("a page of another site must not post here\n", 403)
        return None

    def add_headers(response: Response) -> Response:
        for name in [name for name in response.headers.keys() if name.startswith("Access-Control-")]:  # noqa: SIM118 - not a dict
            del response.headers[name]  # Locust lets every site read its answers
        response.headers.extend(_HEADERS)
        return response

    # The first to be registered is the last to be asked: after that which lets every site in.
    app.after_request_funcs.setdefault(None, []).insert(0, add_headers)


def _is_cross_site() -> bool:
    """Whether another site's page sent it; what sends neither header is no browser, and has no cookies."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITES:
        return True
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc != request.host


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
