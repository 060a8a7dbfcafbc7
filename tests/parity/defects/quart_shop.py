"""The shop ported to the Quart twin, with one defect or "none"."""

from collections.abc import Awaitable, Callable
from typing import Any

from quart import Blueprint, Response, json, jsonify, request, url_for

from async_quart.app import create_app
from async_quart.config import Config
from async_quart.errors import problem
from tests.parity.defects.stock import Refused, Stock, check_login, read_json, read_limit

Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Callable[[], Awaitable[dict[str, Any]]], Send], Awaitable[None]]

_SWAPPED = {"item_not_found": "item_withdrawn", "item_withdrawn": "item_not_found"}


def shop_blueprint(stock: Stock, defect: str) -> Blueprint:
    blueprint = Blueprint("shop", __name__)

    @blueprint.post("/login")
    async def login() -> Response:
        user = check_login(request.authorization)
        response = jsonify(user=user)
        hidden = defect != "lost-cookie-attribute"
        response.set_cookie("session", f"{user}-1", max_age=3600, httponly=hidden, samesite="Lax")
        return response

    @blueprint.get("/items")
    async def items() -> Response:
        response = jsonify(items=stock.first(read_limit(request.args.getlist("limit"))))
        if defect != "lost-header":
            response.headers["Cache-Control"] = "private, max-age=60"
        return response

    @blueprint.post("/items")
    async def add_item() -> Response:
        item = stock.make(await document(defect))
        if defect != "write-not-stored":
            stock.keep(item)
        response = jsonify(item.document())
        response.status_code = 201
        response.headers["Location"] = url_for("shop.item", item_id=item.id, _external=True)
        return response

    item_number = "item_id" if defect == "text-for-number-in-path" else "int:item_id"

    @blueprint.get(f"/items/<{item_number}>")
    async def item(item_id: int | str) -> Response:
        found = stock.find(int(item_id)).document()
        if defect == "number-for-text":
            found["sku"] = int(str(found["sku"]))
        return jsonify(found)

    return blueprint


async def document(defect: str) -> object:
    """The JSON that was sent."""
    if defect == "crash-on-content-type" and request.mimetype != "application/json":
        raise TypeError("'NoneType' object is not subscriptable")
    return read_json(request.mimetype, await request.data)


def make_refuse(defect: str) -> Callable[[Refused], Awaitable[Response]]:
    async def refuse(error: Refused) -> Response:
        """Respond with the twin's problem document and the error's code in it."""
        if defect == "status-of-bad-parameter" and error.error == "bad_limit":
            error.code = 422
        code = _SWAPPED.get(error.error, error.error) if defect == "swapped-error-codes" else error.error
        response = await problem(error)
        response.set_data(json.dumps(json.loads(await response.data) | {"error": code}))
        return response

    return refuse


def without_bodies_to_head(application: Application) -> Application:
    """Send no body in response to HEAD: Quart leaves that to the server, and not every server does it."""

    async def serve(
        scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send
    ) -> None:
        async def send_head(event: dict[str, Any]) -> None:
            await send(event | {"body": b""} if event["type"] == "http.response.body" else event)

        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        await application(scope, receive, send_head if is_head else send)

    return serve


def build(defect: str) -> Application:
    shop: Any = create_app(Config())
    shop.register_error_handler(Refused, make_refuse(defect))
    shop.register_blueprint(shop_blueprint(Stock(), defect))
    application: Application = shop
    return application if defect == "head-with-body" else without_bodies_to_head(application)
