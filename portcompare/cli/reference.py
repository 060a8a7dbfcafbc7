"""The plan's keys and the servers, as the help and the docs list them."""

from __future__ import annotations

from portcompare.plan import plan_keys
from portcompare.serve import vocabulary


def describe_plan() -> str:
    """List every key of the plan, and every server with its knobs."""
    lines = ["The plan's keys (NAME stands for a name of yours):", ""]
    for key in plan_keys():
        given = f"default {key.default}" if key.default else "required"
        lines += [f"{key.path}  ({key.type}, {given})", f"    {key.description}"]
    lines += ["", "The servers, what they serve, and their knobs:", ""]
    for server, interfaces in sorted(vocabulary().items()):
        lines += [
            f"{server}  {interface}: {', '.join(sorted(knobs))}" for interface, knobs in interfaces.items()
        ]
    return "\n".join(lines)
