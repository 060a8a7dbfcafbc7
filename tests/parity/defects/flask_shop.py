"""A shop on the Flask twin: items, a login, errors with a code for programs."""

from flask import Blueprint, Flask, Response, json, jsonify, request, url_for

from sync_flask.app import create_app
from sync_flask.config import Config
from sync_flask.errors import problem
from tests.parity.defects.stock import Refused, Stock, check_login, read_json, read_limit


def shop_blueprint(stock: Stock) -> Blueprint:
    blueprint = Blueprint("shop", __name__)

    @blueprint.post("/login")
    def login() -> Response:
        user = check_login(request.authorization)
        response = jsonify(user=user)
        response.set_cookie("session", f"{user}-1", max_age=3600, httponly=True, samesite="Lax")
        return response

    @blueprint.get("/items")
    def items() -> Response:
        response = jsonify(items=stock.first(read_limit(request.args.getlist("limit"))))
        response.headers["Cache-Control"] = "private, max-age=60"
        return response

    @blueprint.post("/items")
    def add_item() -> Response:
        item = stock.make(document())
        stock.keep(item)
        response = jsonify(item.document())
        response.status_code = 201
        response.headers["Location"] = url_for("shop.item", item_id=item.id, _external=True)
        return response

    @blueprint.get("/items/<int:item_id>")
    def item(item_id: int) -> Response:
        return jsonify(stock.find(item_id).document())

    return blueprint


def document() -> object:
    """The JSON that was sent."""
    return read_json(request.mimetype, request.get_data())


def refuse(error: Refused) -> Response:
    """Respond with the twin's problem document and the error's code in it."""
    response = problem(error)
    response.set_data(json.dumps(json.loads(response.get_data()) | {"error": error.error}))
    return response


def build() -> Flask:
    shop = create_app(Config())
    shop.register_error_handler(Refused, refuse)
    shop.register_blueprint(shop_blueprint(Stock()))
    return shop
