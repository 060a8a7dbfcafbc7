"""Altair charts as SVG that can stand inside an HTML page: offline, themed by its style sheet, accessible."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree as ET

import altair as alt
import vl_convert
from markupsafe import Markup

from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from portcompare.records.results import Results


TEXT = "var(--ink)"
FAINT = "var(--line)"
FONT_SIZE = 12
ROW_HEIGHT = 22
LABEL_WIDTH = 140
FONT_SLACK = 20
"""Pixels kept free beside texts: a reader's fonts may be wider than those the chart was laid out with."""

Tables = dict[str, list[dict[str, Any]]]
"""Data by name, a table's rows by the fields that a chart draws."""

ROWS = alt.NamedData(name="rows")
"""The table that most charts are made of."""

TICKS = alt.ExprRef(f"{[step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]}")
"""Of logarithmic axes: the scale's own are either too few or too many. An expression, because Altair copies a
list number by number each time a chart is put into another."""

_CONFIG = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "padding": {"left": 2, "right": 2 * FONT_SLACK, "top": 2, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "grid": False,
        "gridColor": FAINT,
        "labelColor": TEXT,
        "labelFontSize": FONT_SIZE,
        "tickColor": FAINT,
        "titleColor": TEXT,
        "titleFontSize": FONT_SIZE,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": TEXT, "labelFontSize": FONT_SIZE, "labelFontWeight": "bold", "labelLimit": 600},
}

_NAMESPACE = re.compile(r"^\{[^}]*\}")
_TOLD = "told:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart and all that a page says about it."""

    name: str  # What its file is called, without a suffix
    title: str  # What is shown
    subtitle: str  # In which unit, and how to read it
    description: str  # The same for those who cannot see it, with how to read it
    svg: Markup  # The chart
    header: tuple[str, ...]  # Names of the columns of its data
    rows: tuple[tuple[str, ...], ...]  # The data, in words; the first cell names the row
    scenario: str = ""  # The scenario it is about; empty if it is about more than one
    # The arms that are told apart by colour, each with its colour; empty if none are
    arms: tuple[tuple[str, str], ...] = ()
    note: str = ""  # What else must be known to read it; empty if nothing
    wide: bool = False  # Whether it takes the page's whole width


