"""Every error as a problem document (RFC 9457)."""

from flask import Response, json
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, HTTPException

from .allowed import Allowed


class ParameterError(BadRequest):
    """A query parameter is not what it must be."""

    def __init__(self, parameter: str, allowed: Allowed[object]) -> None:
        super().__init__(f"The query parameter '{parameter}' must be given at most once, as {allowed}.")
        self.members: dict[str, object] = {"parameter": parameter, **allowed.members}


def problem(error: HTTPException) -> Response:
    """Answer an error with a problem document.

    Args:
        error: The error; for an unhandled exception, the InternalServerError that hides it.

    Returns:
        The document with the error's status and headers (such as Allow).
    """
    members: dict[str, object] = {
        "type": "about:blank",
        "title": error.name,
        "status": error.code,
        "detail": error.description,
    }
    if isinstance(error, ParameterError):
        members |= error.members
    return Response(
        json.dumps(members),
        status=error.code,
        headers=Headers(error.get_headers()),
        content_type="application/problem+json",
    )
