"""A view keeps the user on its class, which all requests share."""

import asyncio

from quart import Quart, request, session
from quart.views import MethodView

app = Quart(__name__)
app.secret_key = "only for this test"


@app.post("/login")
async def login() -> dict[str, str]:
    session["user"] = (await request.form)["user"]
    return {"status": "logged in"}


class Orders(MethodView):
    user = ""

    async def get(self) -> str:
        type(self).user = session["user"]
        await asyncio.sleep(0.005)  # as a query would
        return f"<h1>Orders</h1><ul><li data-owner='{self.user}'>1 book</li></ul>"


app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
