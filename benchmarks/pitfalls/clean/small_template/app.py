"""A page of a few lines."""

from quart import Quart, render_template

app = Quart(__name__)
ITEMS = ["pen", "book", "lamp"]


@app.get("/")
async def front():
    return await render_template("front.html", items=ITEMS)
