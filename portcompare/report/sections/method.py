"""How a run was measured, from its plan and manifest, and whether it can be trusted."""

from collections import Counter
from typing import Any

from portcompare import units
from portcompare.analyse.comparisons import early_precision
from portcompare.records.manifest import ServedDeployment
from portcompare.records.metrics import METRICS
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL
from portcompare.report.sections.measured import ROUND_COLUMNS, comparison_rows
from portcompare.report.wording import (
    ALREADY_RUNNING,
    NOT_KNOWN,
    Facts,
    describe_steadiness,
    known,
    level_text,
    margin_of,
    objective_text,
    percent,
    plan_value,
    seconds_text,
    timestamp,
    visible,
)

_LOAD_MODELS = {
    "closed": "closed model, each user waits for the response before it sends the next request",
    "open": "open model, requests are due at a fixed rate whether or not responses arrive",
}
_ORDERS = {
    "levels": "in each block its undecided levels in random order, at each of them the arms in random order",
    "grid": "in each block its cells in random order, at each of them the arms in random order",
    "search": "in each block all arms search side by side, one round of each in turn, in random order",
}
"""What was measured after what, by the kind of the run."""

_DONE = {
    "levels": "a level is done when its intervals reach",
    "grid": "a cell whose interval lay around 1 is measured on until the interval reaches",
    "search": "a scenario is done when the intervals of its capacities' ratios reach",
}
"""When something is known well enough, by the kind of the run."""


def build_method(results: Results) -> dict[str, Any]:
    """What the section on the method shows."""
    return {
        "method": method_facts(results),
        "machine": machine_facts(results),
        "settings": deployment_settings(results),
    }


def build_validity(results: Results) -> dict[str, Any]:
    """What the section on the run's validity shows."""
    comparisons = zip(results.comparisons, comparison_rows(results), strict=True)
    place = ("Block", "Scenario", "Level", "Arm")
    return {
        "facts": _trust_facts(results),
        "control": [row for one, row in comparisons if one.candidate == CONTROL],
        "discarded_header": (*place, "Why it does not count"),
        "discarded": [
            (*(ROUND_COLUMNS[name](results, one) for name in place), visible(one.discarded))
            for one in results.rounds
            if one.discarded is not None
        ],
    }


def method_facts(results: Results) -> Facts:
    """How was measured: blocks, rounds, windows, warm-up, order."""
    scenarios = results.plan.get("scenarios", {})
    kind = "search" if any(_is_searched(results, name) for name in scenarios) else "levels"
    if plan_value(results, "break_even"):
        kind = "grid"
    rounds = plan_value(results, "rounds") or {}
    least, most, seed = (known(rounds.get(key), str) for key in ("min_blocks", "max_blocks", "seed"))
    budget, timeout = (known(rounds.get(key), seconds_text) for key in ("budget_s", "timeout_s"))
    precision = known(rounds.get("precision"), percent)
    finer = known(rounds.get("precision"), lambda value: percent(early_precision(value)))
    cpu, lag, stall = _generator_limits(results)
    blocks = len({one.block for one in results.rounds})
    discarded = sum(one.discarded is not None for one in results.rounds)
    facts = {f"Scenario {visible(name)}": _scenario(results, name) for name in scenarios} | {
        "Blocks": f"{blocks:,} measured, each on servers started afresh; the plan asks for {least} to {most}"
        + (" of each cell that is measured" if kind == "grid" else ""),
        "Ended": (visible(results.stop_reason) or "interrupted")
        + "".join(f"; resumed {timestamp(at)}" for at in results.resumed_at),
        "Rounds": f"{units.count(len(results.rounds), 'round')}, {discarded:,} of them discarded",
        "Time": f"{units.duration(results.measured_s)} inside turns and windows,"
        f" {units.duration(results.duration_s)} in all; budget {budget}",
        "Warm-up": _warmup(results),
        "Load generator": f"a round is discarded in which it used more than {cpu} of a CPU, was over {lag}"
        f" late for 1% of the requests that were due, or stalled for more than {stall}",
        "Order": f"{_ORDERS[kind]}; seed {seed}",
        "Timeout": f"a response that takes {timeout} is an error",
        "Equivalent": f"a ratio whose 95% interval lies wholly inside {_equivalence(results)}",
        "Precise enough": f"{_DONE[kind]} at most {precision} from the ratio"
        + (f", or {finer} with fewer than {least} blocks" if kind == "levels" else ""),
    }
    return tuple(facts.items())


def _is_searched(results: Results, scenario: str) -> bool:
    return bool(plan_value(results, "scenarios", scenario, "load", "objective"))


