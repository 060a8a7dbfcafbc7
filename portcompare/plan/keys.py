"""The list of the plan's keys, for the command's help and the docs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from portcompare.plan.schema import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo


_TOML_TYPES = {
    IPv4Address: "string",
    str: "string",
    Path: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    Any: "any value",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the plan."""

    path: str  # Where it stands, e.g. `rounds.seconds`; NAME stands for a name of the user's
    type: str  # What it holds
    default: str  # Its default as TOML would write it; empty if there is none and it must be given
    description: str  # Meaning and unit


def plan_keys() -> Iterator[Key]:
    """Every key a plan can have."""
    yield from _keys(Plan, "", {})


def _keys(section: type[BaseModel], prefix: str, listed: dict[type, str]) -> Iterator[Key]:
    """The keys of a table, but for those of a table it is derived from that is listed already."""
    known = _known(section, listed)
    listed.setdefault(section, prefix)
    for name, field in section.model_fields.items():
        if field.exclude or (known is not None and name in known.model_fields):
            continue
        path = prefix + (field.alias or name)
        tables, suffix = _tables(field)
        again = [listed[same] for table in tables if (same := _known(table, listed)) is not None]
        if not tables or again or _holds_a_value(field):
            elsewhere = "".join(f"; its keys are those of `{place.rstrip('.')}`" for place in again)
            yield Key(
                path=path,
                type=_type(field.annotation),
                default=_default(field),
                description=(field.description or "") + elsewhere,
            )
        if tables:
            yield from _merged(tables, f"{path}{suffix}.", listed)


def _known(section: type[BaseModel], listed: Mapping[type, str]) -> type[BaseModel] | None:
    """The table itself, or one that it is derived from, whose keys are listed; None if there is none."""
    return next((base for base in section.__mro__ if base in listed), None)


def _merged(tables: list[type[BaseModel]], prefix: str, listed: dict[type, str]) -> Iterator[Key]:
    """The keys of a table, or of the tables among which there is a choice; what all have comes once."""
    keys: dict[str, Key] = {}
    for table in tables:
        for key in _keys(table, prefix, listed):
            known = keys.get(key.path)
            keys[key.path] = key if known is None else replace(known, type=f"{known.type} or {key.type}")
    yield from keys.values()


def _tables(field: FieldInfo) -> tuple[list[type[BaseModel]], str]:
    """The tables a key can hold, none if it holds another thing, and how its path goes on."""
    annotation: Any = field.annotation
    parts = [annotation, *get_args(annotation)]
    parts = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    tables = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    return tables, ".NAME" if get_origin(annotation) is dict else ""


def _holds_a_value(field: FieldInfo) -> bool:
    """Whether a key that can hold a table can hold a number instead."""
    parts = get_args(field.annotation)
    return any(get_origin(part) is Annotated and get_args(part)[0] is float for part in parts)


def _type(annotation: Any) -> str:  # noqa: ANN401 - whatever a field can be annotated with
    """What an annotation stands for, in TOML's words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f'"{part}"' for part in parts)
    if origin is Annotated:
        return _type(parts[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(part) for part in parts if part is not NoneType))
    if origin is list:
        return f"array of {_type(parts[0])}"
    is_table = origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel))
    return "table" if is_table else _TOML_TYPES[annotation]


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return ""
    if default is None or isinstance(default, BaseModel):  # a table's keys have defaults of their own
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if not isinstance(default, int | float | list | dict) else str(default)
