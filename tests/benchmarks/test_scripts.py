import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import (
    history,
    known_differences,
    open_model,
    parity,
    precision,
    processes,
    quick,
    rendering,
    scale,
    soak,
    speed,
    stalled_server,
    truth,
    turns,
    webui,
    width,
)
from benchmarks.common import publish
from benchmarks.peers import Figures
from portcompare.analyse.comparisons import judge_ratio
from portcompare.records.estimates import Comparison, Estimate
from portcompare.records.metrics import round_metrics
from portcompare.records.results import Results
from portcompare.records.work import Work
from tests.loadgen.stalling import latencies_after_stall
from tests.runs import make_run

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {parity: "parity.md", scale: "scale.md"}
SCRIPTS = (
    *(parity, speed, precision, truth, stalled_server, open_model),
    *(width, processes, webui, rendering, history, soak, scale),
)


def figures(rate_rps: float = 1000.0, p50_s: float = 0.001, p99_s: float = 0.01) -> Figures:
    return Figures(rate_rps=rate_rps, p50_s=p50_s, p99_s=p99_s, cpu_ratio=0.5)


def verdicts(lines: list[str]) -> list[str]:
    return re.findall(r"met|missed", "\n".join(lines))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_what_a_script_publishes_has_a_place(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text((DOCS / PAGES.get(script, "benchmarks.md")).read_text())
    monkeypatch.setattr(script, "publish", lambda name, lines, **_: publish(name, lines, page=page))
    monkeypatch.setattr(script, "measure", lambda *_: None)
    monkeypatch.setattr(script, "describe", lambda _: ["what was measured"])
    script.main()
    assert page.read_text().count("what was measured") == 1
    assert f"-m {script.__name__}" in page.read_text()


def of_speed(locust_rps: float, wrk_rps: float) -> list[str]:
    sides = {"portcompare": [figures()], "FastHttpUser": [figures(locust_rps)], "wrk": [figures(wrk_rps)]}
    return speed.describe_one(sides)


def of_truth(ours: list[truth.Told], others: list[truth.Told]) -> list[str]:
    return truth.describe({"1 ms": {"portcompare": ours, "Locust": others}})


# Measured and true p99 rise together: each round is near, though the rounds are far apart.
NEAR = [
    truth.Told(measured=figures(p99_s=p99_s + 140e-6), true=figures(p99_s=p99_s))
    for p99_s in (0.01, 0.02, 0.03)
]
OFF = [truth.Told(measured=figures(p50_s=0.00116), true=figures())]


def of_open_model(rate_rps: float, lag_s: float) -> list[str]:
    generator = {"lag_p99_s": lag_s, "lag_max_s": lag_s, "cpu_ratio": 0.5}
    said: dict[str, Any] = {"rate_rps": rate_rps, "offered_rps": 1000.0, "dropped": 0, "errors": 0}
    said |= {"latency_s": {"p99": 0.001}, "generator": generator}
    return open_model.describe(open_model.Open(closed_rps={8: 2000.0}, planned_rps=1000, rounds=[said]))


def of_stall(p99_s: float) -> list[str]:
    first, *rest = stalled_server.NAMES
    other = stalled_server.Found(p99_s=0.0, max_s=0.0, slow=0)
    ours = stalled_server.Found(p99_s=p99_s, max_s=1.01, slow=180)
    return stalled_server.describe({first: [ours], **{name: [other] for name in rest}})


def of_width(rate_rps: float, cpu_ratio: float, errors: int, own_bytes: float) -> list[str]:
    done = Figures(rate_rps=rate_rps, p50_s=5.0, p99_s=5.0, errors=errors, cpu_ratio=cpu_ratio)
    memory = {"LeanUser": [own_bytes], "FastHttpUser": [20.0]}
    return width.describe(width.Width(bound_rps=100.0, loaded=[done], bytes_per_user=memory))


def of_rendering(took_s: float, html_bytes: int) -> list[str]:
    made = rendering.Rendered(took_s=1.0, files=9, size_bytes=10, html_bytes=html_bytes)
    return rendering.describe([made, replace(made, took_s=took_s), replace(made, took_s=2.0)])


def of_history(slowest_s: float) -> list[str]:
    return history.describe({history.LISTED: [0.1, slowest_s], history.COMMAND: [9.0], history.MADE: [9.0]})


def of_quick(took_s: float, *, valid: bool) -> list[str]:
    run = replace(make_run(0, blocks=2), valid=valid, work=Work())
    return quick.describe([quick.QuickRun(took_s=took_s, results=run)])


def of_parity(
    cases: int = 300, seconds: float = 19.9, differing_s: float = 39.9, shown: int = 40, false: int = 0
) -> list[str]:
    def check(seconds: float, differences: int) -> parity.Check:
        found = [{"case": f"GET /{n}", "allowed": "", "severity": "changes"} for n in range(differences)]
        return parity.Check(seconds=seconds, parity={"cases": cases, "differences": found})

    quick = [check(1.0, 0), check(seconds, 0)]
    return parity.describe(
        {"alike": quick, "differing": [check(differing_s, shown)], "restless": [check(1.0, false)]}
    )


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (of_speed(200.0, 1250.0), "met met"),
        (of_speed(201.0, 1251.0), "missed missed"),
        (of_truth(NEAR, OFF), "met met"),
        (of_truth(OFF, NEAR), "missed met"),
        (of_open_model(995.0, 9e-4), "met met"),
        (of_open_model(985.0, 2e-3), "missed missed"),
        (of_stall(0.97), "met"),
        (of_stall(0.93), "missed"),
        (of_stall(0.001), "missed"),
        (of_width(96.0, 0.5, 0, 10.0), "met met met met"),
        (of_width(94.0, 0.7, 1, 11.0), "missed missed missed missed"),
        (of_rendering(2.9, 2_900_000), "met met"),
        (of_rendering(3.1, 3_100_000), "missed missed"),
        (of_quick(179.0, valid=True), "met met"),
        (of_quick(181.0, valid=False), "missed missed"),
        (of_history(0.9), "met"),
        (of_history(1.1), "missed"),
        (of_parity(), "met met met met met"),
        (of_parity(cases=299), "missed met met met met"),
        (of_parity(seconds=20.0), "met missed met met met"),
        (of_parity(shown=39, differing_s=40.0), "met met missed missed met"),
        (of_parity(false=1), "met met met met missed"),
    ],
)
def test_figures_are_judged_by_the_worst_round(lines: list[str], expected: str) -> None:
    assert verdicts(lines) == expected.split()


