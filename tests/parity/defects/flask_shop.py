"""A shop on the Flask twin: items, a login, errors with a code for programs."""

from __future__ import annotations

from flask import Blueprint, Response, json, jsonify, request, url_for

from sync_flask.app import create_app
from sync_flask.config import Config
from sync_flask.errors import problem
from tests.parity.defects.stock import METHODS, VARIES, Refused, Stock, check_login, read_json, read_limit


def shop_blueprint(stock: Stock) -> Blueprint:
    """Build the routes of the shop."""
    blueprint = Blueprint("shop", __name__)

    @blueprint.post("/login")
    def login() -> Response:
        user = check_login(request.authorization)
        answer = jsonify(user=user)
        answer.set_cookie("session", f"{user}-1", max_age=3600, httponly=True, samesite="Lax")
        return answer

    @blueprint.get("/items")
    def items() -> Response:
        answer = jsonify(items=stock.first(read_limit(request.args.getlist("limit"))))
        answer.headers["Cache-Control"] = "private, max-age=60"
        return answer

    @blueprint.post("/items")
    def add_item() -> Response:
        item = stock.make(document())
        stock.keep(item)
        answer = jsonify(item.document())
        answer.status_code = 201
        answer.headers["Location"] = url_for("shop.item", item_id=item.id, _external=True)
        return answer

    @blueprint.get("/items/<int:item_id>")
    def item(item_id: int) -> Response:
        return jsonify(stock.find(item_id).document())

    @blueprint.route("/receipt", methods=METHODS)
    def receipt() -> Response:
        answer = jsonify(stock.receipt())
        answer.set_cookie("seen", "yes", max_age=3600)
        answer.vary.update(VARIES)
        return answer

    return blueprint


def document() -> object:
    """The JSON that was sent."""
    return read_json(request.mimetype, request.get_data())


def refuse(error: Refused) -> Response:
    """Answer with the twin's problem document and the error's code in it."""
    answer = problem(error)
    answer.set_data(json.dumps(json.loads(answer.get_data()) | {"error": error.error}))
    return answer


app = create_app(Config())
app.register_error_handler(Refused, refuse)
app.register_blueprint(shop_blueprint(Stock()))
