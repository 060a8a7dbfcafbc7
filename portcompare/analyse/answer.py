"""The answer in plain words: whether porting pays, where, and what gives the same without a port."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from portcompare.analyse.conclusions import find_differing, find_holding, headline_family
from portcompare.plan import Plan
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.records.sweeps import Capacity
from portcompare.units import count, significant

MOST_SENTENCES = 4  # An answer with more is not read; the scenarios that are left out are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one deployment in a scenario, at one of its levels or as a whole."""

    name: str  # The deployment
    scenario: str
    where: str  # The level, as a part of a sentence; empty for the whole scenario
    noun: str  # What the ratio is of
    ratio: Estimate
    gain: float  # How many times better than the baseline it is; 1 where that is not known
    outcome: Literal["better", "worse", "same", "unsure"]  # A difference only if it holds among all of them

    @property
    def times(self) -> str:
        """The ratio, for a sentence."""
        return f"{significant(self.ratio.point or 0.0, 2)}x"

    @property
    def why_unsure(self) -> str:
        """What is known although no difference and no equality was shown."""
        low, high = self.ratio.low, self.ratio.high
        if not self.ratio.is_result or low is None or high is None:
            return f"{self.name}{self.where}: {self.ratio.reason}"
        if self.ratio.verdict in ("faster", "slower"):
            return f"{self.name}{self.where} looks {self.ratio.verdict}, {self.times}, but that may be chance"
        return f"{self.name}{self.where} is between {significant(low)}x and {significant(high)}x"


def find_answer(
    plan: Plan,
    comparisons: Sequence[Comparison],
    capacities: Sequence[Capacity],
    invalid_reasons: Collection[str],
) -> str:
    """Answer whether porting pays, in sentences that claim nothing that was not shown."""
    if invalid_reasons:
        # Of each reason the beginning; the notice below the answer has all of it.
        first, *others = (reason.partition(". ")[0].partition(": ")[0] for reason in invalid_reasons)
        more = f" (and {count(len(others), 'more reason')})" if others else ""
        return f"No answer, as this run is not valid: {first}{more}."
    scenarios: dict[str, list[Found]] = {}
    for one in find_all(plan, comparisons, capacities):
        scenarios.setdefault(one.scenario, []).append(one)
    ports = find_ports(plan)
    subject = "porting" if ports else "another deployment"
    gains: list[tuple[float, str]] = []
    others, nothing = [], []
    for scenario, found in scenarios.items():
        changes = [one for one in found if one.name in ports or not ports]
        if not changes:  # The run ended before one was measured here
            continue
        alternatives = [one for one in found if one not in changes]
        better = [one for one in changes if one.outcome == "better"]
        if better:
            best = max(better, key=lambda one: one.gain)
            margin = plan.rounds.margins["throughput"]
            text = f"{subject} pays on `{scenario}`{best.where}: {best.times} the {best.noun} on {best.name}"
            gains.append((best.gain, text + _beside(best, changes, alternatives, margin)))
        elif text := _without_gain(subject, scenario, changes, alternatives):
            others.append(text)
        else:
            nothing.append(f"`{scenario}`")
    sentences = [text for _, text in sorted(gains, reverse=True)] + others
    if nothing:
        sentences.append(f"on {' and '.join(nothing)} {subject} gains nothing")
    if not sentences:
        return f"No answer: no {'port' if ports else 'deployment'} was compared."
    if len(sentences) > MOST_SENTENCES:
        rest = count(len(sentences) - MOST_SENTENCES + 1, "more scenario")
        sentences[MOST_SENTENCES - 1 :] = [f"there is an answer for {rest} in the lines below"]
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in sentences)


def find_ports(plan: Plan) -> frozenset[str]:
    """The candidates that are ports: another app, with another interface if that is known."""
    old, old_app = plan.deployments[plan.baseline].app, plan.app_of(plan.baseline)
    return frozenset(
        name
        for name in plan.candidates
        if old is None or plan.deployments[name].app != old
        if None in (interfaces := {old_app.interface, plan.app_of(name).interface}) or len(interfaces) > 1
    )


