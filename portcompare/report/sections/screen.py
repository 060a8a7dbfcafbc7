"""The first screen of a run: the answer, a line for each deployment at each level, and what to know first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portcompare import units
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.parity import Parity
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.sections.load import break_even_tables, capacity_tables
from portcompare.report.wording import (
    NO_RESULT,
    TONES,
    Tone,
    interval,
    known,
    level_text,
    plan_value,
    visible,
)

_LIMITS = {"server CPU": "CPU", "slots": "handlers", "offered": "offered"}
"""What sets a bound, in a word, where its own name is not the plainest."""


# Failed requests by kind, of each arm at a level
_Failed = Mapping[tuple[str, float, str], Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One deployment at one level against the baseline, in words."""

    name: str  # The deployment; of the control, that it is the baseline again
    ratio: str  # Of the baseline what it did; empty where there is no result
    interval: str = ""  # The ends of its 95% interval; empty likewise
    verdict: str  # "no result" where the interval is too wide, or where there is none
    tone: Tone = "same"
    why: str = ""  # The cause that was measured, where there is no result; empty otherwise
    rank: str = ""  # Among all at the level, with "=" where it shares it; empty where none are ranked
    limit: str  # How near it came to its bound, and what sets that
    responses: str  # How many requests succeeded, and which did not


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A level of a scenario."""

    title: str  # Scenario and level
    scenario: str
    level: str
    noun: str  # What its ratios are of
    baseline: Line
    lines: tuple[Line, ...]  # All others


def find_groups(results: Results) -> list[Group]:
    """All levels in the record's order; none of a break-even grid, whose tables say more in less room."""
    if results.sweeps.break_even:
        return []
    failed: dict[tuple[str, float, str], Counter[str]] = {}
    for one in results.rounds:
        place = one.scenario, one.level, one.arm
        failed.setdefault(place, Counter()).update(one.load.error_kinds)
    ratios = {(one.scenario, one.level, one.candidate, one.metric): one.ratio for one in results.comparisons}
    groups: list[Group] = []
    for first in (one for one in results.summaries if one.arm == BASELINE):
        at = first.scenario, first.level
        is_open = plan_value(results, "scenarios", first.scenario, "load", "model") == "open"
        metric: MetricName = "p50" if is_open else "throughput"
        every = [one for one in results.summaries if (one.scenario, one.level) == at]
        shared = Counter(one.rank for one in every)
        # The control first, and last what has no rank.
        others = sorted(
            (one for one in every if one is not first),
            key=lambda one: one.rank or (0 if one.arm == CONTROL else len(every) + 1),
        )
        scenario, level = visible(first.scenario), level_text(results, *at)
        p50_s = first.latency_s.p50 if first.latency_s else None
        groups.append(
            Group(
                title=f"{scenario}, {level}",
                scenario=scenario,
                level=level,
                noun=METRICS[metric].noun,
                baseline=Line(
                    name=visible(first.deployment),
                    ratio=known(p50_s, units.duration) if is_open else known(first.rate_rps, units.rate),
                    verdict="baseline",
                    **_texts(first, failed, shared),
                ),
                lines=tuple(
                    _line(one, ratios.get((*at, one.arm, metric)), _texts(one, failed, shared))
                    for one in others
                ),
            )
        )
    return groups


def _line(one: Summary, found: Estimate | None, texts: Mapping[str, Any]) -> Line:
    ratio = found or Estimate(verdict="invalid", reason="the baseline was not measured here")
    verdict = ratio.verdict or "invalid"
    name = f"{visible(one.deployment)} again" if one.arm == CONTROL else visible(one.deployment)
    if not ratio.is_result:
        why = visible(ratio.reason)
        return Line(name=name, ratio="", verdict=NO_RESULT, tone="unsure", why=why, **texts)
    return Line(
        name=name,
        ratio=known(ratio.point, units.ratio),
        interval=interval(ratio, units.significant),
        verdict=verdict,
        tone=TONES[verdict],
        **texts,
    )


def _texts(one: Summary, failed: _Failed, shared: Mapping[int | None, int]) -> dict[str, Any]:
    """Rank, limit and responses; `shared`: how many deployments have each rank."""
    rank = f"{one.rank}{'=' * (shared[one.rank] > 1)}" if one.rank else ""
    limit, kinds = "", failed.get((one.scenario, one.level, one.arm), {})
    if one.bound is not None and one.bound_share is not None:
        limit = f"{min(one.bound_share, 1.0):.0%} {_LIMITS.get(one.bound.name, one.bound.name)}"
    right = [f"{one.requests:,} right", *(f"{number:,} x {visible(kind)}" for kind, number in kinds.items())]
    return {"rank": rank, "limit": limit, "responses": ", ".join(right)}


HEADER = ("Level", "Rank", "Deployment", "Ratio", "95% range", "Verdict", "Of its limit", "Responses")


def table_rows(groups: Iterable[Group]) -> list[tuple[str, ...]]:
    """The lines as rows below `HEADER`."""
    return [
        (
            *(group.title, one.rank, one.name, one.ratio, one.interval),
            *(f"{one.verdict}: {one.why}" if one.why else one.verdict, one.limit, one.responses),
        )
        for group in groups
        for one in (group.baseline, *group.lines)
    ]


def parity_line(parity: Parity | None) -> str:
    """Whether the responses are alike, in how many of all cases, and which statuses were received."""
    if parity is None:
        return "Responses: not compared"
    coverage, cases = parity.coverage, units.count(parity.cases, "case")
    errors, missing = sum(coverage.errors.values()), len(coverage.not_compared)
    different = {one.case for one in parity.differences if one.counts}
    differing = len(different)
    # A case that differs may be one that was compared no further.
    besides = len(different - {one.case for one in coverage.not_compared})
    alike = f"{max(parity.cases - missing - errors - besides, 0):,} of {cases} alike"
    parts = [f"{differing:,} DIFFER", alike] if differing else [alike]
    parts += [f"{errors:,} errors on both sides"] * bool(errors)
    parts += [f"{len(coverage.in_part):,} of them in part"] * bool(coverage.in_part)
    parts += [f"{missing:,} not compared"] * bool(missing)
    statuses = ", ".join(f"{status} x {number:,}" for status, number in coverage.statuses.items())
    return f"Responses: {', '.join(parts)}" + (f" ({statuses})" if statuses else "")


def sweep_lines(results: Results) -> Iterator[str]:
    """Grids, capacities, instructions, pages and claims, a line each."""
    for table in break_even_tables(results):
        yield from (f"{table.title}, delay {row[0]}: wins {row[-1]}" for row in table.rows)
    for table in capacity_tables(results)[: bool(results.sweeps.capacities)]:
        for scenario, objective, arm, rate, against, *_ in table.rows:
            yield f"{scenario} ({objective}), {arm}: {rate}, {against}"
    for each in results.comparisons:
        if each.metric == "instructions":
            word = METRICS[each.metric].word(each.ratio.verdict or "invalid")
            found = (
                f"{known(each.ratio.point, units.precise_ratio)} {interval(each.ratio, units.significant)}"
            )
            yield visible(f"{each.scenario}, instructions of {each.candidate}: {found} {word}")
    for one in results.conclusions:
        if one.scenario.startswith("page "):
            yield visible(f"{one.scenario}: {one.text}")
    for claim in results.claims:
        yield visible(f"claim {claim.verdict}: {claim.text}")
