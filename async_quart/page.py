"""The page, which fetches one of the patterns and shows its message."""

from urllib.parse import urlencode

from quart import Blueprint, Response, render_template, request

from .allowed import Choice
from .documents import SCRIPT, STYLE, html_response
from .parameters import read_parameter

PATTERNS = (
    "/data",
    "/data/blocking",
    "/data/cached",
    "/data/computed",
    "/data/dict",
    "/data/offloaded",
    "/data/upstream",
)

# What the page hands on as it is: the pattern says what is wrong with it, and the page shows that.
HANDED_ON = ("delay", "padding", "work")


def page_blueprint() -> Blueprint:
    """Build the route.

    Returns:
        A blueprint to register.
    """
    blueprint = Blueprint("page", __name__)

    @blueprint.get("/")
    async def page() -> Response:
        """Answer the page for a pattern."""
        path = read_parameter("path", Choice(choices=PATTERNS), default=PATTERNS[0])
        query = urlencode([(name, value) for name in HANDED_ON for value in request.args.getlist(name)])
        url = f"{path}?{query}" if query else path
        return html_response(await render_template("page.html", url=url, style=STYLE, script=SCRIPT))

    return blueprint
