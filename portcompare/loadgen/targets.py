"""Several servers in one plain Locust test, each with its own address and its own line in the statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import events

from portcompare.loadgen.session import DECLARED_TARGETS
from portcompare.loadgen.webui.plain import show_side_by_side

if TYPE_CHECKING:
    from configargparse import ArgumentParser


def declare_targets(*names: str) -> None:
    """Give Locust a `--NAME-url` option for each target; users are spread evenly over those that are given.

    Its web UI shows them side by side.

    Locust's own `--host` overwrites the host of every class, so it cannot tell two servers apart.

    Args:
        names: What the statistics call the targets.
    """
    if not DECLARED_TARGETS:
        events.init.add_listener(show_side_by_side)
    for name in names:
        DECLARED_TARGETS[f"{name}_url".replace("-", "_")] = name  # as argparse calls it

    @events.init_command_line_parser.add_listener
    def _add_options(parser: ArgumentParser, **_: object) -> None:
        for name in names:
            if name in DECLARED_TARGETS.values():  # `portcompare ui` knows other addresses
                parser.add_argument(f"--{name}-url", default="", help=f"address of the {name} deployment")
