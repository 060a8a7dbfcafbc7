"""Altair charts as SVG that can stand inside an HTML page: offline, themed by its style sheet, accessible."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from xml.etree import ElementTree as ET

import altair as alt
import vl_convert
from markupsafe import Markup

from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.templating import TEMPLATES, render_template
from portcompare.report.wording import visible

TEXT = "var(--ink)"
FAINT = "var(--line)"
FONT_SIZE = 12
ROW_HEIGHT = 22
LABEL_WIDTH = 140
FONT_SLACK = 20
"""Pixels kept free beside texts: a reader's fonts may be wider than those the chart was laid out with."""

Tables = dict[str, list[dict[str, Any]]]  # Data by name, a table's rows by the fields that a chart draws

ROWS = alt.NamedData(name="rows")  # The table that most charts are made of

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
    "legend": {"orient": "top", "labelColor": TEXT, "labelFontSize": FONT_SIZE},
    "header": {"labelColor": TEXT, "labelFontSize": FONT_SIZE, "labelFontWeight": "bold", "labelLimit": 600},
}

_NAMESPACE = re.compile(r"^\{[^}]*\}")
_TIP = "tip:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart and all that a page says about it."""

    name: str  # What its file is called, without a suffix
    title: str  # What is shown
    subtitle: str  # In which unit, and how to read it
    description: str  # The same for those who cannot see it, with how to read it
    svg: Markup  # The chart
    size: tuple[int, int]  # Its width and height, in pixels
    header: tuple[str, ...]  # Names of the columns of its data
    rows: tuple[tuple[str, ...], ...]  # The data, in words; the first cell names the row
    scenario: str = ""  # The scenario it is about; empty if it is about more than one
    # The arms with colours of their own, each with its colour; empty if none are
    arms: tuple[tuple[str, str], ...] = ()
    note: str = ""  # What else must be known to read it; empty if nothing
    wide: bool = False  # Whether it takes the page's whole width
    folded_as: str = ""  # What it is called where it is folded; empty if it is open


