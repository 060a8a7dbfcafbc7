"""The words that all formats share."""

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from portcompare import units
from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Change, Comparison, Estimate, Verdict
from portcompare.records.manifest import Steadiness
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results, Spectrum, Summary
from portcompare.records.rounds import Latency

Tone = Literal["better", "worse", "same", "unsure"]

NOT_KNOWN = "not known"
NO_RESULT = "no result"  # Of an interval that is too wide to mean anything
ALREADY_RUNNING = "already running"

PERCENTILES = {"p50": "p50", "p95": "p95", "p99": "p99", "p99.9": "p999", "max": "max"}
"""What a latency record holds, by the name people read."""

TONES: dict[Verdict, Tone] = {
    "faster": "better",
    "slower": "worse",
    "equivalent": "same",
    "inconclusive": "unsure",
    "invalid": "unsure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table whose cells are words already."""

    title: str  # What it shows
    note: str  # How to read it
    header: tuple[str, ...]  # The names of the columns
    rows: tuple[tuple[str, ...], ...]  # The rows; the first cell names the row


Facts = tuple[tuple[str, str], ...]  # Terms, each with what is known of it

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what has no shape: controls, direction marks, surrogates, line separators."""


def known(value: float | None, show: Callable[[float], str], otherwise: str = NOT_KNOWN) -> str:
    """A quantity in words, `otherwise` for None."""
    return otherwise if value is None else show(value)


def why_usage_unknown(results: Results, deployment: str) -> str:
    """Why CPU time and memory of a deployment are not known."""
    kinds = {served.name: served.kind for served in results.manifest.deployments}
    return ALREADY_RUNNING if kinds.get(deployment) == "url" else ""


def latencies(latency: Latency | None) -> dict[str, str]:
    """The percentiles of the response time in words, by the names of `PERCENTILES`."""
    return {
        name: NOT_KNOWN if latency is None else units.duration(getattr(latency, field))
        for name, field in PERCENTILES.items()
    }


def exact(value: float) -> str:
    """A number that was given and not measured, as it was given."""
    return f"{value:,.15g}"


def seconds_text(value_s: float) -> str:
    """A duration that was given and not measured, as it was given."""
    return f"{exact(value_s)} s"


def percent(value: float) -> str:
    """A ratio that was given and not measured, in percent."""
    return f"{exact(value * 100)}%"


def ratio_text(ratio: Estimate) -> str:
    """A ratio, unless its interval is too wide."""
    return NO_RESULT if ratio.interval and not ratio.is_result else known(ratio.point, units.ratio)


def interval(ratio: Estimate, show: Callable[[float], str] = units.ratio) -> str:
    """The 95% interval of a ratio; empty if it is too wide."""
    if ratio.interval is None:
        return NOT_KNOWN
    if not ratio.is_result:
        return ""
    low, high = ratio.interval
    return f"[{show(low)}, {show(high)}]"


def with_ends(one: Estimate, show: Callable[[float], str]) -> str:
    """An estimate with its 95% interval, of which an end may be open; empty if it is not known."""
    return "" if one.point is None else f"{show(one.point)} {ends_text(one, show)}".strip()


def ends_text(one: Estimate, show: Callable[[float], str]) -> str:
    """The ends of an interval; empty if neither is known."""
    if one.low is None and one.high is None:
        return ""
    return f"[{known(one.low, show)}, {known(one.high, show, 'no end')}]"


def ratio_cells(one: Comparison | Change) -> tuple[str, str, str]:
    """A ratio, its 95% interval, and its verdict as its metric calls it."""
    verdict = METRICS[one.metric].word(one.ratio.verdict or "invalid")
    return ratio_text(one.ratio), interval(one.ratio), verdict


def level_text(results: Results, scenario: str, level: float) -> str:
    """A level with its unit, which depends on the scenario's load model."""
    model = plan_value(results, "scenarios", scenario, "load", "model")
    if model not in get_args(units.LoadModel):
        return f"level {exact(level)}"
    return units.level(level, model)


def arm_at(results: Results, one: Summary | Spectrum) -> tuple[str, str]:
    """The level and the name of an arm."""
    return level_text(results, one.scenario, one.level), visible(one.arm)


def objective_text(results: Results, scenario: str) -> str:
    """The objective that a searched rate of a scenario must keep."""
    limits = plan_value(results, "scenarios", scenario, "load", "objective")
    if not isinstance(limits, dict):
        return NOT_KNOWN
    names = {field: name for name, field in PERCENTILES.items()}
    return ", ".join(
        f"{names.get(field, field)} within {units.duration(limit_s)}"
        for field, limit_s in limits.items()
        if limit_s is not None
    )


def plan_value(results: Results, *keys: str) -> Any:  # noqa: ANN401 - the plan is JSON
    """A value of the plan; None where the plan has none."""
    value: Any = results.plan
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def margin_of(results: Results, metric: MetricName) -> float:
    """The equivalence margin of a metric, which the plan gives for all or for each; its own without one."""
    found = plan_value(results, "rounds", "margin")
    margin: float | None = found.get(metric) if isinstance(found, dict) else found
    return METRICS[metric].margin if margin is None else margin


def visible(text: str) -> str:
    r"""A text in one line, in which nothing hides: what has no shape is written as its escape.

    Left in place, a control character could move a terminal's cursor and a direction mark could turn the rest
    of a line around.
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNSEEN else char
        for char in text
    )


def visible_lines(text: str) -> str:
    """A text of several lines in which nothing hides, as of a server's log."""
    return "\n".join(visible(line.expandtabs()) for line in text.split("\n"))


def shortened(text: str, longest: int) -> str:
    """A text cut to a line."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def clipped(text: str, longest: int) -> str:
    """A text cut to a length, and marked where it was."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def describe_steadiness(found: Steadiness) -> str:
    """What a run can be expected to tell on this machine, in a sentence."""
    varies, least = (units.significant(100 * one, 2) for one in (found.deviation, found.detectable_ratio))
    return (
        f"on this machine, now, expect to tell differences in throughput of {least}% or more"
        f" (its speed varies by {varies}% in 0.1 s)"
    )


def timestamp(iso: str) -> str:
    """A recorded time in UTC, for people."""
    return visible(iso).replace("T", " ").replace("+00:00", " UTC").replace("Z", " UTC")


_MARKED = ("not decided", "withdrawn")  # outcomes that a reader must see before the advice


def advice_cells(advice: Iterable[Advice]) -> list[tuple[str, str]]:
    """Each piece of advice, with what it rests on and what became of it."""
    return [
        (
            visible(f"{one.outcome}: {one.text}" if one.outcome in _MARKED else one.text),
            visible(f"{one.evidence}{_outcome(one)}"),
        )
        for one in advice
    ]


def _outcome(one: Advice) -> str:
    if one.measured is not None:
        return f"; {one.outcome}: {with_ends(one.measured, units.ratio) or one.measured.reason}"
    return "; `portcompare diagnose --try` measures it" if one.change else ""
