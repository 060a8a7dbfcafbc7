"""What the app decides: cases that a server program answers by itself say nothing about a port.

So no case has a raw blank, control character or letter beyond ASCII in its target, the whole address as its
target, or a method in small letters: some servers refuse these, and some do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

# gunicorn refuses a request line of more than 4094 bytes, and a header line of more than 8190; others allow
# more, or answer another status.
LONGEST_TARGET = 4000
LONGEST_HEADER = 4000


def app_decides(request: RequestSpec) -> bool:
    """Whether a request comes to the app behind every server.

    Args:
        request: The request.

    Returns:
        False for what is too long for a server, and for headers with what is not ASCII, in whose place
        granian hands an empty value to a WSGI app.
    """
    return len(request.target) <= LONGEST_TARGET and all(
        len(name) + len(value) <= LONGEST_HEADER and value.isascii() for name, value in request.headers
    )
