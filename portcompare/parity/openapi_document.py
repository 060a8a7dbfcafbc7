"""An OpenAPI document: read from a file or from a server, and checked for what makes it unreadable."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import httpx
import requests
import schemathesis
from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.errors import SchemathesisError, SerializationError

from portcompare.errors import InputError, Problem
from portcompare.http.bodies import escaped, find_place, unescaped
from portcompare.http.requests import find_flaw
from portcompare.parity.variants import app_decides
from portcompare.parity.variants.bodies import boundary_of
from portcompare.parity.variants.headers import field, with_field
from portcompare.records.requests import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemathesis import APIOperation, Case


if TYPE_CHECKING:
    Node = dict[Any, Any] | list[Any] | str | float | bool | None

_NO_DOCUMENT = "name an OpenAPI document, as JSON or YAML"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiDocument:
    """An OpenAPI document."""

    where: str  # The file or the address it comes from
    location: str  # The same as an absolute URL: what its references to other documents are relative to
    content: dict[str, Any]  # What it says


def find_missing_extra(where: str) -> list[Problem]:
    """Find out whether the libraries are there that make cases of a document."""
    if find_spec("schemathesis") is not None:
        return []
    return [
        Problem(
            where=where,
            found="needs Schemathesis, which is not installed",
            remedy="pip install 'portcompare[openapi]', or remove the key",
        )
    ]


def read_document(path: Path) -> OpenApiDocument:
    """Read a document from a file.

    Raises InputError: it cannot be read, is no OpenAPI document, or refers to what it does not hold.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(path), f"cannot be read: {error.strerror}", "name a readable file") from error
    return _parse(text, str(path), path.absolute().as_uri())


def fetch_document(url: str, timeout_s: float) -> OpenApiDocument:
    """Ask a running server for a document.

    `timeout_s`: how long the server may take, in seconds.
    Raises InputError: the server does not answer it, or what it answers is none.
    """
    try:
        answer = httpx.get(url, timeout=timeout_s, trust_env=False, follow_redirects=True)
    except httpx.HTTPError as error:
        raise _unreadable(url, f"no answer: {type(error).__name__}", _NO_DOCUMENT) from error
    if answer.status_code != httpx.codes.OK:
        raise _unreadable(
            url, f"is answered with {answer.status_code}", "give the path at which the baseline answers it"
        )
    return _parse(answer.content, url, str(answer.url))


def _parse(text: bytes, where: str, location: str) -> OpenApiDocument:
    content = _parse_text(text, where)
    if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
        raise _unreadable(where, "is no OpenAPI document: it has no object `paths`", _NO_DOCUMENT)
    problems = [
        Problem(
            where=f"{where}: {pointer}",
            found=f"refers to {reference}, which is not there",
            remedy="correct the $ref",
        )
        for pointer, reference in _references(content, "")
        if reference.startswith("#") and not _is_there(content, reference)
    ]
    if problems:
        raise InputError(problems)
    return OpenApiDocument(where=where, location=location, content=content)


def _parse_text(text: bytes, where: str) -> Node:
    try:
        content: Node = json.loads(text)
    except UnicodeDecodeError as error:
        raise _unreadable(where, f"is not UTF-8: {error.reason}", _NO_DOCUMENT) from error
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in (b"{", b"["):
            found = f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
            raise _unreadable(where, found, "correct the syntax there") from error
        return _parse_yaml(text, where)
    return content


def _parse_yaml(text: bytes, where: str) -> Node:
    import yaml  # noqa: PLC0415 - comes with Schemathesis

    try:
        content: Node = yaml.safe_load(text)
    except yaml.YAMLError as error:
        found = "is neither JSON nor YAML: " + " ".join(str(error).split())
        raise _unreadable(where, found, _NO_DOCUMENT) from error
    return content


def _unreadable(where: str, found: str, remedy: str) -> InputError:
    return InputError([Problem(where=where, found=found, remedy=remedy)])


def _references(node: Node, pointer: str) -> Iterator[tuple[str, str]]:
    """Where references stand in a document, and what they say."""
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield pointer or "/", reference
        for key, value in node.items():
            yield from _references(value, f"{pointer}/{escaped(str(key))}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _references(value, f"{pointer}/{place}")


def _is_there(content: Node, reference: str) -> bool:
    """Whether a document holds what a reference within it names, by an RFC 6901 pointer or an anchor."""
    if not reference.startswith("#/"):
        return reference == "#" or any(reference[1:] == anchor for anchor in _anchors(content))
    node: Any = content
    for token in unquote(reference[2:]).split("/"):
        place = find_place(node, unescaped(token))
        if place is None:
            return False
        node = node[place]
    return True


def _anchors(node: Node) -> Iterator[str]:
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _anchors(value)
    if isinstance(node, dict) and isinstance(node.get("$anchor"), str):
        yield node["$anchor"]


_ANY_SERVER = "http://server"

# What the library adds of its own: a mark on each request, and how its own client talks.
_LIBRARY_HEADERS = frozenset(
    {"X-Schemathesis-TestCaseId", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Content-Length"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation of a document."""

    label: str  # Method and path, as the document has them
    # Requests that it allows, and ones that it does not; their names are empty
    requests: SearchStrategy[RequestSpec]


def read_operations(document: OpenApiDocument, known: Sequence[RequestSpec]) -> tuple[Operation, ...]:
    """Read what a document lets one ask for.

    Raises InputError: with all that cannot be read.
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
    """What is wrong with a document, or an operation of it."""
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
