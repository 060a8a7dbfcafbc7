"""What a run advises: what it measured that gives the gain for less, and what its bounds promise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from math import inf

from portcompare.analyse.answer import Found, find_all, find_ports
from portcompare.analyse.rounds import find_limits
from portcompare.diagnose.advice import most_threads, rank, threads_text
from portcompare.plan import Plan
from portcompare.plan.apps import KNOBS
from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Estimate
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE
from portcompare.serve.recipe import resolve_deployment
from portcompare.stats.bounds import find_bound
from portcompare.units import rate, significant

_PLACES = ("server", "adapter")  # the keys of a deployment that are no settings
AT_BOUND = 0.9  # of a bound: what limits a lower rate is something else

Levels = Mapping[tuple[str, str], Sequence[Found]]  # What was found, by scenario and level


def find_advice(plan: Plan, results: Results) -> tuple[Advice, ...]:
    """What a run advises: nothing if it cannot be relied on, and only where its verdicts are conclusive."""
    if results.partial or not results.valid:
        return ()
    levels: dict[tuple[str, str], list[Found]] = {}
    for one in find_all(plan, results.comparisons, results.sweeps.capacities):
        levels.setdefault((one.scenario, one.where), []).append(one)
    measured = (advice for found in levels.values() for advice in _find_alternatives(plan, found))
    return rank((*measured, *_find_borders(plan, levels), *_find_threads(plan, results, levels)))


def _find_alternatives(plan: Plan, found: Sequence[Found]) -> Iterator[Advice]:
    """What gives the gain of a port without one, and which deployment of an app is the better one."""
    ports, own_app = find_ports(plan), plan.deployments[plan.baseline].app
    known = [_baseline_of(plan, found[0]), *(one for one in found if one.ratio.is_result)]
    port = max((one for one in known if one.name in ports), key=lambda one: one.gain, default=known[0])
    by_app: dict[str | None, list[Found]] = {}
    for one in known:
        by_app.setdefault(plan.deployments[one.name].app, []).append(one)
    for app, (first, *others) in by_app.items():
        best = max(others, key=lambda one: one.gain, default=first)
        gain, change = _divide(best, first), _change(plan, first.name, best.name)
        is_clear = gain.low is not None and gain.low > 1 + plan.rounds.margins["throughput"]
        if app is None or not is_clear or "unsure" in (best.outcome, first.outcome):
            continue
        times = significant((best.ratio.point or 1.0) / (first.ratio.point or 1.0), 2)
        text = f"{best.name} instead of {first.name} gives {times}x the {best.noun}"
        evidence = f"measured{best.where} (`{best.scenario}`)"
        if app == own_app and port.outcome == "better":
            part = (best.gain - 1) / (port.gain - 1)
            text = f"{best.name} gives {min(part, 1.0):.0%} of the port's gain without a port"
            evidence += f": {best.times} the {best.noun} on {best.name}, {port.times} on {port.name}"
        elif change.keys() == {"server"}:
            text = f"The server limits, not the framework: {text}"
        yield Advice(
            text=text,
            evidence=evidence,
            gain=gain.point or 1.0,
            effort="setting" if change.keys().isdisjoint(_PLACES) else "deployment",
            deployment=first.name,
            scenario=best.scenario,
            change=change,
            outcome="confirmed",
            measured=gain,
        )


def _baseline_of(plan: Plan, one: Found) -> Found:
    """The baseline, where something was found of a candidate."""
    even = Estimate(point=1.0, low=1.0, high=1.0)
    return replace(one, name=plan.baseline, ratio=even, gain=1.0, outcome="same")


def _divide(best: Found, first: Found) -> Estimate:
    """How many times better one is than another, with an interval that is wide enough whatever they share."""
    (low, high), (first_low, first_high) = map(_gain_ends, (best, first))
    blocks = best.ratio.blocks
    return Estimate(
        point=best.gain / first.gain,
        low=low / first_high,
        high=high / first_low,
        blocks=blocks,
        verdict="faster",
    )


def _gain_ends(one: Found) -> tuple[float, float]:
    low, high = one.ratio.interval or (0.0, inf)
    return (low, high) if one.gain == one.ratio.point else (1 / high, 1 / low)


def _change(plan: Plan, old: str, new: str) -> dict[str, str | int]:
    """The keys of one deployment that make it another."""
    ones = [plan.deployments[name] for name in (old, new)]
    values = {key: [getattr(one, key) for one in ones] for key in (*_PLACES, *sorted(KNOBS))}
    return {key: new for key, (old, new) in values.items() if new is not None and new != old}


def _find_borders(plan: Plan, levels: Levels) -> Iterator[Advice]:
    """From which level of a scenario on a port pays, where it does not below."""
    courses: dict[tuple[str, str], list[Found]] = {}
    ports = find_ports(plan)
    for (scenario, _), found in levels.items():
        for one in found:
            if one.name in ports:
                courses.setdefault((scenario, one.name), []).append(one)
    for (scenario, name), course in courses.items():
        paying = list(takewhile(lambda one: one.outcome == "better", reversed(course)))
        below = course[: -len(paying) or None][-1:]
        if paying and below and below[0].outcome != "unsure":
            best, first, (last,) = max(paying, key=lambda one: one.gain), paying[-1], below
            yield Advice(
                text=f"The port pays: {name} on `{scenario}` from{first.where.removeprefix(' at')} on",
                evidence=f"{best.times} the {best.noun}{best.where}, but {last.times}{last.where}",
                gain=best.gain,
                effort="code",
                deployment=name,
                scenario=scenario,
                outcome="confirmed",
                measured=_divide(best, _baseline_of(plan, best)),
            )


def _find_threads(plan: Plan, results: Results, levels: Levels) -> Iterator[Advice]:
    """Threads that serve all users at once, where the baseline is at the bound of those that it has."""
    name, own = plan.baseline, plan.deployments[plan.baseline]
    config = resolve_deployment(plan, name).config
    others = [plan.deployments[each] for each in plan.candidates]
    if config is None or any((each.app, each.server) == (own.app, own.server) for each in others):
        return  # or what its settings bring was measured
    workers = config.knobs.workers
    for one in results.summaries:
        level = plan.level_text(one.scenario, one.level)
        found, load = levels.get((one.scenario, f" at {level}"), ()), plan.scenarios[one.scenario].load
        threads = most_threads(config, load.concurrency(one.level))
        is_known = any(each.outcome != "unsure" for each in found) and load.model == "closed"
        if one.arm != BASELINE or threads is None or not is_known or not one.rate_rps:
            continue
        if one.bound is None or one.bound.name != "slots" or (one.bound_share or 0.0) < AT_BOUND:
            continue
        place = BASELINE, one.scenario, one.level
        measured = next(each for each in results.rounds if (each.arm, each.scenario, each.level) == place)
        limits = find_limits(plan, results.manifest, measured)
        wider = find_bound(
            one.cpu_s_per_request,
            # The threads of a worker share an interpreter, which runs on one CPU at a time.
            replace(limits, slots=threads * workers, server_cpus=min(limits.server_cpus, workers)),
        )
        if wider is None or limits.slots != config.knobs.threads * workers:  # the app itself has fewer
            continue
        gain = wider.rate_rps / one.rate_rps
        yield Advice(
            text=f"{threads_text(plan, name, threads, config.knobs.threads)}: "
            f"up to {significant(gain, 2)}x the rate",
            evidence=f"{rate(one.rate_rps)} at {level} (`{one.scenario}`), "
            f"of {rate(one.bound.rate_rps)} at most: {one.bound.reason}; "
            f"with more threads {rate(wider.rate_rps)} at most: {wider.reason}",
            gain=gain,
            effort="setting",
            deployment=name,
            scenario=one.scenario,
            change={"threads": threads},
        )
