"""How a run was measured, from its plan and manifest, and whether it can be trusted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from portcompare import units
from portcompare.analyse.comparisons import early_precision
from portcompare.records.manifest import ServedDeployment
from portcompare.records.metrics import METRICS
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL
from portcompare.report.sections.measured import COMPARISON_HEADER, comparison_rows
from portcompare.report.wording import (
    ALREADY_RUNNING,
    NOT_KNOWN,
    Facts,
    known,
    level_text,
    margin_of,
    objective_text,
    percent,
    plan_value,
    seconds_text,
    visible,
)


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
    return {
        "facts": trust_facts(results),
        "header": COMPARISON_HEADER,
        "control": [row for one, row in comparisons if one.candidate == CONTROL],
        "discarded_header": ("Block", "Scenario", "Level", "Arm", "Why it does not count"),
        "discarded": [
            (
                f"{one.block + 1:,}",
                visible(one.scenario),
                level_text(results, one.scenario, one.level),
                visible(one.arm),
                visible(one.discarded),
            )
            for one in results.rounds
            if one.discarded is not None
        ],
    }


def describe_blocks(results: Results) -> str:
    """How many blocks there were, and how many there may be."""
    measured = len({one.block for one in results.rounds})
    least, most = (known(plan_value(results, "rounds", key), str) for key in ("min_blocks", "max_blocks"))
    whose = " of each cell that is measured" if _kind(results) == "grid" else ""
    return (
        f"{measured:,} measured, each on servers started afresh; the plan asks for {least} to {most}{whose}"
    )


def describe_levels(results: Results, scenario: str) -> str:
    """At which levels a scenario was measured, or what was searched and where."""
    if _is_searched(results, scenario):
        tried_rps = {one.level for one in results.rounds if one.scenario == scenario}
        tried = f"from {units.rate(min(tried_rps))} to {units.rate(max(tried_rps))}" if tried_rps else "none"
        return (
            f"the highest rate that keeps {objective_text(results, scenario)} is searched, tried were {tried}"
        )
    levels = dict.fromkeys(one.level for one in results.summaries if one.scenario == scenario)
    return ", ".join(level_text(results, scenario, level) for level in levels) or "no level"


def describe_order(results: Results) -> str:
    """What was measured after what."""
    seed = known(plan_value(results, "rounds", "seed"), str)
    if _kind(results) == "search":
        text = "in each block all arms search side by side, one round of each in turn, in random order"
    else:
        what = "cells" if _kind(results) == "grid" else "undecided levels"
        text = f"in each block its {what} in random order, at each of them the arms in random order"
    return f"{text}; seed {seed}"


def describe_warmup(results: Results) -> str:
    """When a window opens: only the closed model waits for each user's first response."""
    least, longest = (
        known(plan_value(results, "rounds", key), seconds_text) for key in ("warmup_s", "warmup_max_s")
    )
    models = {plan_value(results, "scenarios", name, "load", "model") for name in _scenarios(results)}
    unsteady = units.count(
        sum(not one.load.steady and one.discarded is None for one in results.rounds), "window"
    )
    text = (
        f"at least {least} before each window, and until responses arrive at a steady rate (MSER-5);"
        f" {unsteady} opened without that"
    )
    if models == {"open"}:
        return text
    of_closed = " of the closed model" if "open" in models else ""
    return f"{text}; a round{of_closed} is discarded if not all users had a response after {longest}"


def describe_precision(results: Results) -> str:
    """When something is known well enough."""
    asked = plan_value(results, "rounds", "precision")
    precision, finer = known(asked, percent), known(asked, lambda value: percent(early_precision(value)))
    least = known(plan_value(results, "rounds", "min_blocks"), str)
    done = {
        "levels": "a level is done when its intervals reach",
        "grid": "a cell whose interval lay around 1 is measured on until the interval reaches",
        "search": "a scenario is done when the intervals of its capacities' ratios reach",
    }
    early = f", or {finer} with fewer than {least} blocks" if _kind(results) == "levels" else ""
    return f"{done[_kind(results)]} at most {precision} from the ratio{early}"


def _kind(results: Results) -> Literal["levels", "grid", "search"]:
    if plan_value(results, "break_even"):
        return "grid"
    return "search" if any(_is_searched(results, name) for name in _scenarios(results)) else "levels"


def _is_searched(results: Results, scenario: str) -> bool:
    return bool(plan_value(results, "scenarios", scenario, "load", "objective"))


