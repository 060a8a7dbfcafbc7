"""From an OpenAPI document to requests: for each operation a Hypothesis strategy, by Schemathesis.

Imported only where the extra `openapi` is known to be installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.errors import SchemathesisError, SerializationError

from portcompare.errors import InputError, Problem
from portcompare.model import RequestSpec
from portcompare.parity.variants import app_decides
from portcompare.parity.variants.fields import field, with_field
from portcompare.parity.variants.multipart import boundary_of
from portcompare.requests import find_flaw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemathesis import APIOperation, Case

    from portcompare.parity.openapi_document import OpenApiDocument

_ANY_SERVER = "http://server"

# What the library adds of its own: a mark on each request, and how its own client talks.
_LIBRARY_HEADERS = frozenset(
    {"X-Schemathesis-TestCaseId", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Length"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of a document.

    Attributes:
        label: Method and path, as the document has them.
        requests: Requests that it allows, and ones that it does not; their names are empty.
    """

    label: str
    requests: SearchStrategy[RequestSpec]


def read_operations(document: OpenApiDocument, known: Sequence[RequestSpec]) -> tuple[Operation, ...]:
    """Read what a document lets one ask for.

    Args:
        document: The document.
        known: The plan's requests. An operation borrows the headers and the login of the first of its path,
            or else of the first that logs in: without them a server might answer everything alike.

    Returns:
        Its operations, in its order.

    Raises:
        InputError: With all that cannot be read.
    """
    problems: list[Problem] = []
    operations: list[Operation] = []
    try:
        schema = schemathesis.openapi.from_dict(document.content, config=schemathesis.Config())
        schema.location = document.location
        for result in schema.get_all_operations():
            if isinstance(result, Ok):
                operations.append(_operation(result.ok(), document, known))
            else:
                problems.append(unreadable(document, result.err(), result.err().label))
    except SchemathesisError as error:
        problems.append(unreadable(document, error))
    if not operations and not problems:
        problems.append(
            Problem(where=document.where, found="has no operations", remedy="name one that describes the app")
        )
    if problems:
        raise InputError(problems)
    return tuple(operations)


def unreadable(document: OpenApiDocument, error: SchemathesisError, label: str = "") -> Problem:
    """What is wrong with a document, or an operation of it.

    Args:
        document: The document.
        error: What the library says.
        label: The operation, by method and path.

    Returns:
        The problem.
    """
    return Problem(
        where=f"{document.where}: {label}" if label else document.where,
        found=" ".join(str(error).split()),
        remedy="correct it there",
    )


def _operation(
    operation: APIOperation[Any, Any, Any, Any], document: OpenApiDocument, known: Sequence[RequestSpec]
) -> Operation:
    base_path = urlsplit(operation.base_url or "").path.rstrip("/")
    borrowed = _borrow(f"{base_path}{operation.path}", operation.method.upper(), known)

    def request(case: Case[Any]) -> RequestSpec:
        spec = _with_credentials(_request(case, _ANY_SERVER + base_path), borrowed)
        assume(find_flaw(spec) is None and app_decides(spec))
        return spec

    # What is allowed comes first: smaller counterexamples are looked for there.
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    try:
        cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))
    except SchemathesisError as error:
        raise InputError([unreadable(document, error, operation.label)]) from error
    return Operation(label=operation.label, requests=cases.map(request))


def _request(case: Case[Any], base_url: str) -> RequestSpec:
    """A case as its bytes, without what the library adds of its own."""
    try:
        arguments = case.as_transport_kwargs(base_url=base_url)
    except SerializationError:
        reject()  # a body that its media type cannot hold, or of a media type that nobody here can write
    given = {name.lower() for name in case.headers}
    prepared = requests.Request(**arguments).prepare()
    headers = tuple(
        (name, _text(value))
        for name, value in prepared.headers.items()
        if name.lower() in given or name not in _LIBRARY_HEADERS
    )
    spec = RequestSpec(
        name="",
        method=str(prepared.method),
        target=prepared.path_url,
        headers=headers,
        body=_bytes(prepared.body),
    )
    return _with_lasting_boundary(spec)


def _with_lasting_boundary(spec: RequestSpec) -> RequestSpec:
    """A multipart request whose boundary follows from its parts: a random one makes it another each time."""
    media_type = field(spec.headers, "Content-Type") or ""
    boundary = boundary_of(media_type)
    if boundary is None:
        return spec
    lasting = sha256(spec.body.replace(boundary, b"")).hexdigest()[:32].encode()
    return replace(
        spec,
        headers=with_field(
            spec.headers, "Content-Type", media_type.replace(boundary.decode("latin-1"), lasting.decode())
        ),
        body=spec.body.replace(boundary, lasting),
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _bytes(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""  # it is text, bytes or nothing: no file is ever sent


def _borrow(path: str, method: str, known: Sequence[RequestSpec]) -> RequestSpec | None:
    """The plan's request whose headers and login an operation uses: if there is any, of the same method."""
    template = re.compile("[^/]+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", path)))
    same_path = [request for request in known if template.fullmatch(request.target.partition("?")[0])]
    same_method = [request for request in same_path if request.method == method]
    with_login = [request for request in known if request.login]
    return next(iter((*same_method, *same_path, *with_login)), None)


def _with_credentials(spec: RequestSpec, other: RequestSpec | None) -> RequestSpec:
    """A request with another one's headers and login; what it has itself stays, but cookies add up."""
    if other is None:
        return spec
    headers = spec.headers
    for name, value in other.headers:
        own = field(headers, name)
        if name.lower() == "cookie" and own:
            headers = with_field(headers, name, f"{own}; {value}")
        elif own is None and not name.lower().startswith("content-"):
            headers = (*headers, (name, value))
    return replace(spec, headers=headers, login=other.login)
