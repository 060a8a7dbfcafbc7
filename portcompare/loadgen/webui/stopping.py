"""Stops a test as Locust's own button does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from locust.web import WebUI


def stop_test(web_ui: WebUI) -> None:
    """Stop the test that is under way, if one is; others are answered meanwhile.

    To stop the runner is not enough: what still starts users goes on, and so does the clock of a run time.
    Locust's own view ends all of it.
    """
    web_ui.app.view_functions["locust.stop"]()
