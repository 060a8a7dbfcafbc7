"""A list in JSON."""

import json

from quart import Blueprint, Quart, Response, jsonify

items = Blueprint("items", __name__)
ITEMS = [{"id": number, "name": f"item {number}"} for number in range(20)]


@items.get("/items")
async def all_items():
    return jsonify(ITEMS)


@items.get("/items/<int:number>")
async def one_item(number):
    return Response(json.dumps(ITEMS[number]), mimetype="application/json")


app = Quart(__name__)
app.register_blueprint(items)
