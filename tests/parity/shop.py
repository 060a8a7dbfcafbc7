"""A shop in this process: items, a login, errors with a code; its port has one defect, or "none"."""

import re
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults

import flask
from flask import Flask, json, jsonify, request, url_for

from portcompare.http.requests import complete_headers
from portcompare.http.responses import Response
from portcompare.records.requests import RequestSpec
from tests.parity.clients import Service

SERVER = "127.0.0.1:1"
LONGEST_NAME = 40
WITHDRAWN_ID = 2
SWAPPED = {"item_not_found": "item_withdrawn", "item_withdrawn": "item_not_found"}


class RefusedError(Exception):
    """A request that the shop does not do; `error` says why to programs, as the status alone cannot."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


class Shop:
    def __init__(self, defect: str) -> None:
        self.defect = defect
        self.items: list[dict[str, Any]] = []
        for name in ("lamp", "stool", "vase"):
            self.items.append(self.make(name))

    def make(self, name: object) -> dict[str, Any]:
        """Make an item; `sku` is text although it has digits only."""
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
            raise RefusedError(400, "bad_item")
        number = len(self.items) + 1
        return {"id": number, "name": name, "sku": f"{number:04}"}

    def login(self) -> flask.Response:
        given = request.authorization
        if given is None or (given.username, given.password) != ("ada", "engine"):
            raise RefusedError(401, "bad_login")
        response = jsonify(user=given.username)
        hidden = self.defect != "lost-cookie-attribute"
        response.set_cookie("session", "ada-1", max_age=3600, httponly=hidden, samesite="Lax")
        return response

    def list_items(self) -> flask.Response:
        limits = request.args.getlist("limit") or ["50"]
        if len(limits) > 1 or not re.fullmatch("[1-9]|[1-4][0-9]|50", limits[0]):
            raise RefusedError(422 if self.defect == "status-of-bad-parameter" else 400, "bad_limit")
        response = jsonify(items=self.items[: int(limits[0])])
        if self.defect != "lost-header":
            response.headers["Cache-Control"] = "private, max-age=60"
        return response

    def add_item(self) -> flask.Response:
        if request.mimetype != "application/json":
            if self.defect == "crash-on-content-type":
                raise TypeError("'NoneType' object is not subscriptable")
            raise RefusedError(415, "not_json")
        try:
            document = json.loads(request.get_data())
        except ValueError:
            raise RefusedError(400, "bad_json") from None
        item = self.make(document.get("name") if isinstance(document, dict) else None)
        if self.defect != "write-not-stored":
            self.items.append(item)
        response = jsonify(item)
        response.status_code = 201
        response.headers["Location"] = url_for("item", item_id=item["id"], _external=True)
        return response

    def item(self, item_id: int | str) -> flask.Response:
        number = int(item_id)
        if not 1 <= number <= len(self.items):
            raise RefusedError(404, "item_not_found")
        if number == WITHDRAWN_ID:
            raise RefusedError(404, "item_withdrawn")
        item = self.items[number - 1]
        return jsonify(item | {"sku": int(item["sku"])} if self.defect == "number-for-text" else item)

    def refuse(self, error: RefusedError) -> tuple[flask.Response, int]:
        code = SWAPPED.get(error.error, error.error) if self.defect == "swapped-error-codes" else error.error
        return jsonify(detail=str(error), error=code), error.status


def build_service(defect: str = "none") -> Service:
    app, shop = Flask(__name__), Shop(defect)
    app.register_error_handler(RefusedError, shop.refuse)
    app.add_url_rule("/login", "login", shop.login, methods=["POST"])
    app.add_url_rule("/items", "items", shop.list_items)
    app.add_url_rule("/items", "add_item", shop.add_item, methods=["POST"])
    item_id = "item_id" if defect == "text-for-number-in-path" else "int:item_id"
    app.add_url_rule(f"/items/<{item_id}>", "item", shop.item)

    def as_get(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - as WSGI has them
        method = environ["REQUEST_METHOD"].replace("HEAD", "GET")
        return app(environ | {"REQUEST_METHOD": method}, start_response)

    return wsgi_service(as_get if defect == "head-with-body" else app)


def wsgi_service(application: WSGIApplication) -> Service:
    def respond(case: RequestSpec) -> Response:
        path, _, query = case.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": case.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "HTTP_HOST": SERVER,
            "wsgi.input": BytesIO(case.body),
        }
        for name, value in complete_headers(case):
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        setup_testing_defaults(environ)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:  # noqa: ANN401
            started.append((status, headers))

        body = b"".join(application(environ, start_response))
        status, headers = started[-1]
        lowered = tuple((name.lower(), value) for name, value in headers)
        return Response(server=SERVER, status=int(status[:3]), headers=lowered, body=body)

    return respond
