"""What the pages have in common: style, script, and the policy that lets a browser run nothing else."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from flask import Response

_FOLDER = Path(__file__).parent / "templates"

STYLE = (_FOLDER / "style.css").read_text("utf-8")
SCRIPT = (_FOLDER / "script.js").read_text("utf-8")


def html_response(html: str) -> Response:
    """Answer a page.

    Args:
        html: The document, which has no style, script or picture but those of the templates.

    Returns:
        The page and its Content-Security-Policy.
    """
    return Response(html, headers={"Content-Security-Policy": POLICY})


def _source(text: str) -> str:
    """Return what stands in a policy for an inline element with just this text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src {_source(SCRIPT)}",
        f"style-src {_source(STYLE)}",
        "connect-src 'self'",
        "img-src data:",  # the empty icon, so that no browser asks for another
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
