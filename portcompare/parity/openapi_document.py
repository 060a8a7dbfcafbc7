"""An OpenAPI document: read from a file or from a server, and checked for what makes it unreadable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx

from portcompare.bodies import escaped, find_place, unescaped
from portcompare.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    # What a document is made of; the keys of YAML can be other things than text.
    Node = dict[Any, Any] | list[Any] | str | float | bool | None

_NO_DOCUMENT = "name an OpenAPI document, as JSON or YAML"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiDocument:
    """An OpenAPI document.

    Attributes:
        where: The file or the address it comes from.
        location: The same as an absolute URL: what its references to other documents are relative to.
        content: What it says.
    """

    where: str
    location: str
    content: dict[str, Any]


def find_missing_extra(where: str) -> list[Problem]:
    """Find out whether the libraries are there that make cases of a document.

    Args:
        where: The plan's key that asks for them.

    Returns:
        A problem that names the extra to install; empty if all is there.
    """
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

    Args:
        path: The file.

    Returns:
        The document.

    Raises:
        InputError: It cannot be read, is no OpenAPI document, or refers to what it does not hold.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise _unreadable(str(path), f"cannot be read: {error.strerror}", "name a readable file") from error
    return _parse(text, str(path), path.absolute().as_uri())


def fetch_document(url: str, timeout_s: float) -> OpenApiDocument:
    """Ask a running server for a document.

    Args:
        url: Its address.
        timeout_s: How long the server may take, in seconds.

    Returns:
        The document.

    Raises:
        InputError: The server does not answer it, or what it answers is none.
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
