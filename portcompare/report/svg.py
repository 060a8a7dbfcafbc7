"""Altair charts as SVG that can stand inside an HTML page: offline, themed by its style sheet, accessible."""

from __future__ import annotations

import re
from dataclasses import dataclass

import altair as alt
import vl_convert
from markupsafe import Markup

TEXT = "var(--ink)"
FAINT = "var(--line)"
FONT_SIZE = 12
ROW_HEIGHT = 22
LABEL_WIDTH = 140
FONT_SLACK = 20
"""Pixels kept free beside texts: a reader's fonts may be wider than those the chart was laid out with."""

_OPENING = re.compile(r'<svg [^>]*?width="(\d+)" height="(\d+)"[^>]*>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart and all that a page says about it.

    Attributes:
        title: What is shown.
        subtitle: In which unit, and how to read it.
        description: The same for those who cannot see it, with how to read it.
        svg: The chart.
        header: Names of the columns of its data.
        rows: The data, in words; the first cell names the row.
    """

    title: str
    subtitle: str
    description: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def arm_axis() -> alt.Axis:
    """The axis on which the arms stand, one below the other.

    Returns:
        An axis wide enough for the names that are usual; longer ones are cut.
    """
    return alt.Axis(ticks=False, labelLimit=LABEL_WIDTH, minExtent=LABEL_WIDTH + FONT_SLACK)


def draw(chart: alt.FacetChart, title: str, description: str) -> Markup:
    """Draw a chart in colours that the page's style sheet defines.

    Args:
        chart: The chart.
        title: What screen readers call it.
        description: What screen readers tell of it.

    Returns:
        An SVG element without ids and style attributes, which a page with several figures and a strict
        Content-Security-Policy could not have.
    """
    styled = (
        chart.configure(
            aria=False,
            background="transparent",
            font="system-ui, sans-serif",
            padding={"left": 2, "right": FONT_SLACK, "top": 2, "bottom": 2},
        )
        .configure_view(stroke=None)
        .configure_axis(
            domain=False,
            grid=False,
            gridColor=FAINT,
            labelColor=TEXT,
            labelFontSize=FONT_SIZE,
            tickColor=FAINT,
            titleColor=TEXT,
            titleFontSize=FONT_SIZE,
            titleFontWeight="normal",
        )
        .configure_header(labelColor=TEXT, labelFontSize=FONT_SIZE, labelFontWeight="bold")
    )
    svg = vl_convert.vegalite_to_svg(styled.to_json())
    return Markup(_OPENING.sub(lambda found: _opening(found, title, description), svg, count=1))  # noqa: S704 - drawn here, and Vega escapes its texts


def _opening(found: re.Match[str], title: str, description: str) -> str:
    width, height = found.groups()
    return Markup(
        '<svg role="img" width="{0}" height="{1}" viewBox="0 0 {0} {1}"><title>{2}</title><desc>{3}</desc>'
    ).format(width, height, title, description)
