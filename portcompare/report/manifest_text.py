"""The conditions of a run, in a form whose differences a line-by-line comparison shows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.model import Results


def render(results: Results) -> str:
    """Write the manifest down: `diff OLD/manifest.txt NEW/manifest.txt` shows what was not alike.

    Args:
        results: The run.

    Returns:
        Lines such as `deployments.quart.settings.workers: 1`, sorted; without the differences between
        deployments, which follow from the rest, and the load of the moment.
    """
    facts = asdict(results.manifest)
    facts["deployments"] = {one.pop("name"): one for one in facts["deployments"]}
    for left_out in ("differences", "load_average"):
        del facts[left_out]
    return "".join(f"{line}\n" for line in sorted(_flatten("", facts)))


def _flatten(path: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a record holds
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flatten(f"{path}.{key}" if path else key, each)
    else:
        text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        yield f"{path}: {''.join(map(_visible, text))}"


def _visible(character: str) -> str:
    """A character, or its escape: a line break would make two facts of one."""
    return character if character.isprintable() else character.encode("unicode_escape").decode()
