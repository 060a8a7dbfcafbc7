"""The list of the plan's keys, for the command's help and the docs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from portcompare.plan.schema import Plan

_TOML_TYPES = dict.fromkeys((IPv4Address, str, Path), "string") | {
    bool: "boolean",
    int: "integer",
    float: "number",
    Any: "any value",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of the plan."""

    path: str  # such as `rounds.seconds`; NAME stands for a name that the user chooses
    type: str  # in TOML's words
    default: str  # as TOML would write it; empty for a key that must be given
    description: str


def plan_keys() -> Iterator[Key]:
    """Every key that a plan can have."""
    yield from _keys(Plan, "", {})


def _keys(section: type[BaseModel], prefix: str, listed: dict[type, str]) -> Iterator[Key]:
    """The keys of a table, without those of a base class that is listed already."""
    known = _listed_base(section, listed)
    listed.setdefault(section, prefix)
    for name, field in section.model_fields.items():
        if field.exclude or (known is not None and name in known.model_fields):
            continue
        path = prefix + (field.alias or name)
        parts = [field.annotation, *get_args(field.annotation)]
        parts = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
        tables = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
        suffix = ".NAME" if get_origin(field.annotation) is dict else ""
        again = [listed[same] for table in tables if (same := _listed_base(table, listed)) is not None]
        if not tables or again or float in parts:
            elsewhere = "".join(f"; its keys are those of `{place.rstrip('.')}`" for place in again)
            yield Key(
                path=path,
                type=_type(field.annotation),
                default=_default(field),
                description=(field.description or "") + elsewhere,
            )
        # Where there is a choice of tables, a key that all of them have is listed once.
        keys: dict[str, Key] = {}
        for table in tables:
            for key in _keys(table, f"{path}{suffix}.", listed):
                first = keys.get(key.path)
                keys[key.path] = key if first is None else replace(first, type=f"{first.type} or {key.type}")
        yield from keys.values()


def _listed_base(section: type[BaseModel], listed: dict[type, str]) -> type[BaseModel] | None:
    """The table, or the base class of it, whose keys are listed already; None if there is none."""
    return next((base for base in section.__mro__ if base in listed), None)


def _type(annotation: Any) -> str:  # noqa: ANN401 - whatever a field can be annotated with
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
    if default is None or isinstance(default, BaseModel):  # a table's keys have their own defaults
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return f'"{default}"' if not isinstance(default, int | float | list | dict) else str(default)