def _scenarios(results: Results) -> tuple[str, ...]:
    return tuple(results.plan.get("scenarios", {}))


_LOAD_MODELS = {
    "closed": "closed model, each user waits for the response before it sends the next request",
    "open": "open model, requests are due at a fixed rate whether or not responses arrive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of the table of deployments."""

    name: str  # What is set
    values: tuple[str, ...]  # Its value for each deployment, in the manifest's order
    differs: bool  # True if not all of them are the same


def method_facts(results: Results) -> Facts:
    """How was measured: blocks, rounds, windows, warm-up, order."""
    discarded = sum(round_.discarded is not None for round_ in results.rounds)
    rounds = plan_value(results, "rounds") or {}
    budget, timeout = (known(rounds.get(key), seconds_text) for key in ("budget_s", "timeout_s"))
    limits = plan_value(results, "generator") or {}
    cpu = known(limits.get("max_cpu_ratio"), percent)
    lag, stall = (known(limits.get(key), units.duration) for key in ("max_lag_s", "max_stall_s"))
    scenarios = results.plan.get("scenarios", {})
    reasons = visible("; ".join(results.invalid_reasons))
    facts = {f"Scenario {visible(name)}": _scenario(results, name) for name in scenarios} | {
        "Blocks": describe_blocks(results),
        "Ended": visible(results.stop_reason) or "interrupted",
        "Rounds": f"{units.count(len(results.rounds), 'round')}, {discarded:,} of them discarded",
        "Time": f"{units.duration(results.measured_s)} inside windows,"
        f" {units.duration(results.duration_s)} in all; budget {budget}",
        "Warm-up": describe_warmup(results),
        "Load generator": f"a round is discarded in which it used more than {cpu} of a CPU, was over {lag}"
        f" late for 1% of the requests that were due, or stalled for more than {stall}",
        "Validity": "no reason against it was found" if results.valid else f"NOT VALID: {reasons}",
        "Order": describe_order(results),
        "Timeout": f"a response that takes {timeout} is an error",
        "Equivalent": _equivalence(results),
        "Precise enough": describe_precision(results),
    }
    return tuple(facts.items())


def machine_facts(results: Results) -> Facts:
    """Where was measured: machine, system, versions."""
    manifest = results.manifest
    model = visible(manifest.cpu_model) or "model not known"
    size = f"{units.count(manifest.cpu_count, 'CPU')}, {units.size(manifest.memory_bytes)} memory"
    governor = visible(manifest.cpu_governor) or NOT_KNOWN
    load = units.significant(manifest.load_average)
    return (
        ("Machine", f"{model}, {size}; clock governor {governor}; load average {load} at the start"),
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


def deployment_settings(results: Results) -> tuple[Setting, ...]:
    """What each deployment was started with, one setting a line."""
    deployments = results.manifest.deployments
    return (
        _setting("server", [d.server for d in deployments]),
        _setting("command", [_unless_running(d, " ".join(d.command)) for d in deployments]),
        _setting("Python", [d.python or NOT_KNOWN for d in deployments]),
        _setting("environment", [_unless_running(d, _pairs(d.environment)) for d in deployments]),
        _setting("CPUs", [_unless_running(d, _cpus(d.cpus)) for d in deployments]),
        _setting("requests in handlers at once", [_slots(d) for d in deployments]),
        *_settings(
            [d.settings for d in deployments],
            ["no such setting" if d.kind == "server" else NOT_KNOWN for d in deployments],
        ),
        *_settings(
            [{f"{k} version": v for k, v in d.versions.items()} for d in deployments],
            ["not used" if d.kind == "server" else NOT_KNOWN for d in deployments],
        ),
    )


def _unless_running(deployment: ServedDeployment, text: str) -> str:
    """How a deployment was started; of one that was already running nobody knows."""
    return f"{NOT_KNOWN}: {ALREADY_RUNNING}" if deployment.kind == "url" else text


def _slots(deployment: ServedDeployment) -> str:
    if deployment.kind != "server":
        return NOT_KNOWN
    slots = "no limit" if deployment.slots is None else f"{deployment.slots:,}"
    ceilings = (f"{name}: {one.slots:,} ({one.noun})" for name, one in deployment.ceilings.items())
    return "; ".join([slots, *ceilings])


def _settings(tables: list[dict[str, str]], missing: list[str]) -> Iterator[Setting]:
    """A setting for each name in any of the tables; each table has a word for what it lacks."""
    for name in dict.fromkeys(name for table in tables for name in table):
        yield _setting(name, [table.get(name, word) for table, word in zip(tables, missing, strict=True)])


def _setting(name: str, values: list[str]) -> Setting:
    values = [visible(value) for value in values]
    return Setting(name=visible(name), values=tuple(values), differs=len(set(values)) > 1)


def _scenario(results: Results, name: str) -> str:
    model = plan_value(results, "scenarios", name, "load", "model")
    window_s = plan_value(results, "scenarios", name, "seconds") or plan_value(results, "rounds", "seconds")
    what = plan_value(results, "scenarios", name, "user")
    request = plan_value(results, "scenarios", name, "request")
    asked = f"user class {what}" if what else "a request that is not known"
    if not what and isinstance(request, dict):  # its query is in the plan
        asked = f"{request.get('method', 'GET')} {request.get('path', '')}"
    delay = known(plan_value(results, "scenarios", name, "delay_s"), seconds_text)
    return visible(
        f"{asked}; {describe_levels(results, name)} ({_LOAD_MODELS.get(model, 'load model not known')});"
        f" {delay} of waiting by design in each response; windows of {known(window_s, seconds_text)}"
    )


def _equivalence(results: Results) -> str:
    """What counts as equivalent; each metric by itself only where they differ."""
    margins = {metric: known(margin_of(results, metric), percent) for metric in METRICS}
    by_margin = {
        margin: [metric for metric in METRICS if margins[metric] == margin] for margin in margins.values()
    }
    bands = (
        f"1 / (1 + {margin}) to 1 + {margin}"
        + (f" ({', '.join(METRICS[metric].label for metric in metrics)})" if len(by_margin) > 1 else "")
        for margin, metrics in by_margin.items()
    )
    return f"a ratio whose 95% interval lies wholly inside {', '.join(bands)}"


def _pairs(table: dict[str, str]) -> str:
    return visible(", ".join(f"{name} {value}" for name, value in table.items())) or "none"


def _cpus(cpus: tuple[int, ...]) -> str:
    return ", ".join(str(cpu) for cpu in cpus) or "not pinned"


def trust_facts(results: Results) -> Facts:
    """How far a run can be trusted."""
    reasons = visible("; ".join(results.invalid_reasons)) or "no reason was recorded"
    return (
        (
            "This run",
            "is valid: no reason against it was found" if results.valid else f"is NOT VALID: {reasons}",
        ),
        ("Control", _control(results)),
        ("Load generator", _generator(results)),
        ("Discarded rounds", _discarded(results)),
        ("Unsteady windows", _unsteady(results)),
    )


def _control(results: Results) -> str:
    verdicts = Counter(one.ratio.verdict for one in results.comparisons if one.candidate == CONTROL)
    if not verdicts:
        return NOT_KNOWN
    found = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    return (
        f"the baseline measured again, in {units.count(verdicts.total(), 'comparison')} with itself: {found}"
    )


def _generator(results: Results) -> str:
    if not results.rounds:
        return NOT_KNOWN
    limits = plan_value(results, "generator") or {}
    cpu = units.share(max(one.load.generator_cpu_ratio for one in results.rounds))
    stall = units.duration(max(one.load.stall_max_s for one in results.rounds))
    text = (
        f"at most {cpu} of a CPU in any round ({known(limits.get('max_cpu_ratio'), percent)} allowed),"
        f" stalled for {stall} at most ({known(limits.get('max_stall_s'), units.duration)} allowed)"
    )
    lags = [one.load.lag_p99_s for one in results.rounds if one.load.lag_p99_s is not None]
    if lags:
        allowed = known(limits.get("max_lag_s"), units.duration)
        text += f", {units.duration(max(lags))} late at most for 1% of the requests ({allowed} allowed)"
    return text


def _discarded(results: Results) -> str:
    reasons = Counter(visible(one.discarded) for one in results.rounds if one.discarded is not None)
    if not reasons:
        return f"none of {len(results.rounds):,}"
    found = "; ".join(f"{number:,} times {reason}" for reason, number in reasons.most_common())
    return f"{reasons.total():,} of {len(results.rounds):,}: {found}"


def _unsteady(results: Results) -> str:
    unsteady = sum(not one.load.steady for one in results.rounds if one.discarded is None)
    return f"{unsteady:,} opened before responses arrived at a steady rate" if unsteady else "none"
