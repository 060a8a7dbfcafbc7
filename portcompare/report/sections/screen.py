"""The first screen of a run: the answer, a line for each deployment at each level, and what to know first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from portcompare import units
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.parity import Parity
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.report.sections.load import break_even_tables, capacity_tables
from portcompare.report.wording import NO_RESULT, TONES, Tone, describe_steadiness, known, level_text, visible

_LIMITS = {"server CPU": "CPU", "slots": "handlers", "offered": "offered"}
"""What sets a bound, in a word, where its own name is not the plainest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One deployment at one level against the baseline, in words."""

    name: str  # The deployment; of the control, that it is the baseline again
    ratio: str  # Empty where there is no result
    interval: str  # The ends of its 95% interval; empty likewise
    verdict: str  # "no result" where the interval is too wide, or where there is none
    tone: Tone
    why: str  # The cause that was measured, where there is no result; empty otherwise
    limit: str  # How near it came to its bound, and what sets that
    responses: str  # How many requests succeeded, and which did not


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A level of a scenario."""

    scenario: str
    level: str
    noun: str  # What its ratios are of
    baseline: str  # The deployment that all others are compared with
    value: str  # What the baseline did
    limit: str  # How near the baseline came to its bound
    responses: str  # As in `Line`
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """Scenario and level."""
        return f"{self.scenario}, {self.level}"


def find_groups(results: Results) -> list[Group]:
    """All levels in the record's order; none of a break-even grid, whose tables say more in less room."""
    if results.sweeps.break_even:
        return []
    rounds: dict[tuple[str, float, str], Counter[str]] = {}
    for one in results.rounds:
        place = one.scenario, one.level, one.arm
        rounds.setdefault(place, Counter()).update(one.load.error_kinds)
    ratios = {(one.scenario, one.level, one.candidate, one.metric): one.ratio for one in results.comparisons}
    groups: list[Group] = []
    for first in (one for one in results.summaries if one.arm == BASELINE):
        at = first.scenario, first.level
        offered = first.bound is not None and first.bound.name == "offered"
        metric: MetricName = "p50" if offered else "throughput"
        others = [one for one in results.summaries if (one.scenario, one.level) == at and one is not first]
        p50_s = first.latency_s.p50 if first.latency_s else None
        value = known(p50_s, units.duration) if offered else known(first.rate_rps, units.rate)
        groups.append(
            Group(
                scenario=visible(first.scenario),
                level=level_text(results, *at),
                noun=METRICS[metric].noun,
                baseline=visible(first.deployment),
                value=value,
                limit=_limit(first),
                responses=_responses(first, rounds.get((*at, BASELINE), {})),
                lines=tuple(
                    _line(one, ratios.get((*at, one.arm, metric)), rounds.get((*at, one.arm), {}))
                    for one in others
                ),
            )
        )
    return groups


def _line(one: Summary, found: Estimate | None, error_kinds: Mapping[str, int]) -> Line:
    ratio = found or Estimate(verdict="invalid", reason="the baseline was not measured here")
    low, high = (known(end, units.significant) for end in (ratio.low, ratio.high))
    verdict = ratio.verdict or "invalid"
    return Line(
        name=f"{visible(one.deployment)} again" if one.arm == CONTROL else visible(one.deployment),
        ratio=known(ratio.point, units.ratio) if ratio.is_result else "",
        interval=f"[{low}, {high}]" if ratio.is_result else "",
        verdict=verdict if ratio.is_result else NO_RESULT,
        tone=TONES[verdict] if ratio.is_result else "unsure",
        why="" if ratio.is_result else visible(ratio.reason),
        limit=_limit(one),
        responses=_responses(one, error_kinds),
    )


HEADER = ("Level", "Deployment", "Ratio", "95% range", "Verdict", "Of its limit", "Responses")


def table_rows(groups: Iterable[Group]) -> list[tuple[str, ...]]:
    """The lines as rows below `HEADER`."""
    rows: list[tuple[str, ...]] = []
    for group in groups:
        rows.append((group.title, group.baseline, group.value, "", "baseline", group.limit, group.responses))
        rows += [
            (
                group.title,
                *(one.name, one.ratio, one.interval, f"{one.verdict}: {one.why}" if one.why else one.verdict),
                *(one.limit, one.responses),
            )
            for one in group.lines
        ]
    return rows


def _limit(one: Summary) -> str:
    if one.bound is None or one.bound_share is None:
        return ""
    return f"{min(one.bound_share, 1.0):.0%} {_LIMITS.get(one.bound.name, one.bound.name)}"


def _responses(one: Summary, error_kinds: Mapping[str, int]) -> str:
    failed = (f"{number:,} x {visible(kind)}" for kind, number in error_kinds.items())
    return ", ".join([f"{one.requests:,} right", *failed])


def parity_line(parity: Parity | None) -> str:
    """Whether the responses are alike, in how many of all cases, and which statuses were received."""
    if parity is None:
        return "Responses: not compared"
    coverage, cases = parity.coverage, units.count(parity.cases, "case")
    errors, missing = sum(coverage.errors.values()), len(coverage.not_compared)
    differing = len({one.case for one in parity.differences if one.counts})
    alike = f"{parity.cases - missing - errors - differing:,} of {cases} alike"
    parts = [f"{differing:,} DIFFER", alike] if differing else [alike]
    parts += [f"{errors:,} errors on both sides"] * bool(errors)
    parts += [f"{len(coverage.in_part):,} of them in part"] * bool(coverage.in_part)
    parts += [f"{missing:,} not compared"] * bool(missing)
    statuses = ", ".join(f"{status} x {number:,}" for status, number in coverage.statuses.items())
    return f"Responses: {', '.join(parts)}" + (f" ({statuses})" if statuses else "")


def sweep_lines(results: Results) -> Iterator[str]:
    """Grids, capacities and pages, a line each."""
    for table in break_even_tables(results):
        yield from (f"{table.title}, delay {row[0]}: wins {row[-1]}" for row in table.rows)
    for table in capacity_tables(results)[: bool(results.sweeps.capacities)]:
        for scenario, objective, arm, rate, against, *_ in table.rows:
            yield f"{scenario} ({objective}), {arm}: {rate}, {against}"
    for one in results.conclusions:
        if one.scenario.startswith("page "):
            yield visible(f"{one.scenario}: {one.text}")
    for claim in results.claims:
        yield visible(f"claim {claim.verdict}: {claim.text}")


def expectation(results: Results) -> str:
    """What the run could be expected to tell, found before it measured; empty if nobody looked."""
    found = results.manifest.steadiness
    return describe_steadiness(found) if found else ""
