"""Every error as a problem document (RFC 9457)."""

from flask import Response, json
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, HTTPException

from .parsing import ParseError


class ParameterError(BadRequest):
    """A query parameter is given twice, or cannot be parsed."""

    def __init__(self, parameter: str, error: ParseError) -> None:
        super().__init__(f"The query parameter '{parameter}' must be given at most once, as {error}.")
        self.members = {"parameter": parameter, **error.limits}


def problem(error: HTTPException) -> Response:
    """Return a problem document with the error's status and headers, such as Allow.

    An unhandled exception comes here as the InternalServerError that hides it.
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
