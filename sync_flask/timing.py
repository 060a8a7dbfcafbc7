"""The time that the application took, in the Server-Timing header of each response."""

from time import perf_counter

from flask import Response, g


def start_clock() -> None:
    """Record when the processing of a request starts."""
    g.started = perf_counter()


def report_duration(response: Response) -> Response:
    """Add the header to a response, also to that of an error."""
    milliseconds = (perf_counter() - g.started) * 1000
    response.headers["Server-Timing"] = f"app;dur={milliseconds:.3f}"
    return response
