"""A shop that retries its stock service, and waits between two tries."""

import time

from quart import Blueprint, Quart

stock = Blueprint("stock", __name__, url_prefix="/stock")
LEVELS = {"pen": 12, "book": 0, "lamp": 3}


class NotReadyError(Exception):
    """The warehouse has not counted yet."""


def count(item, attempt):
    """Count an item; the first attempt is always too early."""
    if attempt == 0:
        raise NotReadyError(item)
    return LEVELS.get(item, 0)


def with_retries(function, *arguments, delay_s=0.03):
    """Call a function until it succeeds."""
    for attempt in range(3):
        try:
            return function(*arguments, attempt)
        except NotReadyError:
            time.sleep(delay_s)  # here
    raise TimeoutError


@stock.get("/<item>")
async def show(item):
    return {"item": item, "left": with_retries(count, item)}


app = Quart(__name__)
app.register_blueprint(stock)


@app.get("/health")
async def health():
    return {"status": "ok"}