def _generator_limits(results: Results) -> tuple[str, str, str]:
    """The CPU ratio, the lag and the stall that the plan allows the load generator."""
    lag, stall = (
        known(plan_value(results, "generator", key), units.duration) for key in ("max_lag_s", "max_stall_s")
    )
    return known(plan_value(results, "generator", "max_cpu_ratio"), percent), lag, stall


def _scenario(results: Results, name: str) -> str:
    plan = plan_value(results, "scenarios", name)
    sent, request = "a request that is not known", plan.get("request")
    if plan.get("user"):
        sent = f"user class {plan['user']}"
    elif isinstance(request, dict):  # its query is in the plan
        sent = f"{request.get('method', 'GET')} {request.get('path', '')}"
    if _is_searched(results, name):
        tried_rps = {one.level for one in results.rounds if one.scenario == name}
        tried = f"from {units.rate(min(tried_rps))} to {units.rate(max(tried_rps))}" if tried_rps else "none"
        objective = objective_text(results, name)
        levels = f"the highest rate that keeps {objective} is searched, tried were {tried}"
    else:
        measured = dict.fromkeys(one.level for one in results.summaries if one.scenario == name)
        levels = ", ".join(level_text(results, name, level) for level in measured) or "no level"
    model = _LOAD_MODELS.get(plan_value(results, "scenarios", name, "load", "model"), "load model not known")
    return visible(
        f"{sent}; {levels} ({model});"
        f" {known(plan.get('delay_s'), seconds_text)} of waiting by design in each response;"
        f" {_ways(results, name)}"
    )


def _ways(results: Results, scenario: str) -> str:
    """How a scenario was measured: by turns, or in windows and why."""
    rounds = [one for one in results.rounds if one.scenario == scenario]
    own_s = plan_value(results, "scenarios", scenario, "seconds")
    window_s = own_s or plan_value(results, "rounds", "seconds")
    turns = [turn for one in rounds for turn in one.turns]
    ways = []
    if turns:
        discarded = sum(turn.discarded is not None for turn in turns)
        least = known(plan_value(results, "rounds", "turn_s"), units.duration)
        ways.append(f"{units.count(len(turns), 'turn')} of {least} or more, {discarded:,} of them discarded")
    whys = dict.fromkeys(one.why_window for one in rounds if one.why_window)
    if whys or not turns:  # a round that failed before its first turn was no window
        why = f", as {'; '.join(whys)}" if whys else ""
        ways.append(f"windows of {known(window_s, seconds_text)}{why}")
    return "; ".join(ways)


def _warmup(results: Results) -> str:
    """When a window opens: only the closed model waits for each user's first response."""
    least, longest = (
        known(plan_value(results, "rounds", key), seconds_text) for key in ("warmup_s", "warmup_max_s")
    )
    scenarios = results.plan.get("scenarios", {})
    models = {plan_value(results, "scenarios", name, "load", "model") for name in scenarios}
    text = (
        f"at least {least} before a level's turns or a window, there until responses arrive at a steady rate"
        f" (MSER-5); {units.count(_count_unsteady(results), 'window')} opened without that"
    )
    if models == {"open"}:
        return text
    of_closed = " of the closed model" if "open" in models else ""
    return f"{text}; a round{of_closed} is discarded if not all users had a response after {longest}"


def _count_unsteady(results: Results) -> int:
    return sum(not one.load.steady for one in results.rounds if one.discarded is None)


def _equivalence(results: Results) -> str:
    """The bands that count as equivalent, with their metrics where they differ."""
    by_margin: dict[str, list[str]] = {}
    for name, metric in METRICS.items():
        by_margin.setdefault(percent(margin_of(results, name)), []).append(metric.label)
    return ", ".join(
        f"1 / (1 + {margin}) to 1 + {margin}" + (f" ({', '.join(labels)})" if len(by_margin) > 1 else "")
        for margin, labels in by_margin.items()
    )


def machine_facts(results: Results) -> Facts:
    """Where was measured: machine, system, versions."""
    manifest = results.manifest
    model = visible(manifest.cpu_model) or "model not known"
    size = f"{units.count(manifest.cpu_count, 'CPU')}, {units.size(manifest.memory_bytes)} memory"
    governor = visible(manifest.cpu_governor) or NOT_KNOWN
    load = units.significant(manifest.load_average)
    return (
        ("Machine", f"{model}, {size}; clock governor {governor}; load average {load} at the start"),
        *([("Steadiness", describe_steadiness(manifest.steadiness))] if manifest.steadiness else []),
        ("System", f"{visible(manifest.kernel)}, Python {visible(manifest.python)}"),
        ("Load generator", f"CPUs {_cpus(manifest.generator_cpus)}"),
        *(
            (
                f"Upstream {one.name}",
                _unless_running(one, f"{one.server}, CPUs {_cpus(one.cpus)}: {' '.join(one.command)}"),
            )
            for one in manifest.upstreams
        ),
        ("portcompare", visible(manifest.portcompare)),
        ("Libraries", _pairs(manifest.libraries)),
    )


