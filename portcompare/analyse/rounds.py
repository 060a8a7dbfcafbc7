"""Which rounds and visits count, how near each came to its bound, and whether it kept an objective."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import sqrt

from portcompare.measure.turns import describe_overload
from portcompare.plan import Generator, Plan
from portcompare.records.manifest import Manifest
from portcompare.records.pages import PageVisit
from portcompare.records.rounds import LoadReport, Round
from portcompare.records.sweeps import Outcome
from portcompare.stats.bounds import Limits, exceeds_bound, find_bound
from portcompare.units import count, duration, share
from portcompare.wire.protocol import TIMEOUT, WRONG_BODY, WRONG_STATUS

MOST_FAILURES = 0.01
"""The greatest part of requests that may fail for want of a response, or meet a connection that the server
had closed unannounced; one wrong response discards a round."""

LONGEST_WAIT_S = 1.0
MEDIANS_OF_WAIT = 5
"""A wait that is longer than both discards a round: the server stood still for a user, and how often it does
so a window of some seconds does not tell."""

NO_RESPONSE = "no response by the end of the wait"
CLOSED_BEFORE = "connection closed unannounced before the request, and replaced"

LEAST_ACHIEVED = 0.99
"""The part of the requests offered that a server must respond to inside the window: one that responds to
fewer falls behind for good, and only the shortness of the window keeps its latencies low."""

_DEVIATIONS = 2.0


def judge(plan: Plan, manifest: Manifest, measured: Round) -> Round:
    """Give a round its bound, and the reason if it does not count."""
    judged = judge_round(measured, find_limits(plan, manifest, measured), plan.generator)
    if judged.scenario in plan.searches and find_outcome(plan, judged) == "missed":
        return replace(judged, discarded=None)  # a server that fails at this rate is what was searched for
    return judged


def find_limits(plan: Plan, manifest: Manifest, measured: Round) -> Limits:
    """What limits a round's rate."""
    scenario = plan.scenarios[measured.scenario]
    served = next(one for one in manifest.deployments if one.name == measured.deployment)
    ceiling = served.ceiling_of(measured.scenario)
    return Limits(
        concurrency=scenario.load.concurrency(measured.level),
        offered_rps=measured.load.offered_rps,
        slots=ceiling.slots,
        delay_s=scenario.delay_s,
        server_cpus=len(served.cpus),
        slot_noun=ceiling.noun,
    )


def find_outcome(plan: Plan, measured: Round) -> Outcome:
    """Whether a round of a search kept its scenario's objective."""
    return judge_objective(measured, plan.searches[measured.scenario].limits_s, plan.generator)


def order_rounds(plan: Plan, rounds: Iterable[Round]) -> list[Round]:
    """The rounds at given levels as a reader expects them, not in the order in which they were measured."""
    levels = [(scenario, float(level)) for scenario, level in plan.levels]
    arms = [arm.name for arm in plan.arms]
    return sorted(
        (one for one in rounds if one.scenario not in plan.searches),
        key=lambda one: (levels.index((one.scenario, one.level)), arms.index(one.arm), one.block),
    )


def judge_round(measured: Round, limits: Limits, generator: Generator) -> Round:
    """Judge a round by itself."""
    load = measured.load
    bound = find_bound(measured.cpu_s_per_request, limits) if load.requests else None
    reason = (
        measured.discarded
        or _find_wrong(load)
        or find_overload(load, generator)
        or _find_failures(load)
        or find_wait(load)
        or exceeds_bound(measured, limits)
    )
    return replace(measured, bound=bound, discarded=reason)


def judge_visit(measured: PageVisit) -> PageVisit:
    """Judge the load that a page's server carried meanwhile.

    How busy the load generator was does not matter here: its figures are nobody's result. That no response
    arrived is no fault either: a visit may be shorter than a response takes, and each user had one before it.
    """
    load = measured.users_load
    if load is None or measured.discarded or not load.error_kinds:
        return measured
    fault = _find_wrong(load) or _find_failures(load)
    return replace(measured, discarded=fault and f"under load {fault}")


