"""Vega-Lite charts as SVG that can stand inside a page: offline, in its colours, accessible."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal
from xml.etree import ElementTree as ET

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

Spec = dict[str, Any]  # A Vega-Lite specification, or a part of one

TICKS = [step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5)]
"""Of logarithmic axes: the scale's own are either too few or too many."""

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


APART = {"labelOverlap": "greedy", "labelSeparation": 8}
"""Leaves out labels of an axis of numbers that would come too near, in wider fonts of a reader too."""


def quantity(field: str, **settings: object) -> Spec:
    """A channel that shows a number."""
    return {"field": field, "type": "quantitative", **settings}


def category(field: str, **settings: object) -> Spec:
    """A channel that shows one of several values."""
    return {"field": field, "type": "nominal", **settings}


def as_given(field: str) -> Spec:
    """A channel whose very values the data has: a colour, a shape, or the dashes of a line."""
    return category(field, scale=None)


TOOLTIP = {"description": category("tip")}
BY_ARM = TOOLTIP | {"color": as_given("colour"), "detail": category("arm")}
"""What belongs to an arm, in its colour; two of many arms may have the same."""


def grid_axis(**settings: object) -> Spec:
    """An axis of numbers with faint grid lines."""
    return {"format": "~r", "grid": True, "gridOpacity": 0.6} | APART | settings


def log_y(field: str, title: str | None) -> Spec:
    """A logarithmic vertical axis."""
    return quantity(field, title=title, scale={"type": "log"}, axis=grid_axis(values=TICKS))


def arm_y(order: Iterable[str] | None = None, *, field: str = "arm", named: bool = True) -> Spec:
    """A row for each arm, in this order or that of the data; without names if `named` is False."""
    axis = {"ticks": False, "labelLimit": LABEL_WIDTH, "minExtent": LABEL_WIDTH + FONT_SLACK}
    sort = None if order is None else list(order)
    return category(field, sort=sort, title=None, axis=axis if named else None)


def scale_of(colours: Mapping[str, str]) -> Spec:
    """The scale that draws each value of a field in its colour, for a legend to show."""
    return {"domain": list(colours), "range": list(colours.values())}


def mark(kind: str, encoding: Spec, *, where: str = "", **look: object) -> Spec:
    """A mark for each row of the data, or for those for which the expression `where` is true."""
    drawn = {"mark": {"type": kind, **look}, "encoding": encoding}
    return drawn | {"transform": [{"filter": where}]} if where else drawn


def dot(encoding: Spec, *, where: str = "", **look: object) -> Spec:
    """A filled point for each row."""
    return mark("point", encoding, where=where, filled=True, opacity=1, **look)


def interval(base: Spec, x: Spec) -> list[Spec]:
    """A point at `x`, on a line from the field `low` to `high`, where that is known."""
    ends, where = {"x": quantity("low"), "x2": {"field": "high"}}, f"isValid(datum.{x['field']})"
    line = mark("rule", base | ends, where=where, strokeWidth=2)
    return [line, dot(base | {"x": x}, where=where, size=60)]


def course(encoding: Spec, *, where: str = "") -> list[Spec]:
    """A line for each arm in its dashes, and points in its shape, of those rows for which `where` is true."""
    line = mark("line", encoding | {"strokeDash": as_given("dash")}, strokeWidth=2)
    return [line, dot(encoding | {"shape": as_given("shape")}, where=where, size=40)]


def text_beside(encoding: Spec) -> Spec:
    """The field `text` of each row, to the right of the plot."""
    beside = {"x": {"value": "width"}, "text": category("text")}
    return mark("text", encoding | beside, align="left", dx=8, fontSize=FONT_SIZE, color=TEXT)


def bar(encoding: Spec) -> Spec:
    """A bar for each row, or for a part of it."""
    return mark("bar", encoding, height=ROW_HEIGHT * 0.6)


def by_rows(*marks: Spec, width: int) -> Spec:
    """Marks one above the other, in rows of the height of `arm_y`."""
    return {"layer": list(marks), "width": width, "height": {"step": ROW_HEIGHT}}


def below_each_other(
    chart: Spec, field: str = "level", sort: list[str] | None = None, own: Literal["x", "y"] | None = None
) -> Spec:
    """A chart for each level, or value of a field; `own`: the axis that each has a scale of its own for."""
    return {
        "facet": category(field, sort=sort, title=None, header={"labelAnchor": "start"}),
        "columns": 1,
        "spec": chart,
        "resolve": {"scale": {own: "independent"} if own else {}},
    }


def draw(
    chart: Spec,
    tables: Tables,
    *,
    title: str,
    subtitle: str,
    description: str,
    looks: "Looks" = MappingProxyType({}),
    **rest: Any,  # noqa: ANN401 - the other fields of Figure
) -> Figure:
    """Draw a chart of the table `rows`, in colours that the page's style sheet defines.

    A field in `*tip` is the tooltip of a mark that has it as description. With `looks`, the rows of an arm
    get its looks, and what is drawn of it can be hidden.
    """
    for row in (row for table in tables.values() for row in table):
        row.update(looks.get(row.get("arm", ""), {}))
        look = row.get("look", "")
        row |= {field: f"{_TIP}{look}:{text}" for field, text in row.items() if field.endswith("tip")}
    spec = {"data": {"name": "rows"}, "datasets": tables, "config": _CONFIG} | chart
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec))  # noqa: S314 - drawn here, not received
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


Looks = Mapping[str, Mapping[str, Any]]
"""How charts show each arm, by its name: what its rows hold for `BY_ARM` and `course`, and for the page's
script as `look` the name of its colour."""


def find_looks(results: Results) -> Looks:
    """How each arm of a run looks."""
    arms = [one.arm for one in results.summaries] + [one.arm for one in results.sweeps.capacities]
    measured = dict.fromkeys(map(visible, arms + [one.arm for one in results.rounds]))
    looks = {BASELINE: _look("baseline", "circle"), CONTROL: _look("control", "circle", dash=(5, 3))}
    for number, name in enumerate([name for name in measured if name not in looks]):
        looks[name] = _look(f"arm-{number % COLOURS}", _SHAPES[(number + 1) % len(_SHAPES)])
    return {name: look for name, look in looks.items() if name in measured}


def _look(name: str, shape: str, dash: tuple[int, ...] = (1, 0)) -> dict[str, Any]:
    return {"look": name, "colour": f"var(--{name})", "shape": shape, "dash": dash}


def legend(looks: Looks, rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """The legend of a chart of these rows."""
    shown = {row.get("arm") for row in rows}
    return tuple((name, look["look"]) for name, look in looks.items() if name in shown)


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