def deployment_settings(results: Results) -> tuple[tuple[str, ...], ...]:
    """What each deployment was started with: the name of a setting, and its value for each deployment."""
    deployments = results.manifest.deployments
    settings = {
        "server": [d.server for d in deployments],
        "command": [_unless_running(d, " ".join(d.command)) for d in deployments],
        "Python": [d.python or NOT_KNOWN for d in deployments],
        "environment": [_unless_running(d, _pairs(d.environment)) for d in deployments],
        "CPUs": [_unless_running(d, _cpus(d.cpus)) for d in deployments],
        "requests in handlers at once": [_slots(d) for d in deployments],
    }
    rows = [(name, *values) for name, values in settings.items()]
    tables = (
        ("no such setting", [d.settings for d in deployments]),
        ("not used", [{f"{k} version": v for k, v in d.versions.items()} for d in deployments]),
    )
    for missing, found in tables:
        words = [missing if d.kind == "server" else NOT_KNOWN for d in deployments]
        rows += [
            (name, *(table.get(name, word) for table, word in zip(found, words, strict=True)))
            for name in dict.fromkeys(name for table in found for name in table)
        ]
    return tuple(tuple(map(visible, row)) for row in rows)


def _unless_running(deployment: ServedDeployment, text: str) -> str:
    """How a deployment was started; of one that was already running nobody knows."""
    return f"{NOT_KNOWN}: {ALREADY_RUNNING}" if deployment.kind == "url" else text


def _slots(deployment: ServedDeployment) -> str:
    if deployment.kind != "server":
        return NOT_KNOWN
    slots = "no limit" if deployment.slots is None else f"{deployment.slots:,}"
    ceilings = (f"{name}: {one.slots:,} ({one.noun})" for name, one in deployment.ceilings.items())
    return "; ".join([slots, *ceilings])


def _pairs(table: dict[str, str]) -> str:
    return visible(", ".join(f"{name} {value}" for name, value in table.items())) or "none"


def _cpus(cpus: tuple[int, ...]) -> str:
    return ", ".join(str(cpu) for cpu in cpus) or "not pinned"


def _trust_facts(results: Results) -> Facts:
    reasons = visible("; ".join(results.invalid_reasons)) or "no reason was recorded"
    verdict = "is valid: no reason against it was found" if results.valid else f"is NOT VALID: {reasons}"
    control, discarded = NOT_KNOWN, f"none of {len(results.rounds):,}"
    verdicts = Counter(one.ratio.verdict for one in results.comparisons if one.candidate == CONTROL)
    if verdicts:
        found = ", ".join(f"{number} {name}" for name, number in verdicts.most_common())
        compared = units.count(verdicts.total(), "comparison")
        control = f"the baseline measured again, in {compared} with itself: {found}"
    whys = Counter(visible(one.discarded) for one in results.rounds if one.discarded is not None)
    if whys:
        found = "; ".join(f"{number:,} times {why}" for why, number in whys.most_common())
        discarded = f"{whys.total():,} of {len(results.rounds):,}: {found}"
    unsteady = _count_unsteady(results)
    return (
        ("This run", verdict),
        ("All comparisons", visible(results.evidence) or NOT_KNOWN),
        ("Control", control),
        ("Load generator", _generator(results)),
        ("Discarded rounds", discarded),
        (
            "Unsteady windows",
            f"{unsteady:,} opened before responses arrived at a steady rate" if unsteady else "none",
        ),
    )


def _generator(results: Results) -> str:
    if not results.rounds:
        return NOT_KNOWN
    most_cpu, most_lag, most_stall = _generator_limits(results)
    cpu = units.share(max(one.load.generator_cpu_ratio for one in results.rounds))
    stall = units.duration(max(one.load.stall_max_s for one in results.rounds))
    text = (
        f"at most {cpu} of a CPU in any round ({most_cpu} allowed), stalled for {stall} at most"
        f" ({most_stall} allowed)"
    )
    lags = [one.load.lag_p99_s for one in results.rounds if one.load.lag_p99_s is not None]
    if lags:
        text += f", {units.duration(max(lags))} late at most for 1% of the requests ({most_lag} allowed)"
    return text
