"""Hiding secrets in results, which are passed on to others."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "AUTHORIZATION", "COOKIE")

# The tables of a plan whose names are the user's: names of all others are keys of portcompare.
_USER_TABLES = frozenset({"environment", "query", "headers", "cookies", "json", "form", "multipart"})

_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]+(?=@)")


def is_secret(name: str) -> bool:
    """Whether a name looks as if its value were a secret."""
    return any(word in name.upper() for word in _SECRET_WORDS)


def mask_passwords(text: str) -> str:
    """Hide the passwords of the URLs in a text."""
    return _PASSWORD_IN_URL.sub(rf"\1:{MASK}", text)


def mask_secrets(table: Mapping[str, Any]) -> dict[str, Any]:
    """Hide the values whose names look secret."""
    return {name: _mask(value, hide=is_secret(name)) for name, value in table.items()}


def mask_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Hide the secrets of a plan: in environments, in what requests send besides their path, and in URLs."""
    return {name: _mask_part(name, part) for name, part in plan.items()}


def _mask_part(name: str, part: Any) -> Any:  # noqa: ANN401 - any JSON value
    if name in _USER_TABLES:
        return _mask(part, hide=is_secret(name))
    if isinstance(part, Mapping):
        return mask_plan(part)
    if isinstance(part, list):
        return [_mask_part("", each) for each in part]
    return mask_passwords(part) if isinstance(part, str) else part


def _mask(value: Any, *, hide: bool) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, Mapping):
        return {name: _mask(each, hide=hide or is_secret(name)) for name, each in value.items()}
    if isinstance(value, list):
        return [_mask(each, hide=hide) for each in value]
    if hide and value is not None:
        return MASK
    return mask_passwords(value) if isinstance(value, str) else value
