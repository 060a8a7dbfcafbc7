"""An OpenAPI document: read from a file or a server, and checked. Needs no library of the extra `openapi`."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from portcompare.errors import InputError, Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.http.sending import tls_context
from portcompare.http.trees import (
    UnreadableError,
    check_size,
    find_place,
    load_json,
    pointer_keys,
    pointer_to,
)
from portcompare.serve.extras import command_for_extras

Node = dict[Any, Any] | list[Any] | str | float | bool | None

_NO_DOCUMENT = "name an OpenAPI document, as JSON or YAML"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiDocument:
    """An OpenAPI document."""

    where: str  # The file or the address it comes from
    location: str  # The same as an absolute URL, which references to other documents are relative to
    content: dict[str, Any]


def find_missing_extra(where: str) -> list[Problem]:
    """Check that the libraries are installed which derive cases from a document."""
    if find_spec("schemathesis") is not None:
        return []
    remedy = f"{command_for_extras('openapi')}\n    or remove the key"
    return [Problem(where=where, found="needs Schemathesis, which is not installed", remedy=remedy)]


def read_document(path: Path) -> OpenApiDocument:
    """Read a document from a file; an InputError says what is wrong with it."""
    try:
        text = read_file(path)
    except OSError as error:
        raise refuse(str(path), f"cannot be read: {error.strerror}", "name a readable file") from error
    return _parse(text, str(path), path.absolute().as_uri())


def fetch_document(url: str, timeout_s: float) -> OpenApiDocument:
    """Fetch a document from a running server; an InputError says what is wrong with it."""
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=tls_context()))
    try:
        with opener.open(url, timeout=timeout_s) as response:
            return _parse(response.read(), url, response.url)
    except HTTPError as error:
        found = f"the response has status {error.code}"
        raise refuse(url, found, "give the path at which the baseline serves it") from error
    except (OSError, HTTPException) as error:
        raise refuse(url, f"no response: {getattr(error, 'reason', error)}", _NO_DOCUMENT) from error


def _parse(text: bytes, where: str, location: str) -> OpenApiDocument:
    content = _parse_text(text, where)
    if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
        raise refuse(where, "is no OpenAPI document: it has no object `paths`", _NO_DOCUMENT)
    strings = list(_find_strings(content, ""))
    anchors = {"#", *(f"#{value}" for _, key, value in strings if key == "$anchor")}
    problems = [
        Problem(
            where=f"{where}: {pointer or '/'}",
            found=f"refers to {value}, which does not exist",
            remedy="correct the $ref",
        )
        for pointer, key, value in strings
        if key == "$ref" and value.startswith("#") and value not in anchors and not _resolves(content, value)
    ]
    if problems:
        raise InputError(problems)
    return OpenApiDocument(where=where, location=location, content=content)


def _parse_text(text: bytes, where: str) -> Node:
    try:
        content: Node = load_json(text)
    except UnicodeDecodeError as error:
        raise refuse(where, f"is not UTF-8: {error.reason}", _NO_DOCUMENT) from error
    except json.JSONDecodeError as error:
        if text.lstrip()[:1] in (b"{", b"["):
            found = f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}"
            raise refuse(where, found, "correct the syntax there") from error
        import yaml  # noqa: PLC0415 - comes with the extra

        try:
            content = check_size(yaml.safe_load(text), math.inf)
        except (UnreadableError, RecursionError):
            raise refuse(where, "is nested too deep", _NO_DOCUMENT) from None
        except yaml.YAMLError as flaw:
            found = "is neither JSON nor YAML: " + " ".join(str(flaw).split())
            raise refuse(where, found, _NO_DOCUMENT) from flaw
    except UnreadableError as error:
        raise refuse(where, f"cannot be read: {error}", _NO_DOCUMENT) from None
    return content


def _find_strings(node: Node, pointer: str) -> Iterator[tuple[str, str, str]]:
    """All members of objects that are strings: the pointer to the object, key and value."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                yield pointer, str(key), value
            yield from _find_strings(value, pointer_to(pointer, str(key)))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _find_strings(value, pointer_to(pointer, str(place)))


def _resolves(content: Node, reference: str) -> bool:
    if not reference.startswith("#/"):
        return False
    node: Any = content
    for key in pointer_keys(unquote(reference[1:])):
        if (place := find_place(node, key)) is None:
            return False
        node = node[place]
    return True