def test_precision_is_judged_by_wrk_and_not_by_locust() -> None:
    far = figures(p50_s=1.0, p99_s=1.0)
    sides = {"portcompare": [figures()], "wrk": [figures(p50_s=0.00104, p99_s=0.011)], "Locust": [far]}
    assert verdicts(precision.describe({1: sides})) == ["met", "missed"]


def test_the_stall_by_hand_is_the_requests_due_in_it() -> None:
    true = stalled_server.by_hand()
    assert true.max_s == 1.0
    assert true.p99_s == pytest.approx(0.97)  # six of the 600 requests are slower: 1, 0.995 ... 0.975
    assert true.slow == sum(one > 0.1 for one in latencies_after_stall(200, 1.0, 600)) == 180


def a_run(**ratios: float) -> Results:
    comparisons = (
        Comparison(
            scenario="fast", level=32.0, metric=metric, candidate=name, ratio=judge_ratio(metric, ratio, 0.05)
        )
        for name, point in ratios.items()
        for metric in round_metrics()
        for ratio in [Estimate(point=point, low=point / 1.01, high=point * 1.01, blocks=5)]
    )
    return replace(make_run(0, blocks=1), comparisons=tuple(comparisons))


@pytest.mark.parametrize(
    ("false", "found", "expected"),
    [(1, 10, ["met"] * 8), (2, 10, ["missed"] * 5 + ["met"] * 3), (0, 9, ["met"] * 6 + ["missed", "met"])],
)
def test_known_differences_are_judged_by_what_was_called_faster_or_slower(
    false: int, found: int, expected: list[str]
) -> None:
    runs = [
        a_run(
            **{"control": 1.1 if number < false else 1.0, "the-same-again": 1.0, "five-percent-more": 1.05},
            **{"ten-percent-more": 1.1 if number < found else 1.05},
        )
        for number in range(10)
    ]
    assert verdicts(known_differences.describe({known_differences.QUIET: runs})) == expected


