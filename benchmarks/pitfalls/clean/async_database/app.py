"""Notes in SQLite, read on the connection's own thread."""

import tempfile
from pathlib import Path

import aiosqlite
from quart import Quart, abort

app = Quart(__name__)
DATABASE = Path(tempfile.gettempdir(), "pitfalls-notes.sqlite")


@app.while_serving
async def connect():
    async with aiosqlite.connect(DATABASE) as app.database:
        await app.database.execute("DROP TABLE IF EXISTS notes")
        await app.database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        await app.database.executemany(
            "INSERT INTO notes VALUES (?, ?)", [(n, f"note {n}") for n in range(100)]
        )
        await app.database.commit()
        yield


@app.get("/notes/<int:number>")
async def note(number):
    async with app.database.execute("SELECT text FROM notes WHERE id = ?", (number,)) as cursor:
        row = await cursor.fetchone()
    if row is None:
        abort(404)
    return {"note": row[0]}
