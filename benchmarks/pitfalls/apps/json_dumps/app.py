"""All measurements of a station in one response."""

import json
import math

from quart import Quart, Response

app = Quart(__name__)
MEASUREMENTS = [
    {
        "minute": minute,
        "temperature": 20 + 5 * math.sin(minute / 720),
        "station": {"id": minute % 9, "on": True},
    }
    for minute in range(15_000)
]


@app.get("/measurements")
async def measurements():
    body = json.dumps({"measurements": MEASUREMENTS}, sort_keys=True)  # here
    return Response(body, mimetype="application/json")


@app.get("/measurements/<int:minute>")
async def measurement(minute):
    return MEASUREMENTS[minute]
