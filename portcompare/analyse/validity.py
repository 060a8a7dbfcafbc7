"""Whether a run may be relied on, and what a careful reader should know of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from statistics import correlation, linear_regression

from portcompare.analyse.comparisons import pair_blocks, rounds_by_block
from portcompare.analyse.conclusions import control_family, find_differing, find_holding, with_interval
from portcompare.records.estimates import Comparison
from portcompare.records.manifest import Manifest
from portcompare.records.metrics import HEADLINE_METRICS, MetricName
from portcompare.records.pages import PageVisit
from portcompare.records.parity import Parity
from portcompare.records.rounds import BASELINE, CONTROL, Round, WorkerChange
from portcompare.records.sweeps import Capacity
from portcompare.stats.changes import Course, describe_changes, find_growth
from portcompare.stats.intervals import reject, t_tail
from portcompare.units import LevelText, count, share, size

Margins = Mapping[MetricName, float]

MOST_RECONNECTS = 0.01  # A warning names an arm of which more requests than this part needed a new connection

MOST_DISCARDED = 0.2  # A run is not valid if more than this part of its rounds was discarded

LEAST_BLOCKS = 5  # With fewer blocks a trend is not distinguishable from noise

_REMEDY = (
    "Close other programs, measure longer rounds (rounds.seconds) and more blocks (rounds.min_blocks, "
    "rounds.max_blocks), or use a machine with more CPUs"
)
_THE_CONTROL = "the control, the baseline measured again,"
_MACHINE = (
    "drift: the machine changed while it was measured; ratios are paired by block and bear that, "
    "absolute figures do not:"
)
_ARMS = "drift: these ratios to the baseline changed from block to block, so no single one holds for the run:"


def find_invalid_reasons(
    rounds: Sequence[Round],
    comparisons: Iterable[Comparison],
    margins: Margins,
    parity: Parity | None,
    level_text: LevelText,
    *,
    searched: Collection[str] = (),
) -> Iterator[str]:
    """Why a run must not be relied on; `searched` scenarios have a capacity instead of levels."""
    fixed = [one for one in rounds if one.scenario not in searched]
    comparisons = tuple(comparisons)
    if parity is not None and not parity.equal:
        cases = len({each.case for each in parity.differences if each.counts})
        yield f"the responses differ in {count(cases, 'case')}" if cases else "no responses were compared"
    if not rounds:
        yield "nothing was measured"
    if fixed and not comparisons:
        yield "nothing was compared: no level was measured both on the baseline and on another"
    discarded = sum(one.discarded is not None and not one.load.lost_workers for one in fixed)
    if discarded > MOST_DISCARDED * len(fixed):
        yield f"{discarded} of {len(fixed)} rounds were discarded"
    control = control_family(comparisons)
    if holding := find_holding(control, margins):
        yield f"too noisy: {_THE_CONTROL} came out {_differences(holding, level_text)}. {_REMEDY}"
    candidates = [one for one in comparisons if one.candidate != CONTROL and one.metric in HEADLINE_METRICS]
    if candidates and all(one.ratio.interval is None for one in candidates):
        names = ", ".join(dict.fromkeys(one.candidate for one in candidates))
        yield f"nothing is known of {names}: {candidates[0].ratio.reason}"
    missing = [f"{one.metric} {_where(one, level_text)}" for one in control if one.ratio.verdict == "invalid"]
    if missing:
        yield f"{_THE_CONTROL} has too few valid rounds: {'; '.join(missing)}"


def find_unlike_controls(capacities: Iterable[Capacity], margin: float) -> Iterator[str]:
    """Why capacities must not be relied on: the control, which is the baseline, has another or none."""
    control = [one for one in capacities if one.arm == CONTROL]
    for one in find_differing(control, margin):
        found = f"{one.compared.verdict} in capacity ({one.scenario}, {with_interval(one.compared)})"
        yield f"too noisy: {_THE_CONTROL} came out {found}"
    for one in control:
        if one.compared.point is None:
            yield f"{_THE_CONTROL} has no capacity to compare ({one.scenario}): {one.reason}"


def find_warnings(
    rounds: Sequence[Round], comparisons: Iterable[Comparison], margins: Margins, level_text: LevelText
) -> Iterator[str]:
    """What does not make a run invalid, but its figures less sure."""
    control = control_family(comparisons)
    holding = find_holding(control, margins)
    single = [one for one in control if one.ratio.verdict in ("faster", "slower") and one not in holding]
    unsure = []
    for one in control:
        if one.ratio.verdict == "inconclusive" and one.ratio.interval is not None:
            low, high = one.ratio.interval
            # The least difference whose interval, if it is as wide, lies wholly beyond the margin.
            least = (1 + margins[one.metric]) * sqrt(high / low) - 1
            unsure.append(f"{share(least)} in {one.metric} {_where(one, level_text)}")
    if unsure:
        yield (
            f"too noisy to detect less than {'; '.join(unsure)}, for {_THE_CONTROL} cannot be shown to be "
            f"equivalent. {_REMEDY}"
        )
    if single:
        yield (
            f"{_THE_CONTROL} came out {_differences(single, level_text)}. "
            f"Among {count(len(control), 'comparison')} this may be chance, "
            "and so may be what a candidate shows there"
        )
    discarded = (one for one in rounds if one.discarded is not None)
    reasons = dict.fromkeys(f"{one.arm} {_where(one, level_text)}: {one.discarded}" for one in discarded)
    unsteady = Counter(f"{one.arm} {_where(one, level_text)}" for one in rounds if not one.load.steady)
    yield from (f"discarded round: {reason}" for reason in reasons)
    for where, number in unsteady.items():
        yield f"not steady after the longest warm-up: {where}, {count(number, 'round')}"
    yield from describe_reconnects(rounds, level_text)
    yield from describe_restarts(rounds, level_text)
    yield from describe_growth(rounds)
    yield from describe_drifts(rounds, margins, level_text)
    yield from describe_changes(rounds, margins, level_text)


def describe_workers(
    changes: Iterable[WorkerChange], rounds: Sequence[Round], visits: Sequence[PageVisit]
) -> Iterator[str]:
    """What happened to load workers, and how much was discarded for each that was lost."""
    loads = [one.load for one in rounds] + [one.users_load for one in visits if one.users_load is not None]
    for change in changes:
        touched = sum(change.worker in load.lost_workers for load in loads)
        what = "round or visit was" if touched == 1 else "rounds or visits were"
        yield change.text + (f": {touched} {what} discarded for it" if change.change == "lost" else "")


def describe_reconnects(rounds: Iterable[Round], level_text: LevelText) -> Iterator[str]:
    """The arms whose servers close connections so often that latency is that of connecting too."""
    made: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for one in rounds:
        where = f"{one.arm} {_where(one, level_text)}"
        made[where] += one.load.reconnects
        sent[where] += one.load.requests + one.load.errors
    often = [where for where, number in made.items() if number > MOST_RECONNECTS * sent[where]]
    parts = [
        f"{share(min(made[where] / max(sent[where], 1), 1.0))} of {count(sent[where], 'request')} {where}"
        for where in often
    ]
    if parts:
        yield f"servers closed connections, and so many requests had to connect first: {'; '.join(parts)}"


def describe_restarts(rounds: Iterable[Round], level_text: LevelText) -> Iterator[str]:
    """The arms whose processes ended under load while others took their place."""
    found: dict[str, list[int]] = {}
    for one in rounds:
        restarts = one.usage.restarts if one.usage is not None else 0
        found.setdefault(f"{one.arm} {_where(one, level_text)}", []).append(restarts)
    parts = [
        f"{where} {count(sum(each), 'time')} in {count(len(each), 'round')}"
        for where, each in found.items()
        if any(each)
    ]
    if parts:
        yield (
            f"workers of servers ended under load and were started again: {'; '.join(parts)}. "
            "Their starts are in the figures; see the log for a crash, or let workers serve more requests"
        )


def describe_growth(rounds: Iterable[Round]) -> Iterator[str]:
    """The arms whose memory grows with each request of a scenario."""
    courses: dict[str, list[Course]] = {}
    for one in rounds:
        if one.usage is not None:
            course = Course(
                block=one.block, requests=one.load.responses, readings_bytes=one.usage.rss_course_bytes
            )
            courses.setdefault(f"{one.arm} ({one.scenario})", []).append(course)
    growing = [
        (where, growth) for where, each in courses.items() if (growth := find_growth(each)) is not None
    ]
    parts = [
        f"{where} {size(growth.slope_bytes)} per request, 95% interval {size(growth.low_bytes)} to "
        f"{size(growth.high_bytes)}, over {count(growth.blocks, 'block')}"
        for where, growth in reject(growing, [growth.chance for _, growth in growing])
        if growth.low_bytes > 0
    ]
    if parts:
        yield f"memory grows with requests, and did not level off while measured: {'; '.join(parts)}"


def find_unknowns(manifest: Manifest) -> Iterator[str]:
    """What is not known of servers that were already running."""
    running = [served.name for served in manifest.deployments if served.kind == "url"]
    for name in running:
        yield (
            f"CPU time and memory of {name} are not known: it was already running; "
            "so it was neither pinned to CPUs nor started afresh for each block"
        )
    if manifest.deployments and manifest.deployments[0].name in running:
        yield (
            f"the control is no second instance of {running[0]} but the same server measured again: "
            "by how much two starts of it would differ is not known"
        )


def _differences(differing: Iterable[Comparison], level_text: LevelText) -> str:
    return "; ".join(f"{one.ratio.verdict} in {one.metric} {_where(one, level_text)}" for one in differing)


def _where(one: Comparison | Round, level_text: LevelText) -> str:
    return f"({one.scenario}, {level_text(one.scenario, one.level)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A straight line through the logarithms of values, one a block."""

    blocks: int  # How many values it rests on
    ratio: float  # The line's value at the last block divided by that at the first
    chance: float  # How often noise alone would make it as steep, up or down: the p-value


