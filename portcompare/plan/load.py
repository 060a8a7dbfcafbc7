"""Reading a plan file: the schema is checked first, and only a plan that passes is checked as a whole."""

import re
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from portcompare.errors import InputError, Problem, refuse
from portcompare.http.bodies import read_file
from portcompare.http.trees import MOST_DEPTH, UnreadableError, check_size
from portcompare.plan.problems import Servers, find_problems
from portcompare.plan.scenarios import UNKNOWN_LOAD_MODEL
from portcompare.plan.schema import Plan
from portcompare.plan.types import WRONG_VALUE, Origins, remedy_for_unknown

_LONGEST_ERROR = 300  # Characters
_MERGED_TABLES = ("apps", "deployments", "scenarios", "parity")


def load_plan(path: Path, servers: Servers, text: str | None = None) -> Plan:
    """Read a plan file and the files it includes; raises InputError with every problem that is found.

    `text`: what the file is going to contain, if it is not written yet.
    """
    plan = _read_schema(path, text)
    if problems := list(dict.fromkeys(find_problems(plan, servers))):
        raise InputError(problems)
    return plan


def _read_schema(path: Path, text: str | None) -> Plan:
    data = _read_toml(path) if text is None else tomllib.loads(text)
    origins = Origins(plan=path)
    problems = [
        *([_unknown_key(origins.where("origins"), "origins", Plan)] if "origins" in data else ()),
        *_merge_includes(data, origins),
        *_name_inline_deployments(data, origins),
        *_spread_threads(data, origins),
    ]
    try:
        plan = Plan.model_validate({"name": path.stem} | data | {"origins": origins})
    except ValidationError as error:
        reported = {problem.where for problem in problems}
        found = (_schema_problem(origins, details) for details in error.errors(include_url=False))
        raise InputError([*problems, *(each for each in found if each.where not in reported)]) from None
    if problems:
        raise InputError(problems)
    return plan


def _read_toml(
    path: Path, if_missing: str = "name a plan file; `portcompare init` writes one"
) -> dict[str, Any]:
    try:
        data: dict[str, Any] = check_size(tomllib.loads(read_file(path).decode()))
    except FileNotFoundError:
        found, remedy = "there is no such file", if_missing
    except (OSError, UnicodeDecodeError) as error:
        found, remedy = f"cannot be read: {error}", "name a readable plan file"
    except (UnreadableError, RecursionError):
        found, remedy = f"is nested deeper than {MOST_DEPTH} levels, or too large", "write a smaller plan"
    except ValueError as error:  # a number of thousands of digits, too
        found, remedy = f"is not TOML: {str(error)[:_LONGEST_ERROR]}", "correct the syntax there"
    else:
        return data
    raise refuse(str(path), found, remedy)


def _merge_includes(data: dict[str, Any], origins: Origins) -> Iterator[Problem]:
    """Add the tables of the included files to the plan's."""
    include = data.get("include", [])
    for name in include if isinstance(include, list) else []:
        included_path = origins.plan.parent / str(name)
        try:
            tables = _read_toml(included_path, f"correct `include` in {origins.plan}, or write the file")
        except InputError as error:
            yield from error.problems
            continue
        for table, entries in tables.items():
            own = data.setdefault(table, {}) if table in _MERGED_TABLES else None
            if not isinstance(own, dict) or not isinstance(entries, dict):
                found = "an included file may contain only the tables " + ", ".join(_MERGED_TABLES)
                remedy = "move the key to the plan itself, or write it as a table there and here"
                yield Problem(where=f"{included_path}: {table}", found=found, remedy=remedy)
                continue
            for key, entry in entries.items():
                if key in own:
                    found, remedy = f"is in {included_path} too", "rename or remove one of the two"
                    yield Problem(where=origins.where(table, key), found=found, remedy=remedy)
                else:
                    own[key] = entry
                    origins.included[table, key] = included_path


def _name_inline_deployments(data: dict[str, Any], origins: Origins) -> Iterator[Problem]:
    """Make deployments of the tables in `baseline` and `candidates`, which are named by their hosts."""
    deployments, candidates = data.get("deployments", {}), data.get("candidates")
    given: dict[tuple[str, ...], tuple[Any, Any]] = {}
    if "baseline" in data:
        given["baseline",] = data, "baseline"
    if isinstance(candidates, list):
        given |= {("candidates", str(place)): (candidates, place) for place in range(len(candidates))}
    for key, (holder, place) in given.items():
        value = holder[place]
        if not isinstance(value, dict) or not isinstance(deployments, dict):
            continue
        host = re.match(r"\w+://([^/?#]*@)?([^/?#]+)", str(value.get("url")))
        if host is None:
            found = "is a table without a `url` that names a host"
            remedy = 'write the name of a table in [deployments], or { url = "http://HOST:PORT" }'
            yield Problem(where=origins.where(*key), found=found, remedy=remedy)
        elif host[2] in deployments.keys() - origins.inline.keys():
            found = f"would be called {host[2]!r}, which is the name of a table in [deployments]"
            remedy = "write that name instead of the address, or rename the table"
            yield Problem(where=origins.where(*key), found=found, remedy=remedy)
        else:
            deployments.setdefault(host[2], value)
            origins.inline.setdefault(host[2], key)
            data["deployments"], holder[place] = deployments, host[2]


def _spread_threads(data: dict[str, Any], origins: Origins) -> Iterator[Problem]:
    """Make a deployment of each number of `threads` where there are several, and candidates of them."""
    deployments, candidates = data.get("deployments", {}), data.get("candidates")
    for name, deployment in list(deployments.items()) if isinstance(deployments, dict) else ():
        threads = deployment.get("threads") if isinstance(deployment, dict) else None
        if not isinstance(threads, list) or not threads or not all(isinstance(each, int) for each in threads):
            continue
        numbers = dict.fromkeys(threads)
        names = {name if len(numbers) == 1 else f"{name}-{number}": number for number in numbers}
        if taken := sorted(names.keys() & deployments.keys() - {name}):
            found = f"makes a deployment {taken[0]!r}, and there is one of that name"
            where = origins.where("deployments", name, "threads")
            yield Problem(where=where, found=found, remedy="rename one of them")
        if data.get("baseline") == name and len(numbers) > 1:
            found = f"{name!r} has several numbers of threads"
            remedy = f"name one of {', '.join(names)}"
            yield Problem(where=origins.where("baseline"), found=found, remedy=remedy)
        if isinstance(candidates, list):
            others = [each for each in names if each == name or each != data.get("baseline")]
            spread = (others if each == name else [each] for each in candidates)
            data["candidates"] = candidates = list(chain.from_iterable(spread))
        origins.inline.update(dict.fromkeys(names, ("deployments", name)))
        del deployments[name]
        deployments.update({each: deployment | {"threads": number} for each, number in names.items()})


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
