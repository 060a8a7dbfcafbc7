"""What it comes to, in one plain sentence for each scenario and candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.analyse.capacity import half_width
from portcompare.analyse.validity import THE_CONTROL
from portcompare.records.results import BASELINE, CONTROL, Conclusion
from portcompare.stats.intervals import RatioInterval, chance_beyond, degrees_of_freedom
from portcompare.stats.multiplicity import HEADLINE_METRICS, find_holding, headline_family, reject
from portcompare.units import count, duration, rate, ratio, share

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from portcompare.records.changes import Change
    from portcompare.records.pages import Pages, PageSummary
    from portcompare.records.results import Comparison, Metric, Summary, Verdict
    from portcompare.records.sweeps import Capacity, Estimate
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
    if throughput.ratio is None or throughput.low is None or throughput.high is None:
        return f"{at} nothing can be said of {name}: {throughput.reason}."
    measured = f"{ratio(throughput.ratio)}, 95% interval {ratio(throughput.low)} to {ratio(throughput.high)}"
    text = f"{at} {name} {_SAYS[throughput.verdict]} {other} ({measured})"
    if median.ratio is not None and median.verdict in _OPPOSITE:
        text += f", and its median response time is {_times(median.ratio)} the other's"
        # Equal rates of a closed load mean equal mean response times: a better median can hide a worse tail.
        if tail.ratio is not None and tail.verdict == _OPPOSITE[median.verdict]:
            text += f", but its p95 is {_times(tail.ratio)} it: not all users are served alike"
    if baseline.bound_share is not None and baseline.bound is not None and throughput.verdict == "faster":
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
    margins: Mapping[Metric, float],
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
    return f"{found} {tell_control([one.verdict for one in control], 'be equivalent')}".rstrip()


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
        places: dict[tuple[str, float], list[Metric]] = {}
        for one in holding:
            if one.verdict == verdict:
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
    if lcp is None:
        return f"never on {one.deployment}"
    return f"after {duration(lcp.median_s.value)} on {one.deployment} ({lcp.rating})"


def _against(one: PageSummary, pages: Pages) -> str:
    each = pages.lcp_against_baseline(one)
    found = None if each is None else each.ratio
    if each is None or found is None or found.low is None or found.high is None:
        return ""
    return f": {ratio(found.value)}, 95% interval {ratio(found.low)} to {ratio(found.high)}, {each.verdict}"


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
    family = [one for one in capacities if one.arm not in (BASELINE, CONTROL) and one.ratio is not None]
    if not family:
        return "No capacity could be compared."
    made = f"{count(len(family), 'comparison')} of capacities"
    if invalid_reasons:
        found = f"This run is not valid: its {made} cannot be relied on."
    else:
        holding = _find_holding(family, margin)
        told = "; ".join(f"{one.arm} is {one.verdict} ({one.scenario}, {_ratio(one)})" for one in holding)
        found = tell_holding(made, len(holding), told)
    control = [one.verdict for one in capacities if one.arm == CONTROL]
    return f"{found} {tell_control(control, 'have the same capacity')}".rstrip()


def find_unlike_controls(capacities: Iterable[Capacity], margin: float) -> tuple[str, ...]:
    """Why capacities must not be relied on: the control, which is the baseline, has another or none."""
    control = [one for one in capacities if one.arm == CONTROL]
    differing = _find_holding(control, margin)
    missing = [one for one in control if one.ratio is None]
    return (
        *(
            f"too noisy: {THE_CONTROL} came out {one.verdict} in capacity ({one.scenario}, {_ratio(one)})"
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
    if one.ratio is None or one.verdict not in _SAYS_capacity_conclusions:
        return f"Nothing can be said of {one.arm} against {baseline}: {one.reason}."
    rates = f"{_rate(one)} against {_rate(other)}"
    return f"{one.arm} {_SAYS_capacity_conclusions[one.verdict]} {baseline} ({rates}: {_ratio(one)})."


def _rate(one: Capacity) -> str:
    if one.rate_rps is None:
        return "none"
    return ("at least " if one.is_at_least else "") + rate(one.rate_rps.value)


def _ratio(one: Capacity) -> str:
    if one.ratio is None:
        return "no ratio"
    return f"{ratio(one.ratio.value)}{_interval(one.ratio, ratio)}"


def _interval(one: Estimate, show: Callable[[float], str]) -> str:
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
    if one.ratio is None or one.verdict not in ("faster", "slower"):
        return 1.0
    # An open end says nothing against the verdict: the other one is as far from the middle on a log scale.
    middle, width = one.ratio.value, half_width(one.ratio)
    interval = RatioInterval(ratio=middle, low=middle / width, high=middle * width)
    return chance_beyond(interval, degrees_of_freedom(one.blocks), margin)
