"""A page that the server renders whole: its work is the template, and not the data."""

from flask import Blueprint, Response, render_template

from .allowed import whole
from .documents import STYLE, html_response
from .parameters import read_parameter

MOST_ROWS = 10_000


def table_blueprint() -> Blueprint:
    """Build the route.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("table", __name__)
    rows_allowed = whole("rows", MOST_ROWS)

    @blueprint.get("/page")
    def table() -> Response:
        """Answer the message above a table."""
        rows = read_parameter("rows", rows_allowed, default=0)
        return html_response(render_template("table.html", rows=rows, style=STYLE))

    return blueprint
