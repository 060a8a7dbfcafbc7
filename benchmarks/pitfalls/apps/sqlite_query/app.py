"""A search over customers, in SQLite."""

import sqlite3
import tempfile
from pathlib import Path

from quart import Quart, request

app = Quart(__name__)
DATABASE = Path(tempfile.gettempdir(), "pitfalls-customers.sqlite")


@app.before_serving
async def fill():
    with sqlite3.connect(DATABASE) as connection:
        connection.execute("DROP TABLE IF EXISTS customers")
        connection.execute("CREATE TABLE customers (name TEXT, city TEXT)")
        rows = ((f"customer {number}", f"city {number % 997}") for number in range(200_000))
        connection.executemany("INSERT INTO customers VALUES (?, ?)", rows)


@app.get("/customers")
async def customers():
    wanted = request.args.get("q", "99")
    connection = sqlite3.connect(DATABASE)
    try:
        query = "SELECT count(*) FROM customers WHERE name LIKE ? AND city LIKE ?"
        (found,) = connection.execute(query, (f"%{wanted}%", f"%{wanted}%")).fetchone()  # here
    finally:
        connection.close()
    return {"found": found}
