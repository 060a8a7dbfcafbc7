"""Hiding secrets in results, which are passed on to others."""

import json
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
_SECRET_WORDS = frozenset({"PASS", "AUTH", "SIG", "SID", "PIN", "OTP", "PAT", "CREDS", "SALT"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# The tables of a plan whose names are the user's: names of all others are keys of portcompare.
_USER_TABLES = frozenset({"environment", "query", "headers", "cookies", "json", "form", "multipart"})

# Which may contain `@`; and `/`, where the scheme is none of the web's, whose paths may contain `@` and `:`.
_PASSWORD_IN_URL = re.compile(
    r"(?<=://)([^/@:\s]*):[^/\s]+(?=@)|(?<!http)(?<!https)://([^/@:\s]*):\S{1,300}(?=@)"
)
_SHAPES = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+|\b(?:gh[opsu]_|github_pat_|glpat-|[sr]k_(?:live|test)_|sk-|xox[a-z]-)[\w-]{8,}"
    r"|\bAKIA[0-9A-Z]{16}\b|(?<=://)[\w-]{16,}(?=@)"
    r"|(?s:(?<=PRIVATE KEY-----).*?(?=-----END|\Z))"
)
"""Texts that are secrets whatever their names: tokens, keys, users of URLs that are tokens."""

_COMMAND = re.compile(
    r"(\b(?:mysql|mariadb|sshpass)[\w-]*\b[^|;&\n]{0,200}?\s-p\s?|\s(?:-u|--user)[ =][^\s:]+:)[^\s'\"-]\S*"
)
"""Passwords of commands that give them without a name: `mysql -pX`, `curl -u user:X`."""

_TAGGED = re.compile(r"<([\w-]+)>([^<>]+)(?=</)")  # `<password>X</password>`
_JSON_NAME = re.compile(r"""(?P<quote>\\*")(?P<name>[^"\\]+)(?P=quote)\s*:\s*""")
_JSON = json.JSONDecoder()
# A value behind its name: `--token X`, `--password=X`, `DB_PASS = X`, `?sig=X&`, a header in quotes, JSON, a
# header without quotes or a line of YAML. What begins with `$` names a variable.
_NAMED = re.compile(
    r"""(?P<name>(?<![\w.%\[\]-])(?:--?[\w-]{1,100}(?=[\s=])|[\w.%\[\]-]{1,100}(?=\s?=)"""
    r"""|(?<=["'])[\w-]{1,100}(?=:\s|["']:)"""
    r"""|(?:(?i:(?:proxy-)?authorization|cookie|[\w-]{0,100}passw(?:or)?d|[\w-]{0,100}[-_](?:secret|token|key))"""
    r"""|[A-Z0-9_]{0,100}(?:SECRET|TOKEN|KEY))(?=:\s)))"""
    r"""(?P<between>\s?=\s?|["']?:\s*|\s+)(?!-)(?!(?:\w+ )?\$[A-Z(])"""
    r"""(?P<value>\w*\(?"(?:[^"\\]|\\.)*"\)?|\w*\(?'(?:[^'\\]|\\.)*'\)?|(?<=:\s)[^"'\n]+"""
    r"""|(?:(?:Bearer|Basic|Digest|Token)\s+)?[^\s"'&]+)"""
)
_MAY_HOLD = re.compile(
    f"(?i:{_SECRET_PARTS.pattern}|{'|'.join(_SECRET_WORDS)}|://|eyJ|%"
    "|gh[opsu]_|glpat|[sr]k_|sk-|xox|AKIA|-u |--user)"
)


def is_secret(name: str) -> bool:
    """Whether a name looks as if its value were a secret."""
    if _SECRET_PARTS.search(name.upper()):
        return True
    return not _SECRET_WORDS.isdisjoint(word.upper() for word in _WORD.findall(name))


def mask_passwords(text: str) -> str:
    """Hide the passwords of the URLs in a text, and the values behind names that look secret."""

    def mask(found: re.Match[str]) -> str:
        if MASK in found["value"].removeprefix(f'"{MASK}"'):  # in a sentence about what is hidden
            return found[0]
        is_hidden = is_secret(unquote(found["name"]))
        # In another value a header may be quoted.
        value = MASK if is_hidden else _NAMED.sub(mask, found["value"])
        return f"{found['name']}{found['between']}{value}"

    def mask_tag(found: re.Match[str]) -> str:
        return f"<{found[1]}>{MASK}" if is_secret(found[1]) else found[0]

    if not _MAY_HOLD.search(text):
        return text
    text = _PASSWORD_IN_URL.sub(_mask_url, _COMMAND.sub(rf"\1{MASK}", _mask_json(text)))
    return _SHAPES.sub(MASK, _TAGGED.sub(mask_tag, _NAMED.sub(mask, text)))


def _mask_url(found: re.Match[str]) -> str:
    return f"{found[1]}:{MASK}" if found[2] is None else f"://{found[2]}:{MASK}"


def _mask_json(text: str) -> str:
    """Hide what stands behind secret names in JSON, lists and objects too; also in JSON within JSON."""
    parts: list[str] = []
    done = 0
    for found in _JSON_NAME.finditer(text):
        if found.start() < done or not is_secret(found["name"]):
            continue
        quote, begin = found["quote"], found.end()
        end = begin
        if quote != '"':  # JSON within JSON
            if text.startswith(quote, begin):
                end = text.find(quote, begin + len(quote)) + len(quote)
        else:
            with suppress(ValueError, RecursionError):  # it is cut off, or no JSON
                end = _JSON.raw_decode(text, begin)[1]
        if end > begin:
            parts += [text[done:begin], f"{quote}{MASK}{quote}"]
            done = end
    return "".join([*parts, text[done:]])


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
    try:
        with (
            path.open(encoding="utf-8", errors="replace") as lines,
            masked.open("w", encoding="utf-8") as file,
        ):
            file.writelines(map(mask_passwords, lines))
        masked.replace(path)
    except OSError:
        with suppress(OSError):
            masked.unlink()


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
