"""Log files, shown in the browser."""

import tempfile
from pathlib import Path

from quart import Quart, abort

app = Quart(__name__)
FOLDER = Path(tempfile.gettempdir(), "pitfalls-logs")


@app.before_serving
def write():
    FOLDER.mkdir(exist_ok=True)
    line = "2026-11-30 12:00:00 INFO request served in 12 ms\n"
    (FOLDER / "access.log").write_text(line * 600_000)


def open_log(name):
    """Open a log, if there is one."""
    path = FOLDER / name
    if not path.is_file():
        abort(404)
    return path.open(encoding="utf-8")


@app.get("/logs/<name>")
async def tail(name):
    with open_log(name) as log:
        lines = log.read()  # here
    return lines[-1000:]
