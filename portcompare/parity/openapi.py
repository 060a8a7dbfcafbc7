"""Cases made of an OpenAPI document, property-based: asked and, where the answers differ, made smaller."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portcompare.parity.asker import Examined
from portcompare.parity.cases import identity
from portcompare.parity.excerpt import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from portcompare.model import RequestSpec
    from portcompare.parity.asker import Asker
    from portcompare.parity.openapi_document import OpenApiDocument

_SHOWN_TARGET_CHARS = 120
_SHOWN_BODY_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What the cases of a document showed.

    Attributes:
        examined: The cases that were answered alike, and the smallest of those that were not.
        seeds: For each operation the seed and the number of examples, in words.
    """

    examined: tuple[Examined, ...] = ()
    seeds: tuple[str, ...] = ()


def check_document(document: OpenApiDocument) -> None:
    """Make sure that requests can be made of a document.

    Args:
        document: The document.

    Raises:
        InputError: With all that is wrong with its operations.
    """
    from portcompare.parity.openapi_requests import read_operations  # noqa: PLC0415 - of an optional extra

    read_operations(document, ())


def explore(
    document: OpenApiDocument,
    asker: Asker,
    *,
    examples: int,
    seed: int,
    known: Sequence[RequestSpec] = (),
    on_case: Callable[[], None] = lambda: None,
) -> Explored:
    """Ask what a document allows, and what it does not.

    Args:
        document: The document.
        asker: Sends each case to all deployments.
        examples: How many different requests are drawn of each operation.
        seed: What the draw begins with; the same seed draws the same.
        known: The cases that are asked anyway: they are not asked here, and lend their headers and logins.
        on_case: Called after each request, for progress.

    Returns:
        What was asked and found.

    Raises:
        InputError: The document cannot be used.
    """
    # Both need the extra `openapi`.
    from portcompare.parity.openapi_requests import read_operations  # noqa: PLC0415
    from portcompare.parity.openapi_search import Search  # noqa: PLC0415

    asked_anyway = frozenset(map(identity, known))
    names: Counter[str] = Counter()

    def examine(request: RequestSpec) -> Examined:
        examined = asker.examine(replace(request, name=_name(request, names)))
        on_case()
        return examined

    examined: list[Examined] = []
    seeds: list[str] = []
    with _nothing_kept():
        for operation in read_operations(document, known):
            search = Search(operation, examine, examples=examples, asked_anyway=asked_anyway)
            search.run(document, seed)
            examined += search.told()
            seeds.append(f"{operation.label}: seed {seed}, {search.drawn}")
    return Explored(examined=tuple(examined), seeds=tuple(seeds))


def _name(request: RequestSpec, names: Counter[str]) -> str:
    """A name that no other case has; what does not show in it shows in the curl line."""
    name = f"{request.method} {_shown(request.target, _SHOWN_TARGET_CHARS)} [OpenAPI]"
    if request.body:
        body = request.body.decode("utf-8", "backslashreplace")
        name = f"{name[:-1]}, body {_shown(body, _SHOWN_BODY_CHARS)}]"
    names[name] += 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _shown(text: str, most_chars: int) -> str:
    return printable(text if len(text) <= most_chars else f"{text[:most_chars]}...")


@contextmanager
def _nothing_kept() -> Iterator[None]:
    """Hypothesis would leave a folder where the command is run."""
    from hypothesis.configuration import set_hypothesis_home_dir  # noqa: PLC0415 - of an optional extra

    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
