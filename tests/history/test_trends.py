import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from portcompare.history.summaries import list_runs
from portcompare.history.trends import Point, Trend, find_steps, find_trends
from tests.runs import NEW, OLD, make_run, store


def make_trend(values: Sequence[float]) -> Trend:
    return Trend(
        scenario="fast",
        level=1.0,
        level_text="1 user",
        metric="throughput",
        deployment="new",
        machine="this",
        is_ratio=False,
        points=tuple(
            Point(folder=f"run-{place}", started_at="", blocks=5, value=value, low=value, high=value)
            for place, value in enumerate(values)
        ),
        step=None,
    )


def noisy(seed: int, factors: Sequence[float]) -> list[float]:
    drawn = random.Random(seed)  # noqa: S311 - a sample, not a secret
    return [100 * factor * math.exp(drawn.gauss(0, 0.01)) for factor in factors]


def test_a_lasting_change_is_found_where_it_is_and_is_not_marked_within_the_margin() -> None:
    (found,) = find_steps([make_trend(noisy(1, [1] * 7 + [0.75] * 5))], [0.05])
    assert found.step is not None
    assert found.step.folder == "run-7"
    assert found.step.after / found.step.before == pytest.approx(0.75, rel=0.02)
    trend = make_trend(noisy(1, [1] * 7 + [0.75] * 5))
    (found,) = find_steps([trend], [0.5])
    assert found == trend


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten runs, the last four of a slower candidate, and two that are not used."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(10):
        store(make_run(number, blocks=4, slower=1.3 if number > 5 else 1.0), folder / f"run-{number}")
    store(replace(make_run(1, blocks=4, slower=9), valid=False), folder / "invalid")
    store(replace(make_run(1, blocks=4, slower=9), partial=True), folder / "partial")
    return folder


def trends(runs: Path, *, is_ratio: bool = False, **narrowed: object) -> tuple[Trend, ...]:
    summaries = list_runs(runs, pytest.fail)
    return find_trends(runs, summaries, ["throughput"], is_ratio=is_ratio, **narrowed)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_ratio", [False, True])
def test_a_slower_candidate_is_marked_in_its_trend_and_only_there(runs: Path, is_ratio: bool) -> None:  # noqa: FBT001
    found = {(one.level, one.deployment): one for one in trends(runs, is_ratio=is_ratio)}
    assert found.keys() == ({(1, NEW), (64, NEW)} | (set() if is_ratio else {(1, OLD), (64, OLD)}))
    step = found[64, NEW].step
    assert step is not None
    assert step.folder == "run-6"
    assert found[64, NEW].level_text == "64 users"
    assert len(found[64, NEW].points) == 10
    assert all(one.started_at < other.started_at for one, other in pairwise(found[64, NEW].points))
    assert is_ratio or found[64, OLD].step is None


def test_trends_are_narrowed(runs: Path) -> None:
    (one,) = trends(runs, level=64.0, deployment=NEW, scenario="delayed")
    assert (one.level, one.deployment) == (64.0, NEW)
    assert trends(runs, scenario="other") == ()


def test_other_machines_have_trends_of_their_own(tmp_path: Path) -> None:
    for number in range(4):
        run = make_run(number, blocks=2)
        manifest = replace(run.manifest, cpu_count=2 + number % 2)
        store(replace(run, manifest=manifest), tmp_path / f"run-{number}")
    found = trends(tmp_path, level=64.0, deployment=NEW)
    assert [(one.machine.split(", ")[1], len(one.points)) for one in found] == [("2 CPUs", 2), ("3 CPUs", 2)]
