"""What two runs did not have in common: the conditions of their manifests, and their plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from portcompare.changes import Altered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.manifest import Manifest

NONE = "none"

_MACHINE = ("cpu_model", "cpu_count", "memory_bytes")
"""What tells one machine from another, as far as a manifest knows it."""

_MEMORY_SHARE = 0.05
"""A kernel takes a little more or less of a machine's memory for itself after each update."""


def list_conditions(manifest: Manifest) -> dict[str, str]:
    """Flatten a manifest.

    Args:
        manifest: The conditions of a run.

    Returns:
        Values by names such as `deployments.quart.settings.workers`; without the differences between
        deployments, which follow from the rest, and the load of the moment.
    """
    facts = asdict(manifest)
    for served in ("deployments", "upstreams"):
        facts[served] = {one.pop("name"): one for one in facts[served]}
    for left_out in ("differences", "load_average"):
        del facts[left_out]
    return dict(flatten(facts))


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever a record holds
    """Name each single value of nested tables.

    Args:
        value: A table, a list or a single value.
        path: The name of the whole.

    Yields:
        Names and values; a list of single values is one value.
    """
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        value = dict(enumerate(value))
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from flatten(each, f"{path}.{key}" if path else str(key))
    else:
        yield path, " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def find_altered(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Altered, ...]:
    """What is not the same.

    Args:
        old: Values by name.
        new: The same of the later run.

    Returns:
        What differs or is there only once, sorted by name.
    """
    return tuple(
        Altered(what=name, old=old.get(name, NONE), new=new.get(name, NONE))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def compare_conditions(old: Manifest, new: Manifest) -> tuple[tuple[Altered, ...], tuple[Altered, ...]]:
    """What differs between two manifests.

    Args:
        old: That of the earlier run.
        new: That of the later one.

    Returns:
        What says that the machines are not the same, and all else.
    """
    altered = find_altered(list_conditions(old), list_conditions(new))
    least, most = sorted((old.memory_bytes, new.memory_bytes))
    machine = [
        one
        for one in altered
        if one.what in _MACHINE and (one.what != "memory_bytes" or most > (1 + _MEMORY_SHARE) * least)
    ]
    return tuple(machine), tuple(one for one in altered if one.what not in _MACHINE)
