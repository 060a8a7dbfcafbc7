"""Addresses that stand where the name of a deployment could: `baseline = { url = "..." }`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from portcompare.errors import Problem
from portcompare.plan.origins import Origins


def name_inline(data: dict[str, Any], origins: Origins) -> tuple[list[Problem], dict[str, str]]:
    """Make deployments of the tables that stand in `baseline` and `candidates`.

    Args:
        data: The plan's raw tables; afterwards names stand there, and their tables in `deployments`.
        origins: The files the tables stand in.

    Returns:
        What is wrong, and where each of the new deployments was written, by name.
    """
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
