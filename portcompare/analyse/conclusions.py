"""What it comes to, in one plain sentence for each scenario and candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portcompare.analyse.capacity import half_width
from portcompare.analyse.validity import THE_CONTROL
from portcompare.records.metrics import HEADLINE_METRICS
from portcompare.records.results import Conclusion
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.stats.intervals import chance_beyond, degrees_of_freedom
from portcompare.stats.multiplicity import find_holding, headline_family, reject
from portcompare.units import count, duration, rate, ratio, share

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from portcompare.records.changes import Change
    from portcompare.records.estimates import Comparison, Estimate, Verdict
    from portcompare.records.metrics import MetricName
    from portcompare.records.pages import Pages, PageSummary
    from portcompare.records.results import Summary
    from portcompare.records.sweeps import Capacity
    from portcompare.units import LevelText


_SAYS = {
    "faster": "serves more requests than",
    "slower": "serves fewer requests than",
    "equivalent": "serves as many requests as",
    "inconclusive": "serves requests at a rate that cannot be told from that of",
}

_OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}


def conclude(
    comparisons: Iterable[Comparison],
    summaries: Sequence[Summary],
    level_text: LevelText,
) -> tuple[Conclusion, ...]:
    """Say what each candidate gains, level by level."""
    found = {(one.scenario, one.candidate, one.level, one.metric): one for one in comparisons}
    subjects = dict.fromkeys(
        (one.scenario, one.candidate) for one in found.values() if one.candidate != CONTROL
    )
    return tuple(
        Conclusion(
            scenario=scenario,
            candidate=candidate,
            text=" ".join(
                _sentence(
                    level_text(scenario, throughput.level),
                    throughput,
                    found[scenario, candidate, throughput.level, "p50"],
                    found[scenario, candidate, throughput.level, "p95"],
                    _baseline(summaries, scenario, throughput.level),
                )
                for throughput in sorted(
                    (
                        one
                        for one in found.values()
                        if (one.scenario, one.candidate, one.metric) == (scenario, candidate, "throughput")
                    ),
                    key=lambda one: one.level,
                )
            ),
        )
        for scenario, candidate in subjects
    )


def _baseline(summaries: Sequence[Summary], scenario: str, level: float) -> Summary:
    return next(one for one in summaries if (one.scenario, one.level, one.arm) == (scenario, level, BASELINE))


def _sentence(
    level: str, throughput: Comparison, median: Comparison, tail: Comparison, baseline: Summary
) -> str:
    at = f"At {level}"
    name, other = throughput.candidate, baseline.deployment
    found, middle = throughput.ratio, median.ratio
    if found.point is None or found.interval is None or found.verdict is None:
        return f"{at} nothing can be said of {name}: {found.reason}."
    text = f"{at} {name} {_SAYS[found.verdict]} {other} ({ratio(found.point)}{interval_text(found, ratio)})"
    if middle.point is not None and middle.verdict in _OPPOSITE:
        text += f", and its median response time is {_times(middle.point)} the other's"
        # Equal rates of a closed load mean equal mean response times: a better median can hide a worse tail.
        if tail.ratio.point is not None and tail.ratio.verdict == _OPPOSITE[middle.verdict]:
            text += f", but its p95 is {_times(tail.ratio.point)} it: not all users are served alike"
    if baseline.bound_share is not None and baseline.bound is not None and found.verdict == "faster":
        text += (
            f"; {other} is at {share(min(baseline.bound_share, 1.0))} of its bound: {baseline.bound.reason}"
        )
    return text + "."


def _times(value: float) -> str:
    """A part of something, or so many times it."""
    return f"{share(value)} of" if value < 1 else ratio(value)


OF = "throughput and median response time"
_DIFFERENCES: tuple[Verdict, ...] = ("faster", "slower")


def find_headline(
    comparisons: Sequence[Comparison],
    margins: Mapping[MetricName, float],
    level_text: LevelText,
    invalid_reasons: Collection[str],
) -> str:
    """Say first what can be relied on."""
    family = headline_family(comparisons)
    if not family:
        return "Nothing was compared."
    made = f"{count(len(family), 'comparison')} of {OF}"
    if invalid_reasons:
        found = f"This run is not valid: its {made} cannot be relied on."
    else:
        holding = find_holding(family, margins)
        told = "; ".join(
            tell_differences(name, [one for one in holding if one.candidate == name], level_text)
            for name in dict.fromkeys(one.candidate for one in holding)
        )
        found = tell_holding(made, len(holding), told)
    control = [one for one in comparisons if one.candidate == CONTROL and one.metric in HEADLINE_METRICS]
    return f"{found} {tell_control([one.ratio.verdict for one in control], 'be equivalent')}".rstrip()


def tell_holding(made: str, number: int, told: str) -> str:
    """Say how many differences hold, and which."""
    differences = f"{count(number, 'difference')} {'holds' if number == 1 else 'hold'}"
    found = differences if number else "no difference holds"
    return f"Of {made}, {found}, however many were looked for (Holm, 5%)" + (f": {told}." if told else ".")


def tell_control(verdicts: Sequence[Verdict | None], to_be: str) -> str:
    """Say what the control shows of how small a difference can be told."""
    equivalent = sum(verdict == "equivalent" for verdict in verdicts)
    shown = f"The control, the baseline measured again, was shown to {to_be}"
    if equivalent < len(verdicts):
        return f"{shown} in {equivalent} of {len(verdicts)}: too noisy for small differences."
    return f"{shown} everywhere." if verdicts else ""


def tell_differences(name: str, holding: Sequence[Comparison | Change], level_text: LevelText) -> str:
    """Say where one side differs."""
    parts = []
    for verdict in _DIFFERENCES:
        places: dict[tuple[str, float], list[MetricName]] = {}
        for one in holding:
            if one.ratio.verdict == verdict:
                places.setdefault((one.scenario, one.level), []).append(one.metric)
        if places:
            texts = (
                f"{scenario}, {level_text(scenario, level)}"
                + ("" if len(metrics) == len(HEADLINE_METRICS) else f": {metrics[0]} alone")
                for (scenario, level), metrics in places.items()
            )
            parts.append(f"{verdict} ({'; '.join(texts)})")
    return f"{name} is {' and '.join(parts)}"


def conclude_pages(pages: Pages) -> Iterator[Conclusion]:
    """Say what a first visitor waits for, and what for."""
    cold = [one for one in pages.summaries if one.kind == "cold"]
    baselines = {(one.page, one.users): one for one in cold if one.arm == BASELINE}
    for one in cold:
        baseline = baselines.get((one.page, one.users))
        if baseline is not None and one.arm not in (BASELINE, CONTROL):
            text = _text(one, baseline, pages)
            yield Conclusion(scenario=f"page {one.page}", candidate=one.arm, text=text)


def _text(one: PageSummary, baseline: PageSummary, pages: Pages) -> str:
    condition = f"While {count(one.users, 'user')} wait as well" if one.users else "On an idle server"
    parts = [f"{condition}, the page is complete {_after(one)}, {_after(baseline)}{_against(one, pages)}"]
    parts += [f"{each.deployment}: {each.bottleneck}" for each in (one, baseline) if each.bottleneck]
    return "; ".join(parts) + "."


def _after(one: PageSummary) -> str:
    lcp = one.lcp
    if lcp is None or lcp.median_s.point is None:
        return f"never on {one.deployment}"
    return f"after {duration(lcp.median_s.point)} on {one.deployment} ({lcp.rating})"


def _against(one: PageSummary, pages: Pages) -> str:
    found = pages.lcp_against_baseline(one)
    if found is None or found.ratio.point is None:
        return ""
    return f": {ratio(found.ratio.point)}{interval_text(found.ratio, ratio)}, {found.ratio.verdict}"


_SAYS_capacity_conclusions = {
    "faster": "has a higher capacity than",
    "slower": "has a lower capacity than",
    "equivalent": "has the same capacity as",
    "inconclusive": "has a capacity that cannot be told from that of",
}


def find_capacity_headline(
    capacities: Sequence[Capacity], margin: float, invalid_reasons: Collection[str]
) -> str:
    """Say first what can be relied on."""
    family = [one for one in capacities if one.arm not in (BASELINE, CONTROL) and _is_compared(one)]
    if not family:
        return "No capacity could be compared."
    made = f"{count(len(family), 'comparison')} of capacities"
    if invalid_reasons:
        found = f"This run is not valid: its {made} cannot be relied on."
    else:
        holding = _find_holding(family, margin)
        told = "; ".join(f"{one.arm} is {_verdict(one)} ({one.scenario}, {_ratio(one)})" for one in holding)
        found = tell_holding(made, len(holding), told)
    control = [_verdict(one) for one in capacities if one.arm == CONTROL]
    return f"{found} {tell_control(control, 'have the same capacity')}".rstrip()


def find_unlike_controls(capacities: Iterable[Capacity], margin: float) -> tuple[str, ...]:
    """Why capacities must not be relied on: the control, which is the baseline, has another or none."""
    control = [one for one in capacities if one.arm == CONTROL]
    differing = _find_holding(control, margin)
    missing = [one for one in control if not _is_compared(one)]
    return (
        *(
            f"too noisy: {THE_CONTROL} came out {_verdict(one)} in capacity ({one.scenario}, {_ratio(one)})"
            for one in differing
        ),
        *(f"{THE_CONTROL} has no capacity to compare ({one.scenario}): {one.reason}" for one in missing),
    )


def conclude_capacities(capacities: Sequence[Capacity], baseline: str) -> tuple[Conclusion, ...]:
    """Say what each candidate gains."""
    others = {one.scenario: one for one in capacities if one.arm == BASELINE}
    return tuple(
        Conclusion(
            scenario=one.scenario,
            candidate=one.arm,
            text=_capacity_sentence(one, others[one.scenario], baseline),
        )
        for one in capacities
        if one.arm not in (BASELINE, CONTROL) and one.scenario in others
    )


def _capacity_sentence(one: Capacity, other: Capacity, baseline: str) -> str:
    verdict = _verdict(one)
    if not _is_compared(one) or verdict not in _SAYS_capacity_conclusions:
        return f"Nothing can be said of {one.arm} against {baseline}: {one.reason}."
    rates = f"{_rate(one)} against {_rate(other)}"
    return f"{one.arm} {_SAYS_capacity_conclusions[verdict]} {baseline} ({rates}: {_ratio(one)})."


def _rate(one: Capacity) -> str:
    if one.rate_rps.point is None:
        return "none"
    return ("at least " if one.is_at_least else "") + rate(one.rate_rps.point)


def _ratio(one: Capacity) -> str:
    if one.ratio is None or one.ratio.point is None:
        return "no ratio"
    return f"{ratio(one.ratio.point)}{interval_text(one.ratio, ratio)}"


def _verdict(one: Capacity) -> Verdict | None:
    return None if one.ratio is None else one.ratio.verdict


def _is_compared(one: Capacity) -> bool:
    return one.ratio is not None and one.ratio.point is not None


def interval_text(one: Estimate, show: Callable[[float], str]) -> str:
    """The 95% interval as the end of a clause; empty where there is none."""
    if one.low is not None and one.high is not None:
        return f", 95% interval {show(one.low)} to {show(one.high)}"
    if one.low is not None:
        return f", 95% interval from {show(one.low)} on"
    return f", 95% interval up to {show(one.high)}" if one.high is not None else ""


def _find_holding(family: Sequence[Capacity], margin: float) -> tuple[Capacity, ...]:
    """The differences that hold together: the chance that any of them is false is at most 5%."""
    return reject(family, [_chance(one, margin) for one in family])


def _chance(one: Capacity, margin: float) -> float:
    """How often chance alone would show such a difference; 1 where the verdict is none."""
    found = one.ratio
    if found is None or found.point is None or found.verdict not in ("faster", "slower"):
        return 1.0
    # An open end says nothing against the verdict: the other one is as far from the middle on a log scale.
    width = half_width(found)
    closed = replace(found, low=found.point / width, high=found.point * width)
    return chance_beyond(closed, degrees_of_freedom(found.blocks), margin)
