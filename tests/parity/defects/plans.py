"""Plans over the two shops."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[3]
TARGETS = {"flask": "tests.parity.defects.flask_shop:app", "quart": "tests.parity.defects.quart_shop:app"}

_APPS = f"""
[apps.flask]
target = "{TARGETS["flask"]}"
interface = "wsgi"
directory = {json.dumps(str(ROOT))}

[apps.quart]
target = "{TARGETS["quart"]}"
interface = "asgi"
directory = {json.dumps(str(ROOT))}
"""


def write_plan(
    folder: Path, baseline: str, candidates: Iterable[str], deployments: Iterable[str], requests: str
) -> Path:
    """Write a plan over the shops.

    Args:
        folder: Where.
        baseline: Name of a deployment.
        candidates: Names of others.
        deployments: Their tables, as `deployment` makes them.
        requests: The tables that say what is asked, and how often.

    Returns:
        The plan file.
    """
    arms = f"baseline = {json.dumps(baseline)}\ncandidates = {json.dumps(list(candidates))}"
    path = folder / "plan.toml"
    path.write_text("\n".join([arms, _APPS, *deployments, requests]), encoding="utf-8")
    return path


def deployment(name: str, app: str, server: str, **environment: str) -> str:
    """The table of a deployment.

    Args:
        name: Its name.
        app: "flask" or "quart".
        server: Name of a server, or "bare" for the one that leaves nothing out.
        environment: What its server's environment has.

    Returns:
        TOML.
    """
    variables = ", ".join(f"{variable} = {json.dumps(value)}" for variable, value in environment.items())
    command = [sys.executable, "-m", "tests.parity.defects.bare_server", TARGETS[app], "{port}"]
    served = {"command": " ".join(command)} if server == "bare" else {"server": server}
    return "\n".join(
        [
            f"[deployments.{name}]",
            f'app = "{app}"',
            *(f"{key} = {json.dumps(value)}" for key, value in served.items()),
            f"environment = {{ {variables} }}",
            "",
        ]
    )
