"""An export that is read page by page while it is sent."""

import time

from quart import Quart, Response

app = Quart(__name__)


def read_page(number):
    """Read a page, as a driver does that blocks."""
    time.sleep(0.03)  # here
    return [f"{number},{row}" for row in range(100)]


@app.get("/export.csv")
async def export():
    def rows():  # here
        for number in range(5):
            yield "\n".join(read_page(number)) + "\n"  # here

    return Response(rows(), mimetype="text/csv")  # here
