"""The page's style sheet and its colours, which charts have as files of their own too."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"

_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


@cache
def style_sheet() -> str:
    """The style sheet of a report.

    Returns:
        CSS.
    """
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


@cache
def light_colours() -> dict[str, str]:
    """The colours of the light page.

    Returns:
        Each colour by the name of its variable.
    """
    light, _, _ = style_sheet().partition("@media")
    return dict(_COLOUR.findall(light))