def guide(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever Vega-Lite has a setting for
    """An axis, a scale, a legend or a header."""
    return settings


def arm_axis() -> dict[str, Any]:
    """The axis on which the arms stand, one below the other."""
    return guide(ticks=False, labelLimit=LABEL_WIDTH, minExtent=LABEL_WIDTH + FONT_SLACK)


def overlay(*charts: alt.Chart, **settings: Any) -> alt.LayerChart:  # noqa: ANN401 - as `guide`
    """Charts one above the other; `alt.layer` does the same, but may answer with another kind of chart."""
    return alt.LayerChart(layer=charts, **settings)


def by_level(chart: alt.LayerChart, *, own: Literal["x", "y"] | None = None) -> alt.FacetChart:
    """A chart for each level, one below the other.

    `own`: the axis of which each chart has a scale of its own; None if all are drawn to the same.
    """
    header = guide(labelAnchor="start")
    level = alt.Facet("level:N", sort=None, title=None, header=header)
    charts: alt.FacetChart = chart.facet(facet=level, columns=1)
    if own == "x":
        charts = charts.resolve_scale(x="independent")
    if own == "y":
        charts = charts.resolve_scale(y="independent")
    return charts


def told(text: str, arm: str = "") -> str:
    """The tooltip of a mark, for the field that a chart gives as the description of marks."""
    return f"{_TOLD}{arm}:{text}"


def draw(chart: alt.TopLevelMixin, tables: Tables, title: str, description: str) -> Markup:
    """Draw a chart in colours that the page's style sheet defines."""
    # Only now and as plain tables: Altair copies a chart whole each time something is added to it.
    spec = chart.to_dict(validate=False) | {"datasets": tables, "config": _CONFIG}
    root = ET.fromstring(vl_convert.vegalite_to_svg(json.dumps(spec)))  # noqa: S314 - drawn here, not received
    for element in list(root.iter()):
        _tidy(element)
    width, height = root.get("width", "0"), root.get("height", "0")
    root.attrib.clear()
    root.attrib.update(role="img", width=width, height=height, viewBox=f"0 0 {width} {height}")
    for name, text in (("desc", description), ("title", title)):
        said = ET.Element(name)
        said.text = text
        root.insert(0, said)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - drawn here, its texts are escaped


def _tidy(element: ET.Element) -> None:
    """Leave of an element what is drawn, and what a mark tells."""
    element.tag = _NAMESPACE.sub("", element.tag)
    label = element.attrib.pop("aria-label", "")
    for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
        del element.attrib[name]
    if label.startswith(_TOLD):
        arm, _, text = label.removeprefix(_TOLD).partition(":")
        element.set("data-told", text)
        if arm:
            element.set("data-arm", arm)
    for child in list(element):
        if not len(child) and child.get("class") in {"background", "foreground"}:
            element.remove(child)


COLOURS = 10
"""How many candidates are told apart by colour; further ones begin anew."""

_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How charts show an arm."""

    label: str  # Its name
    colour: str  # Its colour's name in the style sheet
    dash: tuple[int, ...]  # Lengths of dashes and gaps of its lines; empty for a line without gaps
    shape: str  # Of its points, as Vega names it


def find_looks(results: Results) -> dict[str, Look]:
    """How each arm of a run looks."""
    measured = [one.arm for one in results.summaries]
    measured += [one.arm for one in results.sweeps.capacities]
    measured += [one.arm for one in results.rounds]
    candidates = [name for name in dict.fromkeys(measured) if name not in {BASELINE, CONTROL}]
    looks = {
        BASELINE: Look(label=BASELINE, colour="baseline", dash=(), shape="circle"),
        CONTROL: Look(label=CONTROL, colour="control", dash=(5, 3), shape="circle"),
    }
    for number, name in enumerate(candidates):
        looks[name] = Look(
            label=visible(name),
            colour=f"arm-{number % COLOURS}",
            dash=(),
            shape=_SHAPES[(number + 1) % len(_SHAPES)],
        )
    return {name: look for name, look in looks.items() if name in measured}


def legend(looks: Mapping[str, Look], arms: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The legend of a chart."""
    shown = set(arms)
    return tuple((look.label, look.colour) for name, look in looks.items() if name in shown)


def arm_colour(looks: Mapping[str, Look]) -> alt.Color:
    """The colour of a mark by the field `arm`, which holds labels."""
    colours = [f"var(--{look.colour})" for look in looks.values()]
    return alt.Color("arm:N", legend=None, scale=guide(domain=_labels(looks), range=colours))


def arm_dash(looks: Mapping[str, Look]) -> alt.StrokeDash:
    """The dashes of a line by the field `arm`."""
    dashes = [list(look.dash) or [1, 0] for look in looks.values()]
    return alt.StrokeDash("arm:N", legend=None, scale=guide(domain=_labels(looks), range=dashes))


def arm_shape(looks: Mapping[str, Look]) -> alt.Shape:
    """The shape of a point by the field `arm`."""
    shapes = [look.shape for look in looks.values()]
    return alt.Shape("arm:N", legend=None, scale=guide(domain=_labels(looks), range=shapes))


def _labels(looks: Mapping[str, Look]) -> list[str]:
    return [look.label for look in looks.values()]


TEMPLATES = Path(__file__).parents[1] / "templates"

_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


@cache
def style_sheet() -> str:
    """The style sheet of a report."""
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


@cache
def light_colours() -> dict[str, str]:
    """The colours of the light page."""
    light, _, _ = style_sheet().partition("@media")
    return dict(_COLOUR.findall(light))