def guide(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever Vega-Lite has a setting for
    """An axis, a scale, a legend or a header."""
    return settings


APART = {"labelOverlap": "greedy", "labelSeparation": 8}
"""Leaves out labels of an axis of numbers that would come too near, in wider fonts of a reader too."""


def grid_axis(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - as `guide`
    """An axis of numbers with faint grid lines."""
    return guide(format="~r", grid=True, gridOpacity=0.6) | APART | settings


def log_y(field: str, title: str | None) -> alt.Y:
    """A logarithmic vertical axis."""
    return alt.Y(field, title=title, scale=guide(type="log"), axis=grid_axis(values=TICKS))


def arm_y(looks: "Looks | None" = None, *, field: str = "arm:N", named: bool = True) -> alt.Y:
    """A row for each arm, in the order of `looks` or of the data; without names if `named` is False."""
    axis = guide(ticks=False, labelLimit=LABEL_WIDTH, minExtent=LABEL_WIDTH + FONT_SLACK)
    return alt.Y(field, sort=list(looks) if looks else None, title=None, axis=axis if named else None)


def text_beside(base: alt.Chart, **encodings: Any) -> alt.Chart:  # noqa: ANN401 - Altair's channels
    """The field `text` of each row, to the right of the plot."""
    mark = base.mark_text(align="left", dx=8, fontSize=FONT_SIZE, color=TEXT)
    beside: alt.Chart = mark.encode(x=alt.value("width"), text="text:N", **encodings)
    return beside


def scale_of(drawn: Mapping[Any, Any]) -> dict[str, Any]:
    """The scale that draws each value of a field as given: in a colour, which is a CSS value, or a shape."""
    return guide(domain=list(drawn), range=list(drawn.values()))


def overlay(*charts: alt.Chart, **settings: Any) -> alt.LayerChart:  # noqa: ANN401 - as `guide`
    """Charts one above the other; `alt.layer` does the same, but may answer with another kind of chart."""
    return alt.LayerChart(layer=charts, **settings)


def below_each_other(
    chart: alt.LayerChart,
    field: str = "level:N",
    sort: list[str] | None = None,
    own: Literal["x", "y"] | None = None,
) -> alt.FacetChart:
    """A chart for each level, or value of a field; `own`: the axis that each has a scale of its own for."""
    facet = alt.Facet(field, sort=sort, title=None, header=guide(labelAnchor="start"))
    scales: dict[str, Any] = {own: "independent"} if own else {}
    charts: alt.FacetChart = chart.facet(facet=facet, columns=1).resolve_scale(**scales)
    return charts


def draw(
    chart: alt.TopLevelMixin,
    tables: Tables,
    *,
    title: str,
    subtitle: str,
    description: str,
    looks: "Looks | None" = None,
    **rest: Any,  # noqa: ANN401 - the other fields of Figure
) -> Figure:
    """Draw a chart in colours that the page's style sheet defines.

    A field in `*tip` is the tooltip of a mark that has it as description. With `looks`, what is drawn of an
    arm can be hidden.
    """
    for row in (row for table in tables.values() for row in table):
        colour = looks[row["arm"]].colour if looks and "arm" in row else ""
        row |= {field: f"{_TIP}{colour}:{text}" for field, text in row.items() if field.endswith("tip")}
    # Only now and as plain tables: Altair copies a chart whole each time something is added to it.
    spec = chart.to_dict(validate=False) | {"datasets": tables, "config": _CONFIG}
    root = ET.fromstring(vl_convert.vegalite_to_svg(json.dumps(spec)))  # noqa: S314 - drawn here, not received
    for element in list(root.iter()):
        _tidy(element)
    size = width, height = int(root.get("width", "0")), int(root.get("height", "0"))
    root.attrib.clear()
    root.attrib.update(role="img", width=str(width), height=str(height), viewBox=f"0 0 {width} {height}")
    for name, text in (("desc", description), ("title", f"{title}, {subtitle}")):
        element = ET.Element(name)
        element.text = text
        root.insert(0, element)
    svg = Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - drawn here, its texts are escaped
    return Figure(title=title, subtitle=subtitle, description=description, svg=svg, size=size, **rest)


def _tidy(element: ET.Element) -> None:
    """Keep of an element what is drawn, and the tooltip of a mark."""
    element.tag = _NAMESPACE.sub("", element.tag)
    label = element.attrib.pop("aria-label", "")
    for name in [name for name in element.attrib if name == "role" or name.startswith("aria-")]:
        del element.attrib[name]
    if label.startswith(_TIP):
        arm, _, text = label.removeprefix(_TIP).partition(":")
        element.set("data-tip", text)
        if arm:
            element.set("data-arm", arm)
    for child in list(element):
        if not len(child) and child.get("class") in {"background", "foreground"}:
            element.remove(child)


COLOURS = 10  # How many candidates have colours of their own; further ones begin anew

_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How charts show an arm."""

    colour: str  # Its colour's name in the style sheet
    shape: str = "circle"  # Of its points, as Vega names it
    dash: tuple[int, ...] = (1, 0)  # Lengths of dashes and gaps of its lines


Looks = Mapping[str, Look]  # By the name of the arm, as the field `arm` holds it


def find_looks(results: Results) -> Looks:
    """How each arm of a run looks."""
    arms = [one.arm for one in results.summaries] + [one.arm for one in results.sweeps.capacities]
    measured = dict.fromkeys(map(visible, arms + [one.arm for one in results.rounds]))
    looks = {BASELINE: Look(colour="baseline"), CONTROL: Look(colour="control", dash=(5, 3))}
    for number, name in enumerate([name for name in measured if name not in looks]):
        shape = _SHAPES[(number + 1) % len(_SHAPES)]
        looks[name] = Look(colour=f"arm-{number % COLOURS}", shape=shape)
    return {name: look for name, look in looks.items() if name in measured}


def legend(looks: Looks, rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The legend of a chart of these rows."""
    shown = {row.get("arm") for row in rows}
    return tuple((name, look.colour) for name, look in looks.items() if name in shown)


def arm_colour(looks: Looks) -> alt.Color:
    """The colour of a mark by the field `arm`."""
    colours = {name: f"var(--{look.colour})" for name, look in looks.items()}
    return alt.Color("arm:N", legend=None, scale=scale_of(colours))


def arm_dash(looks: Looks) -> alt.StrokeDash:
    """The dashes of a line by the field `arm`."""
    dashes = {name: list(look.dash) for name, look in looks.items()}
    return alt.StrokeDash("arm:N", legend=None, scale=scale_of(dashes))


def arm_shape(looks: Looks) -> alt.Shape:
    """The shape of a point by the field `arm`."""
    shapes = {name: look.shape for name, look in looks.items()}
    return alt.Shape("arm:N", legend=None, scale=scale_of(shapes))


_COLOUR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")


@cache
def light_colours() -> dict[str, str]:
    """The colours of the light page."""
    light, _, _ = (TEMPLATES / "report.css").read_text(encoding="utf-8").partition("@media")
    return dict(_COLOUR.findall(light))


_VARIABLE = re.compile(r'(?<=")var\(--([\w-]+)\)(?=")')


def stand_alone(figure: Figure) -> str:
    """A chart with all that it needs to be understood without the page around it."""
    drawn = render_template("chart.svg.j2", figure=figure)
    return _VARIABLE.sub(lambda found: light_colours().get(found[1], found[0]), drawn)
