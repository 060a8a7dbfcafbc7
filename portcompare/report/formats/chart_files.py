"""The charts as files: SVG for pages, PNG for what shows no SVG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import vl_convert

from portcompare.report.charts.registry import draw_charts, main_charts
from portcompare.report.charts.svg import light_colours
from portcompare.report.files import encode

if TYPE_CHECKING:
    from portcompare.records.results import Results
    from portcompare.report.charts.svg import Figure

CHART_FOLDER = "charts"

_SCALE = 1.5
_MARGIN = 16
_LINE = 20
_TITLE_SIZE, _TEXT_SIZE, _DOT = 15, 12, 5
_LEGEND_WIDTH = 190
_LEAST_WIDTH = 480
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")


def render(results: Results) -> dict[str, bytes]:
    """Draw the charts of a run as files."""
    files = {}
    pictured = main_charts(results)
    for name, figure in draw_charts(results).named():
        svg = stand_alone(figure)
        files[f"{name}.svg"] = encode(svg)
        if name in pictured:
            files[f"{name}.png"] = vl_convert.svg_to_png(svg, scale=_SCALE)
    return files


def stand_alone(figure: Figure) -> str:
    """A chart with all that it needs to be understood without the page around it."""
    title = f"{figure.title} · {figure.scenario}" if figure.scenario else figure.title
    chart = ET.fromstring(figure.svg)  # noqa: S314 - drawn here, not received
    width = max(int(chart.get("width", "0")) + 2 * _MARGIN, _LEAST_WIDTH)
    columns = max((width - 2 * _MARGIN) // _LEGEND_WIDTH, 1)
    lines = -(-len(figure.arms) // columns)
    top = _MARGIN + (2 + lines) * _LINE + _MARGIN // 2
    height = top + int(chart.get("height", "0")) + _MARGIN
    root = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=str(width),
        height=str(height),
        viewBox=f"0 0 {width} {height}",
    )
    root.set("font-family", "system-ui, sans-serif")
    ET.SubElement(root, "rect", width="100%", height="100%", fill="var(--page)")
    _text(root, _MARGIN, _MARGIN + _TITLE_SIZE - 2, title, size=_TITLE_SIZE, weight="bold")
    _text(root, _MARGIN, _MARGIN + _LINE + _TEXT_SIZE, figure.subtitle, colour="muted")
    for number, (label, colour) in enumerate(figure.arms):
        x = _MARGIN + number % columns * _LEGEND_WIDTH
        y = _MARGIN + (2 + number // columns) * _LINE + _TEXT_SIZE
        ET.SubElement(root, "circle", cx=str(x + _DOT), cy=str(y - 4), r=str(_DOT), fill=f"var(--{colour})")
        _text(root, x + 3 * _DOT, y, label)
    chart.set("x", str(_MARGIN))
    chart.set("y", str(top))
    root.append(chart)
    for element in root.iter():
        for name, value in element.attrib.items():
            element.attrib[name] = _VARIABLE.sub(lambda found: light_colours()[found[1]], value)
    return ET.tostring(root, encoding="unicode") + "\n"


def _text(
    root: ET.Element,
    x: int,
    y: int,
    text: str,
    *,
    size: int = _TEXT_SIZE,
    weight: str = "normal",
    colour: str = "ink",
) -> None:
    element = ET.SubElement(root, "text", x=str(x), y=str(y), fill=f"var(--{colour})")
    element.set("font-size", str(size))
    element.set("font-weight", weight)
    element.text = text
