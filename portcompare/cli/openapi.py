"""The plan's OpenAPI document: found before any server is started, and its cases asked once they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from portcompare.errors import InputError, Problem
from portcompare.parity import (
    Explored,
    check_document,
    explore,
    fetch_document,
    find_missing_extra,
    read_document,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.cli.progress import Progress
    from portcompare.model import RequestSpec
    from portcompare.parity import Asker
    from portcompare.plan import Plan


def find_document_problems(plan: Plan) -> list[Problem]:
    """Find what is wrong with a plan's document as far as it can be known before a server runs.

    Args:
        plan: The plan.

    Returns:
        The problems; empty if all is well, or the plan names no document.
    """
    if plan.parity.openapi is None:
        return []
    problems = find_missing_extra(plan.where("parity", "openapi"))
    if not problems and not _is_served(plan.parity.openapi):
        try:
            check_document(read_document(plan.resolve(Path(plan.parity.openapi))))
        except InputError as error:
            problems += error.problems
    return problems


def explore_document(
    plan: Plan, asker: Asker, baseline_url: str, cases: Sequence[RequestSpec], progress: Progress
) -> Explored:
    """Ask the cases of a plan's document.

    Args:
        plan: The plan.
        asker: Sends each case to all deployments.
        baseline_url: The baseline's address, for a document that it serves.
        cases: What is asked anyway.
        progress: Told of each request.

    Returns:
        What was found; nothing if the plan names no document.

    Raises:
        InputError: The document cannot be used.
    """
    parity = plan.parity
    if parity.openapi is None:
        return Explored()
    document = (
        fetch_document(urljoin(baseline_url, parity.openapi), plan.rounds.timeout_s)
        if _is_served(parity.openapi)
        else read_document(plan.resolve(Path(parity.openapi)))
    )
    progress.start_exploring(document.where)
    return explore(
        document,
        asker,
        examples=parity.examples,
        seed=parity.seed,
        known=cases,
        on_case=progress.advance,
    )


def _is_served(openapi: str) -> bool:
    return openapi.startswith("/")
