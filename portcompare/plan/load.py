"""Reading a plan file: every problem at once, each with its file and key."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, Tag, ValidationError

from portcompare.errors import InputError, Problem
from portcompare.plan.apps import App, Deployment
from portcompare.plan.consistency import find_inconsistencies
from portcompare.plan.deployments import find_deployment_problems
from portcompare.plan.scenarios import LOAD_MODEL_UNKNOWN, Scenario
from portcompare.plan.schema import Cpus, Plan
from portcompare.plan.types import IN_WORDS, Origins, remedy_for_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

    from portcompare.plan.deployments import Servers


def name_inline(data: dict[str, Any], origins: Origins) -> tuple[list[Problem], dict[str, str]]:
    """Make deployments of the tables that stand in `baseline` and `candidates`."""
    problems: list[Problem] = []
    written: dict[str, str] = {}
    deployments = data.get("deployments", {})
    candidates = data.get("candidates")
    places: list[tuple[str, Any, int | str]] = [("baseline", data, "baseline")]
    if isinstance(candidates, list):
        places += [(f"candidates.{place}", candidates, place) for place in range(len(candidates))]
    for key, holder, place in places:
        table = holder.get(place) if isinstance(holder, dict) else holder[place]
        if not isinstance(table, dict) or not isinstance(deployments, dict):
            continue
        name = _host_and_port(table.get("url"))
        if not name or name in deployments.keys() - written.keys():
            problems.append(_refusal(origins.where(key), name))
            continue
        holder[place] = name
        deployments.setdefault(name, table)
        written.setdefault(name, key)
        data["deployments"] = deployments
    return problems, written


def _host_and_port(url: object) -> str:
    """What such a deployment is called; empty if its address names no host."""
    if not isinstance(url, str):
        return ""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]  # whoever is named before it is refused later
    except ValueError:
        return ""


def _refusal(where: str, name: str) -> Problem:
    if name:
        return Problem(
            where=where,
            found=f"would be called {name!r}, as a table of [deployments] is",
            remedy="write that name instead of the address, or call the table otherwise",
        )
    return Problem(
        where=where,
        found="is a table without a `url` that names a host",
        remedy='write the name of a table in [deployments], or { url = "http://HOST:PORT" }',
    )


Section = TypeVar("Section", bound=BaseModel)


def salvage(origins: Origins, data: dict[str, Any], servers: Servers) -> Plan | None:
    """Put together what is sound in a faulty plan.

    Returns A plan that can be checked further but not run; None if it has no sound arm.
    """
    apps = _sound(App, data.get("apps"))
    raw = {key: data.get(key, {}) for key in ("apps", "deployments")}
    raw_apps = {name: raw["apps"][name] for name in apps}
    deployments = {
        name: deployment
        for name, deployment in _sound(Deployment, raw["deployments"]).items()
        if not any(find_deployment_problems(name, raw["deployments"][name], raw_apps, servers))
    }
    candidates = data.get("candidates")
    named = [data.get("baseline"), *(candidates if isinstance(candidates, list) else [])]
    arms = [name for name in named if isinstance(name, str) and name in deployments]
    if not arms:
        return None
    locustfile = data.get("locustfile")
    default = Plan.model_fields["locustfile"].default
    return Plan.model_construct(
        locustfile=Path(locustfile) if isinstance(locustfile, str) else default,
        baseline=arms[0],
        candidates=list(dict.fromkeys(arms[1:])),
        apps=apps,
        deployments=deployments,
        scenarios=_sound(Scenario, data.get("scenarios")),
        cpus=_sound(Cpus, {"cpus": data.get("cpus", {})}).get("cpus", Cpus()),
        path=origins.plan,
        included=dict(origins.included),
        inline=dict(origins.inline),
    )


def _sound(section: type[Section], tables: object) -> dict[str, Section]:
    """Those of the tables that hold no fault of their own."""
    found = {}
    for name, table in tables.items() if isinstance(tables, dict) else ():
        try:
            found[name] = section.model_validate(table)
        except ValidationError:
            continue  # told already
    return found


MERGED_TABLES = ("apps", "deployments", "scenarios", "parity")


class PlanError(InputError):
    """The plan is faulty; what of it is sound can still be checked further."""

    def __init__(self, problems: Iterable[Problem], remains: Plan | None) -> None:
        super().__init__(problems)
        self.remains = remains  # A plan of the sound parts; None if it has no sound arm


def load_plan(path: Path, servers: Mapping[str, Mapping[str, frozenset[str]]]) -> Plan:
    """Read a plan file and the files it includes.

    Raises PlanError: with every problem found.
    Raises InputError if there is no plan to be read.
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
