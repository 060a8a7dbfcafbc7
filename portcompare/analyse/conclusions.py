"""The result in sentences: which differences hold, and a conclusion for each scenario and candidate."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from portcompare.analyse.sweeps import half_width
from portcompare.records.estimates import Change, Comparison, Estimate, Verdict
from portcompare.records.metrics import HEADLINE_METRICS, MetricName
from portcompare.records.pages import Pages, PageSummary, PageVisit
from portcompare.records.results import Conclusion, Summary
from portcompare.records.rounds import BASELINE, CONTROL, LoadReport, Round
from portcompare.records.sweeps import Capacity
from portcompare.stats.intervals import chance_beyond, degrees_of_freedom, reject
from portcompare.units import LevelText, count, duration, rate, ratio, share
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS

Margins = Mapping[MetricName, float]

HEADLINE_SUBJECT = "throughput and median response time"

_OPPOSITE: dict[Verdict | None, Verdict] = {"faster": "slower", "slower": "faster"}
_RATE_PHRASES: dict[Verdict | None, str] = {
    "faster": "serves more requests than",
    "slower": "serves fewer requests than",
    "equivalent": "serves as many requests as",
    "inconclusive": "serves requests at a rate with no conclusive difference from that of",
}
_CAPACITY_PHRASES: dict[Verdict | None, str] = {
    "faster": "has a higher capacity than",
    "slower": "has a lower capacity than",
    "equivalent": "has the same capacity as",
    "inconclusive": "has a capacity with no conclusive difference from that of",
}


def find_wrong_under_load(
    rounds: Iterable[Round],
    visits: Iterable[PageVisit],
    level_text: LevelText,
    searched: Collection[str] = (),
    *,
    is_alike: bool = False,
) -> str:
    """Say which deployments respond under load otherwise than approved; empty if none does.

    In `searched` scenarios a wrong status is a limit that was searched for. `is_alike`: whether all responses
    were right one at a time.
    """
    loads: list[tuple[Round | PageVisit, str, LoadReport, bool]] = [
        (one, f"{one.scenario}, {level_text(one.scenario, one.level)}", one.load, one.scenario in searched)
        for one in rounds
    ]
    loads += [
        (one, f"page {one.page}, {count(one.users, 'user')}", one.users_load, False)
        for one in visits
        if one.users_load is not None
    ]
    kinds: dict[str, Counter[str]] = {}
    places: dict[str, dict[str, int]] = {}  # With the number of responses, by arm
    examples: dict[tuple[str, str], str] = {}  # By arm and kind
    for one, place, load, is_searched in loads:
        wrong = WRONG_BODY if is_searched else (WRONG_BODY, WRONG_STATUS)
        found = {kind: number for kind, number in load.error_kinds.items() if kind.startswith(wrong)}
        if found:
            name = f"{one.deployment} again, the control" if one.arm == CONTROL else one.deployment
            kinds.setdefault(name, Counter()).update(found)
            at = places.setdefault(name, {})
            at[place] = at.get(place, 0) + load.responses
            examples = {(name, kind): text for kind, text in load.wrong_examples.items()} | examples
    if not kinds:
        return ""
    texts = []
    for name, found in kinds.items():
        first, *others = places[name]
        more = f" and {count(len(others), 'more level')}" if others else ""
        what = ", ".join(f"{number:,} x {kind}" for kind, number in found.most_common(2))
        of = f"of {count(sum(places[name].values()), 'response')} {what}"
        shown = [examples[name, kind] for kind, _ in found.most_common() if (name, kind) in examples]
        texts.append(", ".join([f"{name} ({first}{more}: {of})", *shown[:1]]))
    advice = (
        " One at a time, the responses were right: "
        "look for state that requests share, or for a limit that the load has reached."
    )
    return f"Wrong responses under load: {'; '.join(texts)}.{advice if is_alike else ''}"


def find_evidence(
    comparisons: Sequence[Comparison],
    margins: Margins,
    level_text: LevelText,
    invalid_reasons: Collection[str],
) -> str:
    """Say which differences hold among a run's comparisons."""
    family = headline_family(comparisons)
    if not family:
        return "Nothing was compared."
    holding = find_holding(family, margins)
    differences = describe_differences([(one.candidate, one) for one in holding], level_text)
    control = describe_control([one.ratio.verdict for one in control_family(comparisons)], "be equivalent")
    made = f"{count(len(family), 'comparison')} of {HEADLINE_SUBJECT}"
    return f"{describe_holding(made, len(holding), differences, invalid_reasons)} {control}".rstrip()


