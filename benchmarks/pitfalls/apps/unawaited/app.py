"""Orders, each with an entry in the audit log."""

from audit import record
from quart import Quart

app = Quart(__name__)


@app.get("/orders/<int:number>")
async def order(number):
    record("read", number)  # here
    return {"number": number, "items": ["pen", "book"]}


@app.get("/audits")
async def audits():
    await record("list", 0)
    return {"status": "ok"}
