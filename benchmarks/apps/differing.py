"""The Quart twin, with a header more in the response to about one request in seven, always the same ones."""

from zlib import crc32

from quart import Response, request

from async_quart.app import app

ONE_IN = 7


@app.after_request
async def mark(response: Response) -> Response:
    """Add a header that the Flask twin does not send."""
    if crc32(request.method.encode() + request.full_path.encode()) % ONE_IN == 0:
        response.headers["X-Ported"] = "yes"
    return response
