"""The search for requests of an operation that are answered otherwise: Hypothesis draws and shrinks them.

Imported only where the extra `openapi` is known to be installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis.errors import SchemathesisError, SerializationError

from portcompare.errors import InputError
from portcompare.parity.cases import identity
from portcompare.parity.openapi_requests import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from portcompare.model import RequestSpec
    from portcompare.parity.asker import Examined
    from portcompare.parity.openapi_document import OpenApiDocument
    from portcompare.parity.openapi_requests import Operation

    # By what a difference is known again in another case.
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

        Args:
            document: The document that the operation stands in, for messages.
            seed: What the draw begins with.

        Raises:
            InputError: No request can be made of the operation.
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