def find_trend(values: Mapping[int, float]) -> Trend | None:
    """Lay a least-squares line through the logarithms of values.

    Student's t tests its slope, and not ranks: five blocks have 120 orders, and none of them is rare enough
    once several levels and arms are tested.

    Returns None with fewer than five blocks. Source: Draper and Smith, "Applied Regression
    Analysis", third edition, 1998, chapter 1.
    """
    if len(values) < LEAST_BLOCKS:
        return None
    blocks, logs = list(values), [log(value) for value in values.values()]
    slope = linear_regression(blocks, logs).slope
    freedom = len(values) - 2
    # What the line explains of the variance: the t statistic of the slope comes from that alone.
    explained = correlation(blocks, logs) ** 2 if slope else 0.0
    errors = sqrt(freedom * explained / (1 - explained)) if explained < 1 else inf
    return Trend(
        blocks=len(values), ratio=exp(slope * (max(blocks) - min(blocks))), chance=2 * t_tail(errors, freedom)
    )


def describe_drifts(rounds: Sequence[Round], margins: Margins, level_text: LevelText) -> tuple[str, ...]:
    """Describe the drifts over the blocks that are both significant and larger than the margin.

    At each level the baseline's own values are tested, for the machine, and every other arm's ratios to them.
    In the closed model the throughput is tested, in the open model the median response time.
    """
    tests = list(_trends(rounds, level_text))
    drifts: dict[str, list[str]] = {_MACHINE: [], _ARMS: []}
    for arm, metric, where, trend in reject(tests, [trend.chance for *_, trend in tests]):
        if abs(log(trend.ratio)) > log(1 + margins[metric]):
            kind, subject = (_MACHINE, "the baseline") if arm == BASELINE else (_ARMS, arm)
            how = f"{'+' if trend.ratio > 1 else ''}{share(trend.ratio - 1)}"
            drifts[kind].append(f"{subject}'s {metric} {how} over {count(trend.blocks, 'block')} {where}")
    return tuple(f"{sentence} {'; '.join(texts)}" for sentence, texts in drifts.items() if texts)


def _trends(rounds: Iterable[Round], level_text: LevelText) -> Iterator[tuple[str, MetricName, str, Trend]]:
    """The trend of each arm at each level, with the arm, the metric and the place in words."""
    levels: dict[tuple[str, float, MetricName], dict[str, list[Round]]] = {}
    for one in rounds:
        metric: MetricName = "throughput" if one.load.offered_rps is None else "p50"
        levels.setdefault((one.scenario, one.level, metric), {}).setdefault(one.arm, []).append(one)
    for (scenario, level, metric), arms in levels.items():
        for arm in arms:
            by_block = rounds_by_block(metric, arms[arm])
            if arm != BASELINE:
                by_block = pair_blocks(metric, arms, arm)
            trend = find_trend({block: one.value for block, one in by_block.items()})
            if trend is not None:
                yield arm, metric, f"({scenario}, {level_text(scenario, level)})", trend
