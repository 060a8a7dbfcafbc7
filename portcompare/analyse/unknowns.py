"""What cannot be known of servers that somebody else has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portcompare.manifest import Manifest


def find_unknowns(manifest: Manifest) -> tuple[str, ...]:
    """Say what a reader must not expect to be told of servers that were already running.

    Args:
        manifest: The conditions; the baseline is the first of its deployments.

    Returns:
        Clauses; empty if all servers were started.
    """
    running = [served.name for served in manifest.deployments if served.kind == "url"]
    unknown = tuple(
        f"CPU time and memory of {name} are not known: it was already running; "
        "so it was neither pinned to CPUs nor started afresh for each block"
        for name in running
    )
    baseline = manifest.deployments[0].name if manifest.deployments else ""
    if baseline not in running:
        return unknown
    same = (
        f"the control is no second instance of {baseline} but the same server asked again: "
        "by how much two starts of it would differ is not known"
    )
    return (*unknown, same)
