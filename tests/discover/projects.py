"""Small made-up projects to be looked at."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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
