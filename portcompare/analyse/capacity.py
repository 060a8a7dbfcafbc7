"""The highest rate at which each arm keeps a scenario's objective, from the searches of all blocks."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

from portcompare.analyse.comparisons import judge
from portcompare.analyse.rounds import fail_too_often, find_overload
from portcompare.records.estimates import Estimate
from portcompare.records.rounds import BASELINE
from portcompare.records.sweeps import Bracket, Capacity, Trial
from portcompare.stats.intervals import LEAST_BLOCKS, paired_ratio
from portcompare.units import rate
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from portcompare.analyse.rounds import GeneratorLimits
    from portcompare.records.rounds import LoadReport, Round
    from portcompare.records.sweeps import Outcome


if TYPE_CHECKING:
    Brackets = Mapping[int, Bracket]

_ENOUGH = 2  # so many failures at a rate, and no success, make it one that fails


def find_bracket(trials: Iterable[Trial], *, is_over: bool) -> Bracket:
    """Say what the rounds of one arm in one block tell.

    A rate fails when two rounds did not keep the objective there, and none did: one hiccup of the machine
    must not end a search far below the capacity.
    """
    outcomes: dict[float, list[Outcome]] = {}
    reasons: dict[float, str | None] = {}
    last_rps = None
    for one in trials:
        outcomes.setdefault(one.rate_rps, []).append(one.outcome)
        reasons[one.rate_rps] = one.discarded
        last_rps = one.rate_rps
    kept = [rate_rps for rate_rps, found in outcomes.items() if "kept" in found]
    failed = [rate for rate, found in outcomes.items() if "kept" not in found and len(found) >= _ENOUGH]
    settled = {*kept, *failed}
    failed_rps = min(failed, default=None)
    failed_for = None if failed_rps is None else _reason(outcomes[failed_rps])
    return Bracket(
        kept_rps=max(kept, default=None),
        failed_rps=failed_rps,
        failed_for=failed_for,
        failed_why=reasons.get(failed_rps) if failed_rps is not None and failed_for == "unknown" else None,
        doubtful_rps=None if last_rps in settled else last_rps,
        is_over=is_over,
    )


def _reason(found: Iterable[Outcome]) -> Outcome:
    return "missed" if "missed" in found else "unknown"


def find_capacities(
    rounds: Iterable[Round],
    judge_round: Callable[[Round], Outcome],
    ended: Collection[tuple[int, str, str]],
    margin: float,
) -> tuple[Capacity, ...]:
    """Find each arm's capacity, and each candidate's in relation to the baseline's.

    Every block searches anew, from another start: so the searches' coarseness and each round's luck show in
    how much the blocks differ, and the interval over the blocks contains both.
    """
    trials: dict[tuple[str, str], dict[int, list[Trial]]] = {}
    for one in rounds:
        blocks = trials.setdefault((one.scenario, one.arm), {})
        trial = Trial(rate_rps=one.level, outcome=judge_round(one), discarded=one.discarded)
        blocks.setdefault(one.block, []).append(trial)
    brackets = {
        key: {block: find_bracket(found, is_over=(block, *key) in ended) for block, found in blocks.items()}
        for key, blocks in trials.items()
    }
    return tuple(
        _capacity(scenario, arm, found, brackets.get((scenario, BASELINE), {}), margin)
        for (scenario, arm), found in brackets.items()
    )


def find_unsure_searches(capacities: Iterable[Capacity], precision: float) -> frozenset[str]:
    """The scenarios whose capacities are not yet known well enough."""
    return frozenset(
        one.scenario
        for one in capacities
        if one.ratio is not None and one.ratio.point is not None and half_width(one.ratio) > 1 + precision
    )


def half_width(ratio: Estimate) -> float:
    """The factor from a ratio to the end of its interval, by the end that is known; 1 where none is."""
    if ratio.point is None:
        return 1.0
    if ratio.high is not None:
        return ratio.high / ratio.point
    return 1.0 if ratio.low is None else ratio.point / ratio.low


def _capacity(scenario: str, arm: str, own: Brackets, baseline: Brackets, margin: float) -> Capacity:
    rates_rps, is_at_least = _rates(own), _is_at_least(own)
    ratio = None
    if arm != BASELINE:
        ratio = _against(rates_rps, _rates(baseline), margin)
        ratio = _open(ratio, is_at_least=is_at_least, than_at_least=_is_at_least(baseline))
    return Capacity(
        scenario=scenario,
        arm=arm,
        rate_rps=_interval(rates_rps, own, is_at_least=is_at_least),
        is_at_least=is_at_least,
        ratio=ratio,
    )


def _rates(brackets: Brackets) -> dict[int, float]:
    found = {block: bracket.estimate_rps for block, bracket in brackets.items()}
    return {block: rate_rps for block, rate_rps in found.items() if rate_rps is not None}


def _is_at_least(brackets: Brackets) -> bool:
    return any(one.is_at_least for one in brackets.values())


def _interval(rates_rps: Mapping[int, float], brackets: Brackets, *, is_at_least: bool) -> Estimate:
    values = list(rates_rps.values())
    if not values:
        return Estimate(reason=_nothing(brackets))
    if len(values) < LEAST_BLOCKS:
        return Estimate(point=values[0], blocks=len(values), reason=_ended_by(brackets))
    found = paired_ratio([1.0] * len(values), values)
    return replace(found, high=None if is_at_least else found.high, reason=_ended_by(brackets))


def _ended_by(brackets: Brackets) -> str:
    at_least = [one for one in brackets.values() if one.is_at_least]
    unknown = [one for one in at_least if one.failed_rps is not None]
    if unknown:
        return f"{_why(unknown[0])}: the capacity may be higher"
    if at_least:
        return "no rate that the connections suffice for missed the objective: the capacity may be higher"
    return "the objective was missed at higher rates"


def _nothing(brackets: Brackets) -> str:
    ended = [one for one in brackets.values() if one.is_over]
    unknown = [one for one in ended if one.failed_for == "unknown"]
    if unknown:
        return f"nothing is known: {_why(unknown[0])}"
    lowest = min((one.failed_rps for one in ended if one.failed_rps is not None), default=None)
    if lowest is None:
        return "no search came to its end"
    return (
        f"the objective was missed even at {rate(lowest)}, the lowest rate whose rounds hold enough requests"
    )


def _why(bracket: Bracket) -> str:
    """Why the lowest rate that failed could not be judged."""
    at = "" if bracket.failed_rps is None else f" at {rate(bracket.failed_rps)}"
    return f"{bracket.failed_why or 'no round could be judged'}{at}"


def _against(candidate: Mapping[int, float], baseline: Mapping[int, float], margin: float) -> Estimate:
    blocks = sorted(candidate.keys() & baseline.keys())
    if len(blocks) < LEAST_BLOCKS:
        why = f"an interval of the ratio needs {LEAST_BLOCKS} blocks with both capacities"
        return Estimate(blocks=len(blocks), verdict="invalid", reason=why)
    found = paired_ratio([baseline[block] for block in blocks], [candidate[block] for block in blocks])
    return judge("throughput", found, margin)


def _open(ratio: Estimate, *, is_at_least: bool, than_at_least: bool) -> Estimate:
    """A ratio without what no longer holds if a capacity may be higher: ends of its interval, its verdict."""
    may_be_wrong = (is_at_least and ratio.verdict in ("slower", "equivalent")) or (
        than_at_least and ratio.verdict in ("faster", "equivalent")
    )
    whose = "the" if is_at_least else "the baseline's"
    return replace(
        ratio,
        low=None if than_at_least else ratio.low,
        high=None if is_at_least else ratio.high,
        verdict="inconclusive" if may_be_wrong else ratio.verdict,
        reason=ratio.reason + (f", but {whose} capacity may be higher" if may_be_wrong else ""),
    )


LEAST_ACHIEVED = 0.99
"""The part of the requests offered that a server must answer inside the window: one that answers fewer falls
behind for good, and only the shortness of the window keeps its latencies low."""

_DEVIATIONS = 2.0


def judge_objective(measured: Round, objective: Mapping[str, float], limits: GeneratorLimits) -> Outcome:
    """Say whether a server kept an objective in one round.

    `objective`: the most that each percentile may be, in seconds, by the names of the latency record.
    """
    load = measured.load
    # A request that found no free connection in time says that the server was the limit, not the generator.
    if find_overload(replace(load, dropped=0), limits) is not None or _has(load, WRONG_BODY):
        return "unknown"
    if load.latency_s is None or _fails(load) or _falls_behind(measured, load.latency_s.p50):
        return "missed"
    if any(getattr(load.latency_s, name) > most_s for name, most_s in objective.items()):
        return "missed"
    return "kept" if measured.discarded is None else "unknown"


def _fails(load: LoadReport) -> bool:
    return fail_too_often(load.requests, load.errors) or _has(load, WRONG_STATUS)


def _has(load: LoadReport, kind: str) -> bool:
    return any(found.startswith(kind) for found in load.error_kinds)


def _falls_behind(measured: Round, under_way_s: float) -> bool:
    """Whether fewer were answered than offered, beyond what chance does.

    What is due shortly before the window's start is answered inside it, and what is due shortly before its
    end is not, each by the time that a request is under way: two independent numbers of arrivals, each with
    the variance of its mean.
    """
    offered_rps = measured.load.offered_rps or measured.level
    chance_rps = _DEVIATIONS * sqrt(2 * offered_rps * under_way_s) / measured.load.window_s
    return measured.load.rate_rps < LEAST_ACHIEVED * offered_rps - chance_rps
