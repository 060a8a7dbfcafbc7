"""A service that sends its log to a collector."""

import logging
import os
import urllib.request

from quart import Quart

app = Quart(__name__)
COLLECTOR = os.environ["UPSTREAM"]


class CollectorHandler(logging.Handler):
    """Sends each record."""

    def emit(self, record):
        """Send a record."""
        body = self.format(record).encode()
        with urllib.request.urlopen(f"{COLLECTOR}/log", data=body, timeout=10):  # here
            pass


logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logger.addHandler(CollectorHandler())


@app.get("/carts/<int:number>")
async def cart(number):
    logger.info("cart %d was read", number)  # here
    return {"number": number, "items": []}


@app.get("/carts")
async def carts():
    return {"count": 3}
