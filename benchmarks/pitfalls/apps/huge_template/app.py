"""A report as one page."""

from quart import Quart, render_template

app = Quart(__name__)
SALES = [
    {"number": number, "item": f"item {number % 13}", "cents": number * 7 % 9973} for number in range(6_000)
]


@app.get("/report")
async def report():
    return await render_template("report.html", sales=SALES, title="Sales of the year")  # here


@app.get("/summary")
async def summary():
    return {"count": len(SALES), "cents": 1}
