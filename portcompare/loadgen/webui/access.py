"""Who may ask the web UI: nobody whom another site's page sends, and nobody under another name."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import gevent
from flask import Response, redirect, request, session, url_for
from flask_login import UserMixin, current_user, login_user
from gevent.lock import BoundedSemaphore
from werkzeug.security import check_password_hash

from portcompare.wire.ui_protocol import is_loopback

if TYPE_CHECKING:
    from flask import Flask
    from locust.web import WebUI


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


_WHO: Final = "viewer"
_OPEN: Final = ("locust.login", "locust.send_assets", "login_with_password")
"""Endpoints that can be asked without a login: they show the form, and read it."""

_PAUSE_S: Final = 0.5
_LASTS: Final = timedelta(hours=12)


class _Viewer(UserMixin):
    """Whoever knows the password: Locust's UI knows no other difference."""

    def get_id(self) -> str:
        return _WHO


def require_login(web_ui: WebUI, password_hash: str) -> None:
    """Let nobody in without the password.

    Locust protects its own routes one by one; here all are closed but the form's, so that none is forgotten.
    """
    app = web_ui.app
    app.secret_key = secrets.token_bytes(32)  # a cookie of an earlier UI opens nothing
    app.config.update(
        SESSION_COOKIE_NAME="portcompare_ui",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=_LASTS,
    )
    web_ui.login_manager.user_loader(lambda who: _Viewer() if who == _WHO else None)
    web_ui.auth_args = {
        "title": "portcompare",
        "custom_form": {
            "inputs": [{"label": "Password", "name": "password", "is_secret": True, "is_required": True}],
            "callback_url": "./login/password",
            "submit_button_text": "Open",
        },
    }
    one_by_one = BoundedSemaphore()

    @app.before_request
    def refuse_unknown() -> Any:  # noqa: ANN401 - whatever Flask answers with
        if request.endpoint in _OPEN or current_user.is_authenticated:
            return None
        if request.method == "GET" and request.accept_mimetypes.accept_html and request.endpoint is not None:
            return redirect(url_for("locust.login"))
        return Response("log in first\n", 401)

    @app.route("/login/password", methods=["POST"])
    def login_with_password() -> Any:  # noqa: ANN401 - as above
        with one_by_one:  # so that nobody tries many at once
            if check_password_hash(password_hash, request.form.get("password", "")):
                session.clear()
                session.permanent = True
                login_user(_Viewer())
                return redirect(url_for("locust.index"))
            gevent.sleep(_PAUSE_S)
        session["auth_error"] = "That is not the password"
        return redirect(url_for("locust.login"))
