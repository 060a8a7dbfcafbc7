"""Small made-up projects to be looked at."""

from pathlib import Path
from textwrap import dedent

FLASK = """
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return "hello"
"""

QUART = """
from quart import Quart

app = Quart(__name__)


@app.get("/")
async def index():
    return "hello"
"""


def write_project(folder: Path, files: dict[str, str]) -> Path:
    """Write files into a folder, with all folders between; returns the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return folder
