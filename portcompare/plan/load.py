"""Reading a plan file: the schema is checked first, and only a plan that passes is checked as a whole."""

from __future__ import annotations

import re
import tomllib
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from portcompare.errors import InputError, Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.plan.apps import find_deployment_problems, find_upstream_problems
from portcompare.plan.checks import find_claim_problems, find_gate_problems
from portcompare.plan.requests import find_request_problems
from portcompare.plan.scenarios import UNKNOWN_LOAD_MODEL, find_page_problems, find_scenario_problems
from portcompare.plan.schema import Plan, find_arm_problems
from portcompare.plan.types import WRONG_VALUE, Origins, remedy_for_unknown

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from portcompare.plan.apps import Servers


_MERGED_TABLES = ("apps", "deployments", "scenarios", "parity")


def load_plan(path: Path, servers: Servers, text: str | None = None) -> Plan:
    """Read a plan file and the files it includes; raises InputError with every problem that is found.

    `text`: what the file is going to contain, if it is not written yet.
    """
    plan = _read_schema(path, text)
    problems = [
        *find_arm_problems(plan),
        *find_deployment_problems(plan, servers),
        *find_upstream_problems(plan),
        *find_scenario_problems(plan),
        *find_page_problems(plan),
        *find_request_problems(plan),
        *find_claim_problems(plan),
        *find_gate_problems(plan),
    ]
    if problems:
        raise InputError(problems)
    return plan


def _read_schema(path: Path, text: str | None) -> Plan:
    data = _read_toml(path) if text is None else tomllib.loads(text)
    problems, included = _merge_includes(data, path)
    origins = Origins(plan=path, included=included)
    inline = _name_inline_deployments(data, origins, problems)
    origins = Origins(plan=path, included=included, inline=inline)
    own = {"path": path, "included": included, "inline": inline}
    problems += [_unknown_key(origins.where(key), key, Plan) for key in own.keys() & data.keys()]
    try:
        plan = Plan.model_validate({"name": path.stem} | data | own)
    except ValidationError as error:
        reported = {problem.where for problem in problems}
        found = (_schema_problem(origins, details) for details in error.errors(include_url=False))
        raise InputError([*problems, *(each for each in found if each.where not in reported)]) from None
    if problems:
        raise InputError(problems)
    return plan


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_file(path).decode())
    except FileNotFoundError:
        found, remedy = "there is no such file", "name a plan file"
    except (OSError, UnicodeDecodeError) as error:
        found, remedy = f"cannot be read: {error}", "name a readable plan file"
    except tomllib.TOMLDecodeError as error:
        found, remedy = f"is not TOML: {error}", "correct the syntax there"
    raise refuse(str(path), found, remedy)


def _merge_includes(data: dict[str, Any], path: Path) -> tuple[list[Problem], dict[tuple[str, str], Path]]:
    """Add the tables of the included files to the plan's; also returns the file of each included entry."""
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
            own = data.setdefault(table, {}) if table in _MERGED_TABLES else None
            if not isinstance(own, dict) or not isinstance(entries, dict):
                found = "an included file may contain only the tables " + ", ".join(_MERGED_TABLES)
                remedy = "move the key to the plan itself, or write it as a table there and here"
                problems.append(Problem(where=f"{included_path}: {table}", found=found, remedy=remedy))
                continue
            for key, entry in entries.items():
                if key in own:
                    found, remedy = f"is in {included_path} too", "rename or remove one of the two"
                    problems.append(Problem(where=origins.where(table, key), found=found, remedy=remedy))
                else:
                    own[key] = entry
                    included[table, key] = included_path
    return problems, included


def _name_inline_deployments(
    data: dict[str, Any], origins: Origins, problems: list[Problem]
) -> dict[str, str]:
    """Make deployments of the tables in `baseline` and `candidates`; returns their keys by their names."""
    inline: dict[str, str] = {}
    deployments = data.get("deployments", {})

    def name_table(key: str, value: object) -> object:
        if not isinstance(value, dict) or not isinstance(deployments, dict):
            return value
        host = re.match(r"\w+://([^/?#]*@)?([^/?#]+)", str(value.get("url")))
        name = host[2] if host else ""
        if name and name not in deployments.keys() - inline.keys():
            deployments.setdefault(name, value)
            inline.setdefault(name, key)
            return name
        if name:
            found = f"would be called {name!r}, which is the name of a table in [deployments]"
            remedy = "write that name instead of the address, or rename the table"
        else:
            found = "is a table without a `url` that names a host"
            remedy = 'write the name of a table in [deployments], or { url = "http://HOST:PORT" }'
        problems.append(Problem(where=origins.where(key), found=found, remedy=remedy))
        return value

    if "baseline" in data:
        data["baseline"] = name_table("baseline", data["baseline"])
    if isinstance(data.get("candidates"), list):
        named = enumerate(data["candidates"])
        data["candidates"] = [name_table(f"candidates.{place}", value) for place, value in named]
    if inline:
        data["deployments"] = deployments
    return inline


def _schema_problem(origins: Origins, details: ErrorDetails) -> Problem:
    keys, section = _follow(details["loc"])
    where, given = origins.where(*keys), details["input"]
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        return _unknown_key(where, str(keys[-1]), section)
    if details["type"] == "missing":
        return Problem(where=where, found="is missing", remedy="add it")
    if details["type"] == WRONG_VALUE:
        return Problem(where=where, found=details["ctx"]["found"], remedy=details["ctx"]["remedy"])
    if details["type"] == UNKNOWN_LOAD_MODEL:
        model = given.get("model")
        found = "is missing" if model is None else f"is {model!r}"
        return Problem(where=f"{where}.model", found=found, remedy=message)
    found = message if isinstance(given, dict) else f"{message} (found {given!r})"
    return Problem(where=where, found=found, remedy="`portcompare run --help` lists each key with its type")


def _unknown_key(where: str, key: str, section: type[BaseModel]) -> Problem:
    known = [field.alias or name for name, field in section.model_fields.items() if not field.exclude]
    return Problem(where=where, found="there is no such key", remedy=remedy_for_unknown(key, known))


def _follow(location: tuple[int | str, ...]) -> tuple[list[int | str], Any]:
    """The keys on the way to the place of an error, and the section that contains the last of them."""
    keys: list[int | str] = []
    section: Any = Plan
    parent: Any = Plan
    for part in location:
        choices = {
            each.__metadata__[0].tag: get_args(each)[0]
            for each in get_args(section)
            if get_origin(each) is Annotated and isinstance(each.__metadata__[0], Tag)
        }
        if choices:
            section = choices[str(part)]  # the part is pydantic's word for the choice, and not a key
            continue
        if part == "[key]":  # pydantic's word for a wrong name
            break
        keys.append(part)
        parent, section = section, _below(section, part)
    return keys, parent


def _below(section: Any, part: int | str) -> Any:  # noqa: ANN401 - a model class or a typing construct
    """The type of a key's value: the model of a table, or a dict or list of such; None for another value."""
    if get_origin(section) in (dict, list):
        return get_args(section)[-1]  # the key is a name of the user's, or a place in a list
    fields = section.model_fields if isinstance(section, type) and issubclass(section, BaseModel) else {}
    if part not in fields:
        return None
    annotation = fields[str(part)].annotation
    if get_origin(annotation) is UnionType:
        return next(each for each in get_args(annotation) if each is not NoneType)
    return annotation
