"""Prices in several currencies, by another service."""

from decimal import Decimal

from quart import Quart, abort
from rates import current_rate

app = Quart(__name__)
PRICES = {"pen": Decimal("1.20"), "book": Decimal("18.00"), "lamp": Decimal("34.50")}


@app.get("/prices/<item>")
async def price(item):
    if item not in PRICES:
        abort(404)
    rate = await current_rate("EUR", "USD")
    return {"item": item, "usd": str(PRICES[item] * rate)}


@app.get("/items")
async def items():
    return {"items": sorted(PRICES)}
