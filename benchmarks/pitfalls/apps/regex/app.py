"""A form whose fields are checked by patterns."""

import re

from quart import Quart, request

app = Quart(__name__)
FULL_NAME = re.compile(r"^(\w+\s?)+$")
POSTCODE = re.compile(r"\d{5}")


def problems_of(fields):
    """Which fields are wrong."""
    problems = []
    if not FULL_NAME.match(fields.get("name", "")):  # here
        problems.append("name")
    if not POSTCODE.fullmatch(fields.get("postcode", "")):
        problems.append("postcode")
    return problems


@app.get("/check")
async def check():
    problems = problems_of(request.args)
    return {"problems": problems}
