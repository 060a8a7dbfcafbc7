"""Finished runs made of recorded rounds, to be compared, gated and indexed by tests."""

import random
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import pytest

from portcompare.analyse.comparisons import compare
from portcompare.analyse.conclusions import find_evidence
from portcompare.analyse.summaries import summarise
from portcompare.plan import Plan
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import RESULTS_FILE, SCHEMA_VERSION, Results
from portcompare.records.rounds import BASELINE, CONTROL, Latency, Round
from portcompare.report.formats.results_file import write_results
from tests.altered import altered
from tests.analyse.samples import LATENCY, PARITY, in_users
from tests.analyse.test_recorded_runs import recorded_rounds
from tests.measure.plans import make_manifest

OLD, NEW = "flask-gunicorn", "quart-uvicorn"
ARMS = {BASELINE: OLD, CONTROL: OLD, NEW: NEW}
MARGINS: dict[MetricName, float] = {metric: 0.1 if metric in ("p95", "p99") else 0.05 for metric in METRICS}
HOSTILE = ("<script>alert(1)</script>|`\"'*x*", "خادم عربي\u202eevil\n| a | b |" + "x" * 180)


def make_run(
    seed: int,
    *,
    slower: float = 1.0,
    all_slower: float = 1.0,
    blocks: int = 24,
    candidate: str = NEW,
    scenario: str = "delayed",
) -> Results:
    """A run of rounds drawn from a recorded one, its candidate slowed down, or all that it measured.

    A run with a higher seed was made on a later day.
    """
    drawn = random.Random(seed)  # noqa: S311 - a sample, not a secret
    pools: dict[tuple[float, str], list[Round]] = {}
    for one in recorded_rounds():
        if one.scenario == "delayed" and one.arm in ARMS:
            pools.setdefault((one.level, one.arm), []).append(one)
    rounds = []
    for block in range(blocks):
        place = drawn.randrange(5)
        for (level, arm), pool in pools.items():
            one, factor = pool[place], all_slower * (slower if arm == NEW else 1.0)
            latencies_s = asdict(one.load.latency_s or LATENCY).items()
            rounds.append(
                altered(
                    one,
                    block=block,
                    arm=candidate if arm == NEW else arm,
                    deployment=candidate if arm == NEW else ARMS[arm],
                    scenario=scenario,
                    level=level,
                    rate_rps=one.load.rate_rps / factor,
                    latency_s=Latency(**{name: factor * latency_s for name, latency_s in latencies_s}),
                    cpu_s_per_request=(one.cpu_s_per_request or 0.0) * factor,
                )
            )
    ordered = sorted(rounds, key=lambda one: (one.level, [BASELINE, CONTROL, candidate].index(one.arm)))
    comparisons = compare(ordered, MARGINS)
    manifest = make_manifest()
    return Results(
        schema_version=SCHEMA_VERSION,
        name="recorded",
        started_at=f"2026-03-{seed + 1:02}T09:00:00+00:00",
        duration_s=60.0,
        measured_s=50.0,
        partial=False,
        valid=True,
        invalid_reasons=(),
        stop_reason="the budget was spent",
        warnings=(),
        headline=find_evidence(comparisons, MARGINS, in_users, ()),
        plan={
            "name": "recorded",
            "baseline": OLD,
            "candidates": [candidate],
            "scenarios": {
                scenario: {"user": "Delayed", "delay_s": 0.2, "load": {"model": "closed", "users": [1, 64]}}
            },
            "rounds": {"margin": dict(MARGINS)},
        },
        manifest=replace(manifest, memory_bytes=8 * 1024**3, cpu_model="a CPU", upstreams=()),
        parity=PARITY,
        rounds=tuple(rounds),
        comparisons=comparisons,
        summaries=summarise(ordered, comparisons, lambda one, _: one.bound),
        conclusions=(),
    )


def store(run: Results, folder: Path) -> Path:
    """Write a run as `portcompare run` does."""
    write_results(run, folder / RESULTS_FILE)
    return folder


def note_plans(monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> list[Plan]:
    """Have a module's `compare` note the plan, and return a run without measuring."""
    plans: list[Plan] = []

    def compare(plan: Plan, *_: object) -> Results:
        plans.append(plan)
        return make_run(1, blocks=2)

    monkeypatch.setattr(module, "compare", compare)
    return plans
