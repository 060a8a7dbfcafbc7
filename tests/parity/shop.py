"""A shop with items, a login, and errors with a code for programs; its port has one defect, or "none"."""

import re
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask, Response, json, jsonify, request, url_for

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

    def login(self) -> Response:
        given = request.authorization
        if given is None or (given.username, given.password) != ("ada", "engine"):
            raise RefusedError(401, "bad_login")
        response = jsonify(user=given.username)
        hidden = self.defect != "lost-cookie-attribute"
        response.set_cookie("session", "ada-1", max_age=3600, httponly=hidden, samesite="Lax")
        return response

    def list_items(self) -> Response:
        limits = request.args.getlist("limit") or ["50"]
        if len(limits) > 1 or not re.fullmatch("[1-9]|[1-4][0-9]|50", limits[0]):
            raise RefusedError(422 if self.defect == "status-of-bad-parameter" else 400, "bad_limit")
        response = jsonify(items=self.items[: int(limits[0])])
        if self.defect != "lost-header":
            response.headers["Cache-Control"] = "private, max-age=60"
        return response

    def add_item(self) -> Response:
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

    def item(self, item_id: int | str) -> Response:
        number = int(item_id)
        if not 1 <= number <= len(self.items):
            raise RefusedError(404, "item_not_found")
        if number == WITHDRAWN_ID:
            raise RefusedError(404, "item_withdrawn")
        item = self.items[number - 1]
        return jsonify(item | {"sku": int(item["sku"])} if self.defect == "number-for-text" else item)

    def refuse(self, error: RefusedError) -> tuple[Response, int]:
        code = SWAPPED.get(error.error, error.error) if self.defect == "swapped-error-codes" else error.error
        return jsonify(detail=str(error), error=code), error.status


def build(defect: str = "none") -> WSGIApplication:
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

    return as_get if defect == "head-with-body" else app
