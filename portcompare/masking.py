"""Hiding secrets in results, which are passed on to others."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET_PARTS = re.compile(
    "KEY|TOKEN|SECRET|PASSW(OR)?D|PASSPHRASE|CREDENTIAL|AUTHORIZATION|COOKIE|SESSION|SIGNATURE|JWT|DSN|PWD"
)
# Those that other words contain too, as "compass" and "author" do.
_SECRET_WORDS = frozenset({"PASS", "AUTH", "SIG", "SID", "PIN", "OTP"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# The tables of a plan whose names are the user's: names of all others are keys of portcompare.
_USER_TABLES = frozenset({"environment", "query", "headers", "cookies", "json", "form", "multipart"})

_PASSWORD_IN_URL = re.compile(r"(?<=://)([^/@:\s]*):[^/\s]+(?=@)")  # which may contain `@`
# A value behind its name: `--token X`, `--password=X`, `DB_PASS=X`, `?sig=X&`, a header in quotes, JSON.
_NAMED = re.compile(
    r"""(?P<name>--?[\w-]+(?=[\s=])|[\w-]+(?==)|(?<=["'])[\w-]+(?=:\s|":))"""
    r"""(?P<between>=|"?:\s*|\s+)"""
    r"""(?P<value>"[^"]*"|'[^']*'|(?<=:\s)[^"'\n]+|[^\s"'&]+)"""
)


def is_secret(name: str) -> bool:
    """Whether a name looks as if its value were a secret."""
    if _SECRET_PARTS.search(name.upper()):
        return True
    return not _SECRET_WORDS.isdisjoint(word.upper() for word in _WORD.findall(name))


def mask_passwords(text: str) -> str:
    """Hide the passwords of the URLs in a text, and the values behind names that look secret."""

    def mask(found: re.Match[str]) -> str:
        value = MASK if is_secret(found["name"]) else _NAMED.sub(mask, found["value"])  # a header in quotes
        return f"{found['name']}{found['between']}{value}"

    return _NAMED.sub(mask, _PASSWORD_IN_URL.sub(rf"\1:{MASK}", text))


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
