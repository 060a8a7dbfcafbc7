"""Advice put to the test: a deployment as it is beside one with the change, measured as candidates are."""

import time
from collections.abc import Iterable
from dataclasses import replace
from math import inf, sqrt
from pathlib import Path
from typing import get_args

from portcompare.errors import PortcompareError
from portcompare.measure.blocks import EARLY_BLOCKS
from portcompare.plan import Deployment, Plan
from portcompare.records.diagnosis import Advice, AdviceOutcome
from portcompare.records.estimates import Estimate
from portcompare.records.metrics import METRICS, MetricName
from portcompare.records.results import Results
from portcompare.records.rounds import CONTROL
from portcompare.run.comparison import RunOptions, compare
from portcompare.run.narrowing import Narrowing, narrow
from portcompare.run.progress import Progress
from portcompare.run.workers import ALONE

LONGEST_TRY_S = 60.0  # for each piece of advice; half of it is enough where the machine does nothing else
_PRECISION = 0.1  # what is said of advice is no more precise
_ORDER: tuple[AdviceOutcome, ...] = get_args(AdviceOutcome)


def try_advice(plan: Plan, advice: Iterable[Advice], folder: Path, progress: Progress) -> tuple[Advice, ...]:
    """Measure what needs no edit of code; what is confirmed comes first, what is withdrawn last.

    `folder`: where the run of each piece is written, in a folder of its own.
    """
    tried = [_try(plan, one, folder / f"try-{n}", progress) for n, one in enumerate(advice, 1)]
    return tuple(sorted(tried, key=lambda one: _ORDER.index(one.outcome)))


def _try(plan: Plan, one: Advice, folder: Path, progress: Progress) -> Advice:
    if not one.change:
        return one
    progress.note(f"trying: {one.text}")
    options = RunOptions(folder=folder, workers=ALONE, left_out=None, began_s=time.monotonic())
    try:
        results = compare(plan_trial(plan, one), options, progress)
    except PortcompareError as error:
        why = f"it cannot be measured: {str(error).partition(chr(10))[0]}"
        return replace(one, outcome="not decided", measured=Estimate(reason=why))
    metric: MetricName = "p50" if plan.scenarios[one.scenario].load.model == "open" else "throughput"
    return judge_trial(one, results, metric, plan.rounds.margins[metric])


def plan_trial(plan: Plan, one: Advice) -> Plan:
    """The plan that compares a deployment as it is with the changed one."""
    present = plan.deployments[one.deployment]
    # A fixed port cannot be listened on twice, and an adapter belongs to its server.
    dropped = {"port", "adapter"} if "server" in one.change else {"port"}
    given = present.model_dump(exclude_unset=True, exclude=dropped) | one.change
    changed = "-".join([one.deployment, *(f"{key}-{value}" for key, value in one.change.items())])
    rounds = {"budget_s": LONGEST_TRY_S, "precision": _PRECISION, "min_blocks": EARLY_BLOCKS}
    whole = plan.model_copy(
        update={
            "candidates": [*plan.candidates, changed],
            "deployments": plan.deployments | {changed: Deployment.model_validate(given)},
            "rounds": plan.rounds.model_copy(update=rounds),
            "break_even": None,
            "work": None,
        }
    )
    load = plan.scenarios[one.scenario].load
    is_open = load.model == "open"
    wanted = Narrowing(
        scenarios=(one.scenario,),
        arms=(one.deployment, changed),
        users=() if is_open else (int(load.levels[-1]),),
        rate_rps=load.levels[-1] if is_open else None,
    )
    return narrow(whole, wanted)


def judge_trial(one: Advice, results: Results, metric: MetricName, margin: float) -> Advice:
    """Compare what a change has done with what was said of it.

    What is said is the most that the measured times allow. So it holds if the whole interval is beyond the
    margin, and reaches half of the gain on a logarithmic scale; it does not hold if nothing in it does both.
    """
    if results.parity is not None and results.parity.verdict == "different":
        return replace(one, outcome="withdrawn", measured=Estimate(reason="its responses differ"))
    found = [
        each.ratio for each in results.comparisons if each.metric == metric and each.candidate != CONTROL
    ]
    low, high = (found[0].interval if found else None) or (0.0, inf)
    if not results.valid or not found or not found[0].is_result:
        why = found[0].reason if found and results.valid else results.headline
        return replace(one, outcome="not decided", measured=Estimate(reason=why))
    gain = found[0]
    if not METRICS[metric].higher_is_better:
        low, high = 1 / high, 1 / low
        gain = replace(gain, point=1 / (gain.point or 1.0), low=low, high=high)
    outcome: AdviceOutcome = "not decided"
    if high < max(1 + margin, sqrt(one.gain)):
        outcome = "withdrawn"
    elif low > 1 + margin:
        outcome = "confirmed"
    return replace(one, outcome=outcome, measured=gain)
