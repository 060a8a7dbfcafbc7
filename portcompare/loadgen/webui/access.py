"""Who may use the web UI: no page of another site, and nobody without the password where one is set."""

import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import gevent
from flask import Flask, Response, redirect, request, session, url_for
from flask_login import UserMixin, current_user, login_user
from gevent.lock import BoundedSemaphore
from locust.web import WebUI
from werkzeug.security import check_password_hash

from portcompare.wire.protocol import is_loopback

_HEADERS: Final = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_VIEWER: Final = "viewer"
# What needs no login: the login form, and the endpoint it is sent to.
_OPEN_ENDPOINTS: Final = ("locust.login", "locust.send_assets", "login_with_password")
_FAILED_LOGIN_PAUSE_S: Final = 0.5
_LARGEST_FORM_BYTES: Final = 1_000_000


def refuse_other_sites(app: Flask, host: str) -> None:
    """Refuse requests that a page of another site has sent.

    Such a page can have a browser post to this one, with cookies or without (CSRF); and by changing the
    address of its own name it can have the browser read from this one (DNS rebinding).
    """
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_FORM_BYTES  # more is refused before it is read

    @app.before_request
    def refuse() -> Response | None:
        if is_loopback(host) and not is_loopback(_hostname(f"//{request.host}")):
            return Response(f"{request.host} is not a name of this server; use {host}\n", 421)
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return None
        # A client that sends neither header is not a browser.
        site, origin = request.headers.get("Sec-Fetch-Site", "none"), request.headers.get("Origin")
        is_own = origin is None or urlsplit(origin).netloc == request.host
        if is_own and site in ("same-origin", "none"):
            return None
        return Response("a page of another site must not post here\n", 403)

    def add_headers(response: Response) -> Response:
        for name in [name for name in response.headers.keys() if name.startswith("Access-Control-")]:  # noqa: SIM118 - not a dict
            del response.headers[name]  # Locust lets every site read its responses
        response.headers.extend(_HEADERS)
        return response

    # Flask calls the first one last: after Locust's own, which lets every site in.
    app.after_request_funcs.setdefault(None, []).insert(0, add_headers)


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


class _Viewer(UserMixin):
    """Anyone who knows the password."""

    id = _VIEWER


def require_login(web_ui: WebUI, password_hash: str) -> None:
    """Refuse every request without a login.

    Locust protects its routes one by one. Here every endpoint is closed unless it is listed as open, so that
    none is forgotten.
    """
    app = web_ui.app
    app.secret_key = secrets.token_bytes(32)  # a cookie of an earlier UI is not valid
    app.config.update(
        SESSION_COOKIE_NAME="portcompare_ui",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
    )
    web_ui.login_manager.user_loader(lambda name: _Viewer() if name == _VIEWER else None)
    web_ui.auth_args = {
        "title": "portcompare",
        "custom_form": {
            "inputs": [{"label": "Password", "name": "password", "is_secret": True, "is_required": True}],
            "callback_url": "./login/password",
            "submit_button_text": "Open",
        },
    }
    one_login_at_a_time = BoundedSemaphore()

    @app.before_request
    def refuse_without_login() -> Any:  # noqa: ANN401 - any response of Flask
        if request.endpoint in _OPEN_ENDPOINTS or current_user.is_authenticated:
            return None
        is_browser = "text/html" in request.headers.get("Accept", "")  # programs accept anything
        if request.method == "GET" and is_browser and request.endpoint is not None:
            return redirect(url_for("locust.login"))
        return Response("log in first\n", 401)

    @app.route("/login/password", methods=["POST"])
    def login_with_password() -> Any:  # noqa: ANN401 - as above
        with one_login_at_a_time:  # so that passwords cannot be tried in parallel
            if check_password_hash(password_hash, request.form.get("password", "")):
                session.clear()
                session.permanent = True
                login_user(_Viewer())
                return redirect(url_for("locust.index"))
            gevent.sleep(_FAILED_LOGIN_PAUSE_S)
        session["auth_error"] = "The password is wrong"
        return redirect(url_for("locust.login"))
