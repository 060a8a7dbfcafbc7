"""Cases made of an OpenAPI document, property-based: asked and, where the answers differ, made smaller."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis.errors import SchemathesisError, SerializationError

from portcompare.errors import InputError
from portcompare.parity.cases import identity
from portcompare.parity.checker import Examined
from portcompare.parity.findings import printable
from portcompare.parity.openapi_document import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from portcompare.parity.checker import Asker
    from portcompare.parity.openapi_document import OpenApiDocument, Operation
    from portcompare.records.requests import RequestSpec


_SHOWN_TARGET_CHARS = 120
_SHOWN_BODY_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What the cases of a document showed."""

    # The cases that were answered alike, and the smallest of those that were not
    examined: tuple[Examined, ...] = ()
    seeds: tuple[str, ...] = ()  # For each operation the seed and the number of examples, in words


def check_document(document: OpenApiDocument) -> None:
    """Make sure that requests can be made of a document.

    Raises InputError: with all that is wrong with its operations.
    """
    from portcompare.parity.openapi_document import read_operations  # noqa: PLC0415 - of an optional extra

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

    Raises InputError: the document cannot be used.
    """
    # Both need the extra `openapi`.
    from portcompare.parity.openapi_document import read_operations  # noqa: PLC0415
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


if TYPE_CHECKING:
    Signature = tuple[str, ...]

# What differs in each element of an array is one difference.
_ARRAY_INDEX = re.compile(r"/[0-9]+(?=/|$)")

# Some draws come to the same request; so many are made for each that is wanted.
_DRAWS_PER_EXAMPLE = 4

# So many differences of an operation are told by their smallest case, those beyond by the case as drawn.
_SMALLEST_CASES = 5

# So many requests are spent on making one case smaller.
_SHRINKING_REQUESTS = 100


class _DiffersError(Exception):
    """What Hypothesis makes a smaller example of."""


class _Enough(BaseException):
    """There are as many examples as are wanted; as with Ctrl-C, Hypothesis goes no further."""


class Search:
    """The search for differences in one operation."""

    def __init__(
        self,
        operation: Operation,
        examine: Callable[[RequestSpec], Examined],
        *,
        examples: int,
        asked_anyway: AbstractSet[RequestSpec],
    ) -> None:
        self._operation = operation
        self._examine = examine
        self._examples = examples
        self._asked_anyway = asked_anyway
        self._drawn: dict[RequestSpec, None] = {}
        self._examined: dict[RequestSpec, Examined] = {}
        self._smallest: dict[RequestSpec, None] = {}
        self._explained: set[Signature] = set()
        self._wanted: Signature | None = None
        self._last: RequestSpec | None = None
        self._left = 0
        self._obstacle = ""

    @property
    def drawn(self) -> str:
        """How many different requests were drawn, those of shrinking not counted; if none, why."""
        number = f"{len(self._drawn)} example" + ("s" if len(self._drawn) > 1 else "")
        return number if self._drawn else f"no examples: {self._obstacle}"

    def run(self, document: OpenApiDocument, seed: int) -> None:
        """Draw and ask, until all examples are drawn and what differs is as small as it can be made.

        Raises InputError: no request can be made of the operation.
        """
        test = seeded(seed)(
            settings(
                max_examples=_DRAWS_PER_EXAMPLE * self._examples,
                phases=(Phase.generate, Phase.shrink),
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                report_multiple_bugs=False,
                print_blob=False,
                verbosity=Verbosity.quiet,
            )(given(self._operation.requests)(self._consider))
        )
        while True:
            self._wanted, self._last, self._left = None, None, _SHRINKING_REQUESTS
            try:
                test()
            except _DiffersError:
                self._explain()
            except _Enough:
                return
            except (Unsatisfiable, SerializationError) as error:
                self._obstacle = str(error).partition("\n")[0]
                return
            except SchemathesisError as error:
                raise InputError([unreadable(document, error, self._operation.label)]) from error
            else:
                return

    def told(self) -> list[Examined]:
        """What goes into the report: what is alike, what is smallest, and what these do not explain."""
        requests = [each for each in (*self._drawn, *self._smallest) if each not in self._asked_anyway]
        return [
            self._examined[request]
            for request in dict.fromkeys(requests)
            if request in self._smallest or not self._is_explained(request)
        ]

    def _consider(self, request: RequestSpec) -> None:
        """What Hypothesis calls with each request that it draws, and with each that is to be smaller."""
        request = identity(request)
        if self._is_new(request) if self._wanted is None else self._is_like_it(request):
            self._last = request
            raise _DiffersError  # in this line only: Hypothesis tells failures apart by theirs

    def _is_new(self, request: RequestSpec) -> bool:
        """Whether a request that was drawn shows a difference that is to be made small."""
        if request not in self._drawn:
            if len(self._drawn) >= self._examples:
                raise _Enough
            self._drawn[request] = None
        new = self._signatures(request) - self._explained
        if not new or len(self._smallest) >= _SMALLEST_CASES:
            return False
        self._wanted = min(new)
        return True

    def _is_like_it(self, request: RequestSpec) -> bool:
        """Whether a request that may be smaller shows the same difference."""
        if request not in self._examined:
            if self._left <= 0:
                return False
            self._left -= 1
        return self._wanted in self._signatures(request)

    def _signatures(self, request: RequestSpec) -> set[Signature]:
        """By what the differences that a request shows are known; what is asked anyway shows none here."""
        if request in self._asked_anyway:
            return set()
        if request not in self._examined:
            self._examined[request] = self._examine(request)
        return {
            (each.deployment, each.kind, _ARRAY_INDEX.sub("/*", each.pointer))
            + ((each.baseline, each.candidate) if each.kind == "status" else ())
            for each in self._examined[request].differences
            if each.counts
        }

    def _is_explained(self, request: RequestSpec) -> bool:
        found = self._signatures(request)
        return bool(found) and found <= self._explained

    def _explain(self) -> None:
        """Note the smallest case, and what it shows: it need not be looked for again."""
        assert self._last is not None  # noqa: S101 - for the type: it differed
        self._smallest[self._last] = None
        self._explained |= self._signatures(self._last)
