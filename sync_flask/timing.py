"""The time that the application took, told in each answer's Server-Timing header."""

from time import perf_counter

from flask import Response, g


def start_clock() -> None:
    """Note when the processing of a request starts."""
    g.started = perf_counter()


def report_duration(response: Response) -> Response:
    """Add the duration so far to an answer.

    Args:
        response: Any answer, be it an error.

    Returns:
        The same answer.
    """
    milliseconds = (perf_counter() - g.started) * 1000
    response.headers["Server-Timing"] = f"app;dur={milliseconds:.3f}"
    return response
