"""What was measured of each arm at each level, as rows of charts and cells of the tables below them."""

from collections.abc import Callable, Iterable
from typing import Any

from portcompare import units
from portcompare.records.results import Results, Summary
from portcompare.report.wording import arm_at, known

_MS_PER_S, _US_PER_S = 1e3, 1e6
_MIB = 1024**2

MEASURES: dict[str, tuple[Callable[[Summary], float | None], float, Callable[[float], str]]] = {
    "Rate": (lambda one: one.rate_rps, 1, units.rate),
    "Bound": (lambda one: one.bound.rate_rps if one.bound else None, 1, units.rate),
    "p50": (lambda one: one.latency_s.p50 if one.latency_s else None, _MS_PER_S, units.duration),
    "p99": (lambda one: one.latency_s.p99 if one.latency_s else None, _MS_PER_S, units.duration),
    "In the handler": (lambda one: one.handler_s, _MS_PER_S, units.duration),
    "Outside it": (lambda one: one.outside_handler_s, _MS_PER_S, units.duration),
    "Of that in line": (lambda one: one.queue_s, _MS_PER_S, units.duration),
    "CPU per request": (lambda one: one.cpu_s_per_request, _US_PER_S, units.duration),
    "Peak memory": (lambda one: one.rss_peak_bytes, 1 / _MIB, units.size),
    "Cost per million": (lambda one: one.cost_per_million, 1, units.significant),
}
"""Where a value comes from, what it is multiplied by on an axis, and how it is written."""

Row = dict[str, Any]
"""Of each measure the value by its name, None if it is not known, and with ` text` and ` tip` behind its name
how it is written; beside them `arm`, `level` in words and `load`, the same as a number."""


def summary_rows(results: Results, scenario: str) -> list[Row]:
    """A row for each arm at each level of a scenario."""
    rows = []
    for one in results.summaries:
        if one.scenario == scenario:
            level, arm = arm_at(results, one)
            row: Row = {"level": level, "arm": arm, "load": one.level}
            for name, (value_of, factor, show) in MEASURES.items():
                value = value_of(one)
                text = known(value, show)
                tip = f"{arm} at {level}: {name} {text}"
                row |= {name: value and value * factor, f"{name} text": text, f"{name} tip": tip}
            rows.append(row)
    return rows


def table(rows: Iterable[Row], *measures: str) -> dict[str, Any]:
    """Header and rows of the table of some measures."""
    cells = ((row["level"], row["arm"], *(row[f"{measure} text"] for measure in measures)) for row in rows)
    return {"header": ("Level", "Arm", *measures), "rows": tuple(cells)}
