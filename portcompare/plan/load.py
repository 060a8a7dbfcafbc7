"""Reading a plan file: every problem at once, each with its file and key."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from portcompare.errors import InputError, Problem
from portcompare.plan.consistency import find_inconsistencies
from portcompare.plan.inline import name_inline
from portcompare.plan.loads import LOAD_MODEL_UNKNOWN
from portcompare.plan.names import remedy_for_unknown
from portcompare.plan.origins import Origins
from portcompare.plan.patterns import IN_WORDS
from portcompare.plan.salvage import salvage
from portcompare.plan.schema import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

MERGED_TABLES = ("apps", "deployments", "scenarios", "parity")


class PlanError(InputError):
    """The plan is faulty; what of it is sound can still be checked further.

    Attributes:
        remains: A plan of the sound parts; None if it has no sound arm.
    """

    def __init__(self, problems: Iterable[Problem], remains: Plan | None) -> None:
        super().__init__(problems)
        self.remains = remains


def load_plan(path: Path, servers: Mapping[str, Mapping[str, frozenset[str]]]) -> Plan:
    """Read a plan file and the files it includes.

    Args:
        path: The plan file.
        servers: For each server its interfaces, and for each interface the knobs it has.

    Returns:
        The plan, complete and consistent.

    Raises:
        PlanError: With every problem found.
        InputError: If there is no plan to be read.
    """
    data = _read_toml(path)
    problems, origins = _merge_includes(data, path)
    nameless, inline = name_inline(data, origins)
    problems += nameless
    origins = replace(origins, inline=inline)
    own = {"path": path, "included": dict(origins.included), "inline": inline}
    problems += [_unknown(origins.where(key), key, Plan) for key in own.keys() & data.keys()]
    plan: Plan | None = None
    try:
        plan = Plan.model_validate({"name": path.stem} | data | own)
    except ValidationError as error:
        told = {problem.where for problem in nameless}
        found = (_problem(origins, details) for details in error.errors(include_url=False))
        problems += [problem for problem in found if problem.where not in told]
    problems += find_inconsistencies(origins, data, servers)
    if problems or plan is None:
        raise PlanError(problems, salvage(origins, data, servers))
    return plan


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            [Problem(where=str(path), found="there is no such file", remedy="name a plan file")]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            [Problem(where=str(path), found=f"cannot be read: {error}", remedy="name a readable plan file")]
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            [Problem(where=str(path), found=f"is not TOML: {error}", remedy="correct the syntax there")]
        ) from error


def _merge_includes(data: dict[str, Any], path: Path) -> tuple[list[Problem], Origins]:
    """Add the tables of the included files to the plan's, and remember what came from where."""
    problems: list[Problem] = []
    included: dict[tuple[str, str], Path] = {}
    origins = Origins(plan=path, included=included)
    include = data.get("include", [])
    for name in include if isinstance(include, list) else []:
        included_path = path.parent / str(name)
        try:
            tables = _read_toml(included_path)
        except InputError as error:
            problems += error.problems
            continue
        for table, entries in tables.items():
            own = data.setdefault(table, {}) if table in MERGED_TABLES else None
            if not isinstance(own, dict) or not isinstance(entries, dict):
                problems.append(_not_merged(f"{included_path}: {table}"))
                continue
            problems += [_twice(origins.where(table, key), included_path) for key in entries if key in own]
            included |= {(table, key): included_path for key in entries if key not in own}
            own.update({key: entry for key, entry in entries.items() if key not in own})
    return problems, origins


def _not_merged(where: str) -> Problem:
    return Problem(
        where=where,
        found="an included file holds only the tables " + ", ".join(MERGED_TABLES),
        remedy="move the key to the plan itself, or write it as a table there and here",
    )


def _twice(where: str, included_path: Path) -> Problem:
    return Problem(
        where=where, found=f"stands in {included_path} too", remedy="rename or remove one of the two"
    )


def _problem(origins: Origins, details: ErrorDetails) -> Problem:
    keys, section = _follow(details["loc"])
    where = origins.where(*keys)
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        return _unknown(where, str(keys[-1]), section)
    if details["type"] == "missing":
        return Problem(where=where, found="is missing", remedy="add it")
    if details["type"] == LOAD_MODEL_UNKNOWN:
        model = details["input"].get("model")
        found = "is missing" if model is None else f"is {model!r}"
        return Problem(where=f"{where}.model", found=found, remedy=message)
    given = details["input"]
    if details["type"] == "string_pattern_mismatch":
        wanted = IN_WORDS[details["ctx"]["pattern"]]
        return Problem(where=where, found=f"is {given!r}", remedy=f"write {wanted}")
    found = message if isinstance(given, dict) else f"{message} (found {given!r})"
    return Problem(where=where, found=found, remedy="`portcompare run --help` lists each key with its type")


def _unknown(where: str, key: str, section: type[BaseModel]) -> Problem:
    known = [field.alias or name for name, field in section.model_fields.items() if not field.exclude]
    return Problem(where=where, found="there is no such key", remedy=remedy_for_unknown(key, known))


def _follow(location: tuple[int | str, ...]) -> tuple[list[int | str], Any]:
    """The keys on the way to a place, and the section that the last of them stands in."""
    keys: list[int | str] = []
    section: Any = Plan
    parent: Any = Plan
    for part in location:
        choices = _choices(section)
        if choices:
            section = choices[str(part)]  # no key, but pydantic's word for the choice
            continue
        if part == "[key]":  # pydantic's word for a name that is wrong, and not what it names
            break
        keys.append(part)
        parent, section = section, _below(section, part)
    return keys, parent


def _choices(section: Any) -> dict[str, Any]:  # noqa: ANN401 - as below
    """The tables that a key can hold, by their tags; empty if there is no choice."""
    return {
        part.__metadata__[0].tag: get_args(part)[0]
        for part in get_args(section)
        if get_origin(part) is Annotated and isinstance(part.__metadata__[0], Tag)
    }


def _below(section: Any, part: int | str) -> Any:  # noqa: ANN401 - a model class or a typing construct
    """What a key of a section holds: the model of a table, or a dict or list of such; else None."""
    if get_origin(section) in (dict, list):
        return get_args(section)[-1]  # the key is a name of the user's, or a place in a list
    fields = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
    if part not in fields:
        return None
    annotation = fields[str(part)].annotation
    if get_origin(annotation) is UnionType:
        return next(each for each in get_args(annotation) if each is not NoneType)
    return annotation