def find_capacity_evidence(
    capacities: Sequence[Capacity], margin: float, invalid_reasons: Collection[str]
) -> str:
    """Say which differences hold among a run's capacities."""
    candidates = [one for one in capacities if one.arm not in (BASELINE, CONTROL)]
    family = [one for one in candidates if one.compared.point is not None]
    if not family:
        return "No capacity could be compared."
    holding = find_differing(family, margin)
    differences = "; ".join(
        f"{one.arm} is {one.compared.verdict} ({one.scenario}, {with_interval(one.compared)})"
        for one in holding
    )
    verdicts = [one.compared.verdict for one in capacities if one.arm == CONTROL]
    control = describe_control(verdicts, "have the same capacity")
    made = f"{count(len(family), 'comparison')} of capacities"
    return f"{describe_holding(made, len(holding), differences, invalid_reasons)} {control}".rstrip()


def headline_family(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """The comparisons that the headline speaks of."""
    candidates = (one for one in comparisons if one.candidate != CONTROL)
    return [one for one in candidates if one.metric in HEADLINE_METRICS and one.ratio.point is not None]


def control_family(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """The comparisons of the control that say how small a difference is detectable."""
    return [one for one in comparisons if one.candidate == CONTROL and one.metric in HEADLINE_METRICS]


def find_holding(family: Sequence[Comparison], margins: Margins) -> tuple[Comparison, ...]:
    """The differences that hold together: the chance that any of them is false is at most 5%."""
    known = [one for one in family if one.ratio.point is not None]
    chances = [
        chance_beyond(one.ratio, degrees_of_freedom(one.ratio.blocks), margins[one.metric])
        if one.ratio.verdict in _OPPOSITE
        else 1.0
        for one in known
    ]
    return reject(known, chances)


def find_differing(family: Sequence[Capacity], margin: float) -> tuple[Capacity, ...]:
    """The capacities that differ from the baseline's, however many were compared."""
    known = [one for one in family if one.compared.point is not None]
    return reject(known, [_chance(one.compared, margin) for one in known])


def _chance(found: Estimate, margin: float) -> float:
    """How often chance alone would show such a ratio of capacities; 1 where the verdict is no difference."""
    if found.point is None or found.verdict not in _OPPOSITE:
        return 1.0
    # An open end says nothing against the verdict: the other one is as far from the middle on a log scale.
    width = half_width(found)
    closed = replace(found, low=found.point / width, high=found.point * width)
    return chance_beyond(closed, degrees_of_freedom(found.blocks), margin)


def describe_holding(made: str, number: int, differences: str, invalid_reasons: Collection[str] = ()) -> str:
    """Say how many differences hold, and which."""
    if invalid_reasons:
        return f"This run is not valid: its {made} cannot be relied on."
    holding = f"{count(number, 'difference')} {'holds' if number == 1 else 'hold'}"
    found = holding if number else "no difference holds"
    return f"Of {made}, {found}, however many were looked for (Holm, 5%)" + (
        f": {differences}." if differences else "."
    )


def describe_control(verdicts: Sequence[Verdict | None], to_be: str) -> str:
    """Say from the control how small a difference is detectable."""
    equivalent = sum(verdict == "equivalent" for verdict in verdicts)
    shown = f"The control, the baseline measured again, was shown to {to_be}"
    if equivalent < len(verdicts):
        return f"{shown} in {equivalent} of {len(verdicts)}: too noisy for small differences."
    return f"{shown} everywhere." if verdicts else ""


def describe_differences(holding: Sequence[tuple[str, Comparison | Change]], level_text: LevelText) -> str:
    """Say where each side, which is named, differs."""
    sides = []
    for name in dict.fromkeys(name for name, _ in holding):
        parts = []
        for verdict in _OPPOSITE:
            places: dict[tuple[str, float], list[MetricName]] = {}
            for side, one in holding:
                if side == name and one.ratio.verdict == verdict:
                    places.setdefault((one.scenario, one.level), []).append(one.metric)
            texts = (
                f"{scenario}, {level_text(scenario, level)}"
                + ("" if len(metrics) == len(HEADLINE_METRICS) else f": {metrics[0]} alone")
                for (scenario, level), metrics in places.items()
            )
            parts += [f"{verdict} ({'; '.join(texts)})"] if places else []
        sides.append(f"{name} is {' and '.join(parts)}")
    return "; ".join(sides)


def conclude(
    comparisons: Iterable[Comparison], summaries: Sequence[Summary], level_text: LevelText
) -> Iterator[Conclusion]:
    """Say what each candidate gains, level by level."""
    found = {(one.scenario, one.candidate, one.level, one.metric): one.ratio for one in comparisons}
    baselines = {(one.scenario, one.level): one for one in summaries if one.arm == BASELINE}
    levels: dict[tuple[str, str], set[float]] = {}
    for scenario, candidate, level, _ in found:
        if candidate != CONTROL:
            levels.setdefault((scenario, candidate), set()).add(level)
    for (scenario, candidate), own in levels.items():
        sentences = []
        for level in sorted(own):
            ratios = {name: found[scenario, candidate, level, name] for name in ("throughput", "p50", "p95")}
            at = f"At {level_text(scenario, level)}"
            sentences.append(_sentence(at, candidate, ratios, baselines[scenario, level]))
        yield Conclusion(scenario=scenario, candidate=candidate, text=" ".join(sentences))


def _sentence(at: str, name: str, ratios: Mapping[str, Estimate], baseline: Summary) -> str:
    found, middle, tail = ratios["throughput"], ratios["p50"], ratios["p95"]
    other, bound = baseline.deployment, baseline.bound
    if found.point is None or found.interval is None:
        return f"{at} nothing can be said of {name}: {found.reason}."
    text = f"{at} {name} {_RATE_PHRASES[found.verdict]} {other} ({with_interval(found)})"
    if middle.point is not None and middle.verdict in _OPPOSITE:
        text += f", and its median response time is {_times(middle.point)} the other's"
        # Equal rates of a closed load mean equal mean response times: a better median can hide a worse tail.
        if tail.point is not None and tail.verdict == _OPPOSITE[middle.verdict]:
            text += f", but its p95 is {_times(tail.point)} it: not all users are served alike"
    if baseline.bound_share is not None and bound is not None and found.verdict == "faster":
        text += f"; {other} is at {share(min(baseline.bound_share, 1.0))} of its bound: {bound.reason}"
    return text + "."


def _times(value: float) -> str:
    """A part of something, or so many times it."""
    return f"{share(value)} of" if value < 1 else ratio(value)


def conclude_capacities(capacities: Sequence[Capacity], baseline: str) -> Iterator[Conclusion]:
    """Say what each candidate gains in capacity."""
    others = {one.scenario: one for one in capacities if one.arm == BASELINE}
    for one in capacities:
        if one.arm in (BASELINE, CONTROL) or one.scenario not in others:
            continue
        text = f"Nothing can be said of {one.arm} against {baseline}: {one.reason}."
        if one.compared.point is not None:
            found = f"{_rate(one)} against {_rate(others[one.scenario])}: {with_interval(one.compared)}"
            text = f"{one.arm} {_CAPACITY_PHRASES[one.compared.verdict]} {baseline} ({found})."
        yield Conclusion(scenario=one.scenario, candidate=one.arm, text=text)


def _rate(one: Capacity) -> str:
    if one.rate_rps.point is None:
        return "none"
    return ("at least " if one.is_at_least else "") + rate(one.rate_rps.point)


def conclude_pages(pages: Pages) -> Iterator[Conclusion]:
    """Say what a first visitor waits for, and what for."""
    cold = [one for one in pages.summaries if one.kind == "cold"]
    baselines = {(one.page, one.users): one for one in cold if one.arm == BASELINE}
    for one in cold:
        baseline = baselines.get((one.page, one.users))
        if baseline is None or one.arm in (BASELINE, CONTROL):
            continue
        condition = f"While {count(one.users, 'user')} wait as well" if one.users else "On an idle server"
        compared = pages.lcp_against_baseline(one)
        against = ""
        if compared is not None and compared.ratio.point is not None:
            against = f": {with_interval(compared.ratio)}, {compared.ratio.verdict}"
        parts = [f"{condition}, the page is complete {_after(one)}, {_after(baseline)}{against}"]
        parts += [f"{each.deployment}: {each.bottleneck}" for each in (one, baseline) if each.bottleneck]
        yield Conclusion(scenario=f"page {one.page}", candidate=one.arm, text="; ".join(parts) + ".")


def _after(one: PageSummary) -> str:
    if one.lcp is None or one.lcp.median_s.point is None:
        return f"never on {one.deployment}"
    return f"after {duration(one.lcp.median_s.point)} on {one.deployment} ({one.lcp.rating})"


def with_interval(one: Estimate) -> str:
    """A ratio with its 95% interval, of which an end may be open."""
    if one.point is None:
        return "no ratio"
    interval = f" up to {ratio(one.high)}" if one.high is not None else ""
    if one.low is not None:
        interval = (
            f" from {ratio(one.low)} on" if one.high is None else f" {ratio(one.low)} to {ratio(one.high)}"
        )
    return ratio(one.point) + (f", 95% interval{interval}" if interval else "")
