"""The other methods of a path, and a path below it that does not exist."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.parity.variants.fields import without_fields

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from portcompare.model import RequestSpec

NO_SUCH_PATH = "/portcompare-no-such-path"

# Methods that hardly any route knows. All three are safe by definition (RFC 4918, 9.1; RFC 3253, 3.6;
# RFC 5323, 2), so that nothing is lost should the route know them after all: DELETE could not promise that.
# A word that is no method, or one in small letters, is refused by some servers before any app sees it.
_WRONG_METHODS = ("PROPFIND", "REPORT", "SEARCH")


def method_variants(request: RequestSpec, known_methods: AbstractSet[str]) -> Iterator[RequestSpec]:
    """What else is asked about a path; with the request's headers and login, or a login would answer it all.

    Args:
        request: A request of the path.
        known_methods: The methods that the plan uses on it.

    Yields:
        HEAD of the very target if the request is a GET; of the path alone HEAD, OPTIONS and a method that it
        does not know; GET of a path below it that does not exist.
    """
    path = request.target.partition("?")[0]
    bare = replace(
        request,
        target=path,
        headers=without_fields(request.headers, "Content-Type", "Content-Encoding"),
        body=b"",
    )
    if request.method == "GET":
        yield replace(bare, method="HEAD", target=request.target)
    wrong_methods = [method for method in _WRONG_METHODS if method not in known_methods]
    for method in ("HEAD", "OPTIONS", *wrong_methods[:1]):
        yield replace(bare, method=method)
    yield replace(bare, method="GET", target=path.rstrip("/") + NO_SUCH_PATH)
