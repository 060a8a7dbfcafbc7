"""Articles of a database."""

from pool import Pool
from quart import Quart

app = Quart(__name__)


@app.before_serving
async def connect():
    app.pool = Pool()


@app.get("/articles/<int:number>")
async def article(number):
    async with app.pool.connection() as connection:  # here
        rows = await connection.fetch(f"article {number}")
    return {"rows": rows}


@app.get("/health")
async def health():
    return {"status": "ok"}