def find_all(
    plan: Plan, comparisons: Sequence[Comparison], capacities: Sequence[Capacity]
) -> tuple[Found, ...]:
    """What was found of each candidate, by scenario and level."""
    return (*_of_levels(plan, comparisons), *_of_capacities(plan, capacities))


def _of_levels(plan: Plan, comparisons: Sequence[Comparison]) -> Iterator[Found]:
    """What was found at each level: the rate of a number of users, the response time of a rate."""
    holding = find_holding(headline_family(comparisons), plan.rounds.margins)
    for one in comparisons:
        metric: MetricName = "p50" if plan.scenarios[one.scenario].load.model == "open" else "throughput"
        if one.candidate == CONTROL or one.metric != metric:
            continue
        point, is_higher_better = one.ratio.point or 1.0, METRICS[metric].higher_is_better
        yield Found(
            name=one.candidate,
            scenario=one.scenario,
            where=f" at {plan.level_text(one.scenario, one.level)}",
            noun=METRICS[metric].noun,
            ratio=one.ratio,
            gain=point if is_higher_better else 1 / point,
            outcome=_outcome(one.ratio, holds=one in holding),
        )


def _of_capacities(plan: Plan, capacities: Sequence[Capacity]) -> Iterator[Found]:
    candidates = [one for one in capacities if one.arm not in (BASELINE, CONTROL)]
    holding = find_differing(candidates, plan.rounds.margins["throughput"])
    for one in candidates:
        yield Found(
            name=one.arm,
            scenario=one.scenario,
            where="",
            noun="capacity",
            ratio=replace(one.compared, reason=one.compared.reason or one.reason),
            gain=one.compared.point or 1.0,
            outcome=_outcome(one.compared, holds=one in holding),
        )


def _outcome(found: Estimate, *, holds: bool) -> Literal["better", "worse", "same", "unsure"]:
    if found.verdict == "equivalent":
        return "same"
    if not holds:
        return "unsure"
    return "better" if found.verdict == "faster" else "worse"


def _beside(best: Found, changes: Sequence[Found], alternatives: Sequence[Found], margin: float) -> str:
    """What to know beside the greatest gain: what gives it without a port, and which port loses."""
    same = [one for one in alternatives if (one.where, one.outcome) == (best.where, "better")]
    text = ""
    if same:
        other = max(same, key=lambda one: one.gain)
        text = f", but {other.name} gives {_compared(other.ratio, best.ratio, margin, other.times)}"
        text += " without a port"
    worse = [one for one in changes if one.outcome == "worse"]
    if worse:
        worst = min(worse, key=lambda one: one.gain)
        text += f"; it loses on {worst.name}{worst.where} ({worst.times})"
    return text


def _compared(other: Estimate, best: Estimate, margin: float, times: str) -> str:
    """What another deployment gives, beside the best one; "the same" only if both intervals allow no more."""
    if other.interval is None or best.interval is None:
        return times
    least, most = other.interval[0] / best.interval[1], other.interval[1] / best.interval[0]
    return "the same" if least >= 1 / (1 + margin) and most <= 1 + margin else times


def _without_gain(
    subject: str, scenario: str, changes: Sequence[Found], alternatives: Sequence[Found]
) -> str:
    """What a scenario shows in which no change was shown to pay; empty if all were shown to be equal."""
    parts = []
    worse = [one for one in changes if one.outcome == "worse"]
    unsure = [one for one in changes if one.outcome == "unsure"]
    if worse:
        worst = min(worse, key=lambda one: one.gain)
        parts.append(f"{subject} loses: {worst.times} the {worst.noun} on {worst.name}{worst.where}")
        unsure = [one for one in unsure if one.name not in {each.name for each in worse}]
    if unsure:
        parts.append(f"this run cannot tell what {subject} gains ({unsure[-1].why_unsure})")
    better = [one for one in alternatives if one.outcome == "better"]
    if better:
        best = max(better, key=lambda one: one.gain)
        gains = "" if parts else f"{subject} gains nothing, but "
        parts.append(f"{gains}{best.name} gives {best.times}{best.where} without a port")
    return f"on `{scenario}` {'; '.join(parts)}" if parts else ""