def judge_objective(measured: Round, objective: Mapping[str, float], generator: Generator) -> Outcome:
    """Say whether a server kept an objective in one round.

    `objective`: the most that each percentile may be, in seconds, by the names of the latency record.
    """
    load = measured.load
    if load.lost_workers:
        return "unknown"
    # A request that found no free connection in time shows that the server was the limit, not the generator.
    if find_overload(replace(load, dropped=0), generator) is not None or _has(load, WRONG_BODY):
        return "unknown"
    if load.latency_s is None or _fails_too_often(load) or _has(load, WRONG_STATUS):
        return "missed"
    if _falls_behind(load, load.offered_rps or measured.level, load.latency_s.p50):
        return "missed"
    if any(getattr(load.latency_s, name) > most_s for name, most_s in objective.items()):
        return "missed"
    return "kept" if measured.discarded is None else "unknown"


def find_overload(load: LoadReport, limits: Generator) -> str | None:
    """How the load generator was the limit; None if it was not."""
    if overload := describe_overload(load.generator_cpu_ratio, load.stall_max_s, limits):
        return overload
    if load.lag_p99_s is not None and load.lag_p99_s > limits.max_lag_s:
        late, most = duration(load.lag_p99_s), duration(limits.max_lag_s)
        return f"the load generator was more than {late} late for 1% of the requests; {most} are allowed"
    if load.dropped:
        return f"{count(load.dropped, 'request')} found no free connection in time"
    return None


def _find_wrong(load: LoadReport) -> str | None:
    if not load.requests:
        return "no request succeeded" + _listed(load.error_kinds)
    kinds = load.error_kinds.items()
    wrong = {kind: number for kind, number in kinds if kind.startswith((WRONG_STATUS, WRONG_BODY))}
    return "responses were wrong" + _listed(wrong) if wrong else None


def _find_failures(load: LoadReport) -> str | None:
    kinds = load.error_kinds | ({NO_RESPONSE: load.censored} if load.censored else {})
    if _fails_too_often(load):
        return f"more than {share(MOST_FAILURES)} of the requests failed" + _listed(kinds)
    if _fails_too_often(load, load.closed_unannounced):
        found = f"more than {share(MOST_FAILURES)} of the requests failed or found their connection closed"
        return found + _listed(kinds | {CLOSED_BEFORE: load.closed_unannounced})
    return None


def _fails_too_often(load: LoadReport, more: int = 0) -> bool:
    failed = load.errors + load.censored
    return failed + more > MOST_FAILURES * (load.requests + failed)


def find_wait(load: LoadReport) -> str | None:
    """How the server kept a user waiting for too long; None if it did not."""
    median_s = load.latency_s.p50 if load.latency_s else 0.0
    # What had no response when its time was up would have kept a user waiting for longer.
    timed_out = {kind: number for kind, number in load.error_kinds.items() if kind == TIMEOUT}
    longest_s = 0.0 if timed_out else LONGEST_WAIT_S
    if load.wait_max_s is None or load.wait_max_s <= max(longest_s, MEDIANS_OF_WAIT * median_s):
        return None
    waited, most, median = map(duration, (load.wait_max_s, longest_s, median_s))
    most = f"{most} and " if longest_s else ""
    found = f"a user waited {waited} for one response, more than {most}{MEDIANS_OF_WAIT} times the median"
    missing = f", and {count(load.censored, 'request')} had none by then" if load.censored else ""
    return f"{found} of {median}{missing}{_listed(timed_out)}"


def _listed(kinds: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{number} x {kind}" for kind, number in kinds.items()) if kinds else ""


def _has(load: LoadReport, kind: str) -> bool:
    return any(found.startswith(kind) for found in load.error_kinds)


def _falls_behind(load: LoadReport, offered_rps: float, under_way_s: float) -> bool:
    """Whether fewer requests ended than were offered, beyond what chance does.

    What is due shortly before the window's start ends inside it, and what is due shortly before its end does
    not, each by the time that a request is under way: two independent numbers of arrivals, each with the
    variance of its mean.
    """
    chance_rps = _DEVIATIONS * sqrt(2 * offered_rps * under_way_s) / load.window_s
    return load.rate_rps < LEAST_ACHIEVED * offered_rps - chance_rps
