"""Cases derived from an OpenAPI document, property-based: sent and, where responses differ, made smaller.

Needs the extra `openapi`: import it only when a plan names a document.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from random import Random
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import Phase, Verbosity, assume, find, reject, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.errors import SchemathesisError, SerializationError

from portcompare.errors import InputError, Problem
from portcompare.http.bodies import printable
from portcompare.http.requests import find_flaw
from portcompare.http.trees import without_indexes
from portcompare.parity.body_variants import boundary_of
from portcompare.parity.cases import identity
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.header_variants import app_decides, with_header
from portcompare.parity.openapi import OpenApiDocument
from portcompare.parity.outcome import Explored
from portcompare.records.requests import RequestSpec

Signature = tuple[str, ...]

_ANY_SERVER = "http://server"

# Added by the library: a mark on each request, and the headers of its own client.
_LIBRARY_HEADERS = frozenset(
    {"X-Schemathesis-TestCaseId", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Length"}
)

# Some draws are the same request: so many are made for each that is wanted.
_DRAWS_PER_EXAMPLE = 4

# So many differences of an operation are reported by their smallest case, others by the case as drawn.
_SMALLEST_CASES = 5

# So many requests are sent to make one case smaller.
_SHRINKING_REQUESTS = 100


def check_document(document: OpenApiDocument) -> None:
    """Check that requests can be derived from a document; an InputError has all that is wrong."""
    _read_operations(document, ())


def explore(
    document: OpenApiDocument,
    checker: ParityChecker,
    *,
    examples: int,
    seed: int,
    known: Sequence[RequestSpec] = (),
    on_case: Callable[[], None] = lambda: None,
) -> Explored:
    """Check requests that a document allows, and requests that it does not.

    `known`: the requests that are cases already; operations use their headers and logins.
    `on_case`: called after each request.
    Raises InputError: the document cannot be used.
    """
    known_cases = frozenset(map(identity, known))
    names: Counter[str] = Counter()

    def check(request: RequestSpec) -> CaseResult:
        result = checker.check(replace(request, name=_name(request, names)))
        on_case()
        return result

    results: list[CaseResult] = []
    seeds: list[str] = []
    warnings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="portcompare-") as folder, ExitStack() as undo:
        set_hypothesis_home_dir(folder)  # so that Hypothesis leaves none where the command is run
        undo.callback(set_hypothesis_home_dir, None)
        for label, requests in _read_operations(document, known).items():
            search = _Search(requests=requests, check=check, examples=examples, known_cases=known_cases)
            try:
                search.run(seed)
            except SchemathesisError as error:
                raise InputError([_problem(document, error, label)]) from error
            found = search.results()
            results += found
            statuses = {each.baseline.status for each in found}
            if statuses and all(status and status >= HTTPStatus.BAD_REQUEST for status in statuses):
                warnings.append(
                    f"{label}: all generated requests are errors on the baseline (status "
                    f"{', '.join(map(str, sorted(filter(None, statuses))))}), so little was compared: add a "
                    "request that works to [[parity.requests]], with the login that it needs"
                )
            seeds.append(f"{label}: seed {seed}, {search.drawn}")
    return Explored(results=tuple(results), seeds=tuple(seeds), warnings=tuple(warnings))


def _name(request: RequestSpec, names: Counter[str]) -> str:
    """A unique name for a case; what it does not show, the curl line does."""
    name = f"{request.method} {_shorten(request.target, 120)} [OpenAPI]"
    if request.body:
        name = f"{name[:-1]}, body {_shorten(request.body.decode('utf-8', 'backslashreplace'), 40)}]"
    names[name] += 1
    return name if names[name] == 1 else f"{name} ({names[name]})"


def _shorten(text: str, most_chars: int) -> str:
    return printable(text if len(text) <= most_chars else f"{text[:most_chars]}...")


class _Enough(BaseException):
    """Stops Hypothesis, as Ctrl-C does: there are as many examples as are wanted."""


@dataclass(slots=True, kw_only=True)
class _Search:
    """The search for differences in one operation."""

    requests: SearchStrategy[RequestSpec]  # Those that it allows, and ones that it does not, without names
    check: Callable[[RequestSpec], CaseResult]
    examples: int
    known_cases: AbstractSet[RequestSpec]
    _drawn: dict[RequestSpec, None] = field(default_factory=dict)
    _results: dict[RequestSpec, CaseResult] = field(default_factory=dict)
    _smallest: dict[RequestSpec, None] = field(default_factory=dict)
    _explained: set[Signature] = field(default_factory=set)  # The differences that have a smallest case
    _wanted: Signature | None = None  # The difference that is being made small
    _left: int = 0  # How many more requests may be sent for it
    _obstacle: str = ""

    @property
    def drawn(self) -> str:
        """How many different requests were drawn, those of shrinking apart; if none, why."""
        number = f"{len(self._drawn)} example" + ("s" if len(self._drawn) > 1 else "")
        return number if self._drawn else f"no examples: {self._obstacle}"

    def run(self, seed: int) -> None:
        """Check requests until all examples are drawn and what differs is as small as it can be made."""
        limits = settings(
            max_examples=_DRAWS_PER_EXAMPLE * self.examples,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )
        try:
            while True:
                self._wanted, self._left = None, _SHRINKING_REQUESTS
                chance = Random(seed)  # noqa: S311 - nothing is to be kept secret
                found = find(self.requests, self._differs, settings=limits, random=chance)
                smallest = identity(found)
                self._smallest[smallest] = None
                self._explained |= self._signatures(smallest)
        except (NoSuchExample, _Enough):
            return
        except (Unsatisfiable, SerializationError) as error:
            self._obstacle = str(error).partition("\n")[0]

    def results(self) -> list[CaseResult]:
        """The results to report: without a difference, smallest, and what the smallest do not explain."""
        reported = []
        for request in dict.fromkeys((*self._drawn, *self._smallest)):
            found = self._signatures(request)
            is_explained = bool(found) and found <= self._explained
            if request not in self.known_cases and (request in self._smallest or not is_explained):
                reported.append(self._results[request])
        return reported

    def _differs(self, request: RequestSpec) -> bool:
        """Called by Hypothesis with each request that it draws, and with each that may be smaller."""
        request = identity(request)
        return self._is_new(request) if self._wanted is None else self._is_alike(request)

    def _is_new(self, request: RequestSpec) -> bool:
        """Whether a request that was drawn shows a difference that is to be made small."""
        if request not in self._drawn:
            if len(self._drawn) >= self.examples:
                raise _Enough
            self._drawn[request] = None
        new = self._signatures(request) - self._explained
        if not new or len(self._smallest) >= _SMALLEST_CASES:
            return False
        self._wanted = min(new)
        return True

    def _is_alike(self, request: RequestSpec) -> bool:
        """Whether a request that may be smaller shows the same difference."""
        if request not in self._results:
            if self._left <= 0:
                return False
            self._left -= 1
        return self._wanted in self._signatures(request)

    def _signatures(self, request: RequestSpec) -> set[Signature]:
        """Identify the differences that a request shows; one that is a case already shows none here."""
        if request in self.known_cases:
            return set()
        if request not in self._results:
            self._results[request] = self.check(request)
        return {
            # What differs in each element of an array, or each child of a name, is one difference.
            (each.deployment, each.kind, without_indexes(each.pointer))
            + ((each.baseline, each.candidate) if each.kind == "status" else ())
            for each in self._results[request].differences
            if each.counts
        }


def _read_operations(
    document: OpenApiDocument, known: Sequence[RequestSpec]
) -> dict[str, SearchStrategy[RequestSpec]]:
    """The requests of each operation of a document, by method and path as they stand there."""
    problems: list[Problem] = []
    operations: dict[str, SearchStrategy[RequestSpec]] = {}
    label = ""
    try:
        schema = schemathesis.openapi.from_dict(document.content, config=schemathesis.Config())
        schema.location = document.location
        for result in schema.get_all_operations():
            if isinstance(result, Ok):
                operation = result.ok()
                label = operation.label
                operations[label] = _derive_requests(operation, known)
            else:
                problems.append(_problem(document, result.err(), result.err().label))
    except SchemathesisError as error:
        problems.append(_problem(document, error, label))
    if not operations and not problems:
        remedy = "name one that describes the app"
        problems.append(Problem(where=document.where, found="has no operations", remedy=remedy))
    if problems:
        raise InputError(problems)
    return operations


def _problem(document: OpenApiDocument, error: SchemathesisError, label: str | None) -> Problem:
    return Problem(
        where=f"{document.where}: {label}" if label else document.where,
        found=" ".join(str(error).split()),
        remedy="correct the document",
    )


def _derive_requests(
    operation: APIOperation[Any, Any, Any, Any], known: Sequence[RequestSpec]
) -> SearchStrategy[RequestSpec]:
    base_path = urlsplit(operation.base_url or "").path.rstrip("/")
    lender = _find_lender(f"{base_path}{operation.path}", operation.method.upper(), known)

    def encode(case: Case[Any]) -> RequestSpec:
        request = _with_credentials(_encode(case, _ANY_SERVER + base_path), lender)
        assume(find_flaw(request) is None and app_decides(request))
        return request

    # What is allowed comes first: smaller counterexamples are looked for there.
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes)).map(encode)


def _encode(case: Case[Any], base_url: str) -> RequestSpec:
    """A case as the bytes of its request, without what the library adds of its own."""
    try:
        arguments = case.as_transport_kwargs(base_url=base_url)
    except SerializationError:
        reject()  # a body that its media type cannot hold, or of a media type that cannot be written
    given = {name.lower() for name in case.headers}
    prepared = requests.Request(**arguments).prepare()
    headers = tuple(
        (name, value if isinstance(value, str) else value.decode("latin-1"))
        for name, value in prepared.headers.items()
        if name.lower() in given or name not in _LIBRARY_HEADERS
    )
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    if not isinstance(body, bytes):  # there is none: files are never sent
        body = b""
    request = RequestSpec(
        name="", method=str(prepared.method), target=prepared.path_url, headers=headers, body=body
    )
    # A multipart boundary is random, which would make it another request each time: derive it from the parts.
    media_type = request.header("Content-Type") or ""
    boundary = boundary_of(media_type)
    if boundary is None:
        return request
    lasting = sha256(body.replace(boundary, b"")).hexdigest()[:32]
    media_type = media_type.replace(boundary.decode("latin-1"), lasting)
    return with_header(
        replace(request, body=body.replace(boundary, lasting.encode())), "Content-Type", media_type
    )


def _find_lender(path: str, method: str, known: Sequence[RequestSpec]) -> RequestSpec | None:
    """The request whose headers and login an operation uses: of its path and, if there is any, method."""
    template = re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", path)))
    same_path = [request for request in known if template.fullmatch(request.path)]
    same_method = [request for request in same_path if request.method == method]
    with_login = [request for request in known if request.login]
    return next(iter((*same_method, *same_path, *with_login)), None)


def _with_credentials(request: RequestSpec, lender: RequestSpec | None) -> RequestSpec:
    """A request with another one's headers and login; its own headers stay, but cookies are added."""
    if lender is None:
        return request
    for name, value in lender.headers:
        own = request.header(name)
        if name.lower() == "cookie" and own:
            request = with_header(request, name, f"{own}; {value}")
        elif own is None and not name.lower().startswith("content-"):
            request = with_header(request, name, value)
    return replace(request, login=lender.login)
