"""A stream of rows."""

import asyncio

from quart import Quart, Response

app = Quart(__name__)


@app.get("/export.csv")
async def export():
    async def rows():
        for number in range(5):
            await asyncio.sleep(0.02)
            yield f"{number},row {number}\n"

    return Response(rows(), mimetype="text/csv")
