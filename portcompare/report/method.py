"""How a run was measured, told from its plan and manifest and never from memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare import units
from portcompare.model import METRICS
from portcompare.report.course import (
    describe_blocks,
    describe_levels,
    describe_order,
    describe_precision,
    describe_warmup,
)
from portcompare.report.wording import (
    ALREADY_RUNNING,
    METRIC_NAMES,
    NOT_KNOWN,
    known,
    margin_of,
    percent,
    plan_value,
    seconds_text,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.manifest import ServedDeployment
    from portcompare.model import Results

_LOAD_MODELS = {
    "closed": "closed model, each user waits for its answer before it asks again",
    "open": "open model, requests are due at a fixed rate whether or not answers come",
}

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of the table of deployments.

    Attributes:
        name: What is set.
        values: Its value for each deployment, in the manifest's order.
        differs: True if not all of them are the same.
    """

    name: str
    values: tuple[str, ...]
    differs: bool


def method_facts(results: Results) -> Facts:
    """How was measured: blocks, rounds, windows, warm-up, order.

    Args:
        results: The run.

    Returns:
        Pairs of a term and what holds for it.
    """
    void = sum(round_.void is not None for round_ in results.rounds)
    rounds = plan_value(results, "rounds") or {}
    budget, timeout = (known(rounds.get(key), seconds_text) for key in ("budget_s", "timeout_s"))
    limits = plan_value(results, "generator") or {}
    cpu = known(limits.get("max_cpu_ratio"), percent)
    lag, stall = (known(limits.get(key), units.duration) for key in ("max_lag_s", "max_stall_s"))
    scenarios = results.plan.get("scenarios", {})
    reasons = visible("; ".join(results.invalid_reasons))
    facts = {f"Scenario {visible(name)}": _scenario(results, name) for name in scenarios} | {
        "Blocks": describe_blocks(results),
        "Ended": visible(results.stop_reason) or "before its time",
        "Rounds": f"{units.count(len(results.rounds), 'round')}, {void:,} of them void",
        "Time": f"{units.duration(results.measured_s)} inside windows,"
        f" {units.duration(results.duration_s)} in all; budget {budget}",
        "Warm-up": describe_warmup(results),
        "Load generator": f"a round is void in which it used more than {cpu} of a CPU, was over {lag} late"
        f" for 1% of the requests that were due, or stood still for more than {stall}",
        "Validity": "nothing speaks against it" if results.valid else f"NOT VALID: {reasons}",
        "Order": describe_order(results),
        "Time-out": f"an answer that takes {timeout} is an error",
        "Equivalent": _equivalence(results),
        "Precise enough": describe_precision(results),
    }
    return tuple(facts.items())


def machine_facts(results: Results) -> Facts:
    """Where was measured: machine, system, versions.

    Args:
        results: The run.

    Returns:
        Pairs of a term and what holds for it.
    """
    manifest = results.manifest
    model = visible(manifest.cpu_model) or "model not known"
    size = f"{units.count(manifest.cpu_count, 'CPU')}, {units.size(manifest.memory_bytes)} memory"
    governor = visible(manifest.cpu_governor) or NOT_KNOWN
    load = units.significant(manifest.load_average)
    return (
        ("Machine", f"{model}, {size}; clock governor {governor}; load average {load} at the start"),
        ("System", f"{visible(manifest.kernel)}, Python {visible(manifest.python)}"),
        ("Load generator", f"CPUs {_cpus(manifest.generator_cpus)}"),
        *((f"Upstream {one.name}", _upstream(one)) for one in manifest.upstreams),
        ("portcompare", visible(manifest.portcompare)),
        ("Libraries", _pairs(manifest.libraries)),
    )


def deployment_settings(results: Results) -> tuple[Setting, ...]:
    """What each deployment was started with, one setting a line.

    Args:
        results: The run.

    Returns:
        The settings; in each, one value for each deployment of the manifest.
    """
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


def _upstream(served: ServedDeployment) -> str:
    """How an upstream was started, in one line."""
    return _unless_running(served, f"{served.server}, CPUs {_cpus(served.cpus)}: {' '.join(served.command)}")


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
    asked = f"user class {what}" if what else _request(request)
    delay = known(plan_value(results, "scenarios", name, "delay_s"), seconds_text)
    return visible(
        f"{asked}; {describe_levels(results, name)} ({_LOAD_MODELS.get(model, 'load model not known')});"
        f" {delay} of waiting by design in each answer; windows of {known(window_s, seconds_text)}"
    )


def _equivalence(results: Results) -> str:
    """What counts as equivalent; each metric by itself only where they differ."""
    margins = {metric: known(margin_of(results, metric), percent) for metric in METRICS}
    by_margin = {
        margin: [metric for metric in METRICS if margins[metric] == margin] for margin in margins.values()
    }
    bands = (
        f"1 / (1 + {margin}) to 1 + {margin}"
        + (f" ({', '.join(METRIC_NAMES[metric] for metric in metrics)})" if len(by_margin) > 1 else "")
        for margin, metrics in by_margin.items()
    )
    return f"a ratio whose 95% interval lies wholly inside {', '.join(bands)}"


def _request(request: object) -> str:
    """The plan's own request: method and path; its query is in the plan."""
    if not isinstance(request, dict):
        return "a request that is not known"
    return f"{request.get('method', 'GET')} {request.get('path', '')}"


def _pairs(table: dict[str, str]) -> str:
    return visible(", ".join(f"{name} {value}" for name, value in table.items())) or "none"


def _cpus(cpus: tuple[int, ...]) -> str:
    return ", ".join(str(cpu) for cpu in cpus) or "not pinned"
