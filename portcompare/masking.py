"""Hiding secrets in results, which are passed on to others."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import unquote

Record = TypeVar("Record")

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
_JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+")
# A value behind its name: `--token X`, `--password=X`, `DB_PASS=X`, `?sig=X&`, a header in quotes, JSON, a
# header without quotes whose name no prose has. What begins with `$` names a variable.
_NAMED = re.compile(
    r"""(?P<name>--?[\w-]+(?=[\s=])|[\w.%\[\]-]+(?==)|(?<=["'])[\w-]+(?=:\s|["']:)"""
    r"""|(?<![\w-])(?i:(?:proxy-)?authorization|cookie)(?=:\s))"""
    r"""(?P<between>=|["']?:\s*|\s+)(?!(?:\w+ )?\$[A-Z(])"""
    r"""(?P<value>"[^"]*"|'[^']*'|(?<=:\s)[^"'\n]+|[^\s"'&]+)"""
)
_MAY_HOLD = re.compile(f"(?i:{_SECRET_PARTS.pattern}|{'|'.join(_SECRET_WORDS)}|://|eyJ|%)")


def is_secret(name: str) -> bool:
    """Whether a name looks as if its value were a secret."""
    if _SECRET_PARTS.search(name.upper()):
        return True
    return not _SECRET_WORDS.isdisjoint(word.upper() for word in _WORD.findall(name))


def mask_passwords(text: str) -> str:
    """Hide the passwords of the URLs in a text, and the values behind names that look secret."""

    def mask(found: re.Match[str]) -> str:
        is_hidden = is_secret(unquote(found["name"]))
        value = MASK if is_hidden else _NAMED.sub(mask, found["value"])  # a header in quotes
        return f"{found['name']}{found['between']}{value}"

    if not _MAY_HOLD.search(text):
        return text
    return _JSON_WEB_TOKEN.sub(MASK, _NAMED.sub(mask, _PASSWORD_IN_URL.sub(rf"\1:{MASK}", text)))


def mask_command(words: Iterable[str]) -> tuple[str, ...]:
    """Hide the secrets of a command, also where a word of its own follows an option's name."""
    masked: list[str] = []
    hide = False
    for word in words:
        masked.append(MASK if hide and not word.startswith("-") else mask_passwords(word))
        hide = word.startswith("-") and "=" not in word and is_secret(word)
    return tuple(masked)


def mask_record(record: Record) -> Record:
    """Hide the secrets in all texts of a record."""
    masked: Any = record
    if isinstance(record, str):
        masked = mask_passwords(record)
    elif isinstance(record, tuple | list):
        masked = type(record)(map(mask_record, record))
    elif isinstance(record, Mapping):
        masked = {mask_record(name): mask_record(value) for name, value in record.items()}
    elif is_dataclass(record) and not isinstance(record, type):
        masked = replace(
            record, **{one.name: mask_record(getattr(record, one.name)) for one in fields(record)}
        )
    return cast("Record", masked)


def mask_file(path: Path) -> None:
    """Hide the secrets in a text file, as far as it can be written."""
    masked = path.with_name(f".{path.name}.masked")
    with suppress(OSError):
        with (
            path.open(encoding="utf-8", errors="replace") as lines,
            masked.open("w", encoding="utf-8") as file,
        ):
            file.writelines(map(mask_passwords, lines))
        masked.replace(path)


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
