"""Checks of the plan's requests that need files, or more than one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from portcompare.errors import InputError, Problem
from portcompare.plan.names import remedy_for_unknown
from portcompare.plan.requests import LoginRequest, PlanRequest, WeightedRequest
from portcompare.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portcompare.plan.origins import Origins

Request = TypeVar("Request", bound=PlanRequest)


def find_request_problems(
    origins: Origins, scenarios: Mapping[str, Mapping[str, Any]], parity: object
) -> Iterator[Problem]:
    """Check the files that requests name, every row of values, and what the placeholders are filled from.

    Args:
        origins: The files the tables stand in, for the messages.
        scenarios: The raw tables of the scenarios; what of them is wrong by itself is told elsewhere.
        parity: The raw table of that name, if it is one.

    Yields:
        What is wrong.
    """
    for name, scenario in scenarios.items():
        kept: dict[str, str] | None = None
        tables = scenario.get("login")
        steps = [*_valid(LoginRequest, tables)]
        if isinstance(tables, list) and len(steps) < len(tables):
            continue  # what a faulty step keeps is not known
        for place, step in steps:
            yield from _problems(origins, ("scenarios", name, "login", place), step, kept or {})
            kept = (kept or {}) | step.keep
        for _, request in _valid(PlanRequest, [scenario.get("request")]):
            yield from _problems(origins, ("scenarios", name, "request"), request, kept)
        for place, weighted in _valid(WeightedRequest, scenario.get("requests")):
            yield from _problems(origins, ("scenarios", name, "requests", place), weighted, kept)
    for place, request in _valid(PlanRequest, parity.get("requests") if isinstance(parity, dict) else None):
        yield from _problems(origins, ("parity", "requests", place), request, None)


def _valid(kind: type[Request], tables: object) -> Iterator[tuple[int, Request]]:
    """Those of the tables that hold no fault of their own, each with its place."""
    for place, table in enumerate(tables) if isinstance(tables, list) else ():
        try:
            yield place, kind.model_validate(table)
        except ValidationError:
            continue  # told already


def _problems(
    origins: Origins, key: tuple[str | int, ...], request: PlanRequest, kept: Mapping[str, str] | None
) -> Iterator[Problem]:
    """What is wrong with a request; `kept` is what logging in keeps, None where nobody logs in."""
    folder = origins.plan.parent
    columns: frozenset[str] = frozenset()
    try:
        request.specs(folder)
        if request.values is not None:
            columns = frozenset(read_rows(folder / request.values)[0].values)
    except InputError as error:
        yield from error.problems
        return
    asked = request.placeholders
    known = columns | (kept or {}).keys()
    if request.values is None and kept is None:
        return  # then braces are just braces
    for name in sorted(asked - known):
        yield Problem(
            where=origins.where(*key),
            found=f"nothing fills {{{name}}}",
            remedy=remedy_for_unknown(name, known),
        )
    if columns and not asked & columns:
        yield Problem(
            where=origins.where(*key, "values"),
            found="no column is used",
            remedy="write {column} where a value goes, or remove `values`: " + ", ".join(sorted(columns)),
        )