@pytest.mark.parametrize(("slower", "expected"), [(1.0, "met"), (1.05, "missed")])
def test_turns_are_held_to_what_windows_measure_and_to_how_much_they_know(
    slower: float, expected: str
) -> None:
    pairs = [
        {turns.WINDOWS: make_run(seed), turns.TURNS: make_run(seed, all_slower=slower)} for seed in range(4)
    ]
    lines = turns.describe({known_differences.QUIET: pairs, known_differences.NOISY: []})
    (bias,) = (line for line in lines if line.startswith("| delayed, 1 users"))
    assert verdicts([bias]) == [expected] * len(turns.BIASED)
    assert [line.split(" | ")[1] for line in lines if line.startswith("| quiet")] == list(turns.WAYS)


@pytest.mark.parametrize(
    ("merged", "requests", "told", "expected"),
    [
        ({1: 3, 2: 1}, 4, [{1: 1}, {1: 2, 2: 1}], "met"),
        ({1: 3, 2: 1}, 4, [{1: 2}, {1: 2}], "missed"),  # as many, but others
        ({1: 3}, 4, [{1: 1}, {1: 2}], "missed"),  # not all requests
        ({1: 3}, 3, [{1: 3}], "missed"),  # of one worker alone
        ({}, 0, [{}, {}], "missed"),
    ],
)
def test_histograms_add_up_count_by_count_or_do_not(
    merged: dict[int, int], requests: int, told: list[dict[int, int]], expected: str
) -> None:
    counted = [Counter(one) for one in told]
    account = processes.Account(requests=requests, merged=Counter(merged), reported=counted)
    assert verdicts(processes.describe({"32 users": [account]})) == [expected]


@pytest.mark.parametrize(
    ("cost_s", "first_s", "expected"), [(10.05e-6, 1.9, "met"), (10.2e-6, 2.1, "missed")]
)
def test_the_cost_of_the_web_ui_is_that_beside_none(cost_s: float, first_s: float, expected: str) -> None:
    without = webui.Loaded(rate_rps=1000.0, cpu_s_per_request=10e-6)
    found = {
        webui.WITHOUT: [without] * 2,
        webui.NOBODY: [without] * 2,
        webui.ONE: [replace(without, cpu_s_per_request=cost_s, polls_rps=1.0)] * 2,
        webui.HUNDREDS: [replace(without, rate_rps=900.0, polls_rps=200.0)] * 2,
    }
    *lines, first = webui.describe((found, [first_s]))
    told = [[cell.strip(" *") for cell in line.split("|")] for line in lines]
    by_side = {cells[1]: (cells[8], cells[9]) for cells in told if len(cells) > 8}
    assert by_side[webui.ONE] == ("met", expected)
    assert by_side[webui.HUNDREDS] == ("missed", "met")
    assert expected in first


def test_memory_is_flat_unless_it_surely_grows() -> None:
    noise = [0.1 * (-1) ** number for number in range(100)]
    flat = [(36.0 * number, 100.0 + one) for number, one in enumerate(noise)]
    growing = [(at_s, size + at_s / 360) for at_s, size in flat]
    lines = soak.describe({"portcompare": growing, "servers": flat})
    assert verdicts(lines) == ["missed", "met"]
    assert "| +10.0 (" in lines[2]


def test_what_a_rate_needs_follows_from_what_was_measured() -> None:
    leader = {1: 0.005, 8: 0.012, 32: 0.036}
    one = scale.Round(
        closed_rps=9e4, trusted_rps=5e4, shared=1.1, leader=leader, flask_rps=2e3, quart_rps=4e3
    )
    lines = scale.describe(scale.Scale(rounds=[one], sent_bytes=250.0, received_bytes=500.0))
    (cells,) = ([cell.split()[0] for cell in line[2:].split(" | ")] for line in lines if "1,000,000" in line)
    assert cells == ["1,000,000", "22", "26", "2", "4", "200,000", "500", "250"]
