from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.pitfalls import __main__ as pitfalls
from benchmarks.pitfalls.upstream import upstream
from portcompare.plan import load_plan
from portcompare.records.diagnosis import Blocking, Diagnosis, Leak, Mistake
from portcompare.serve.servers import vocabulary

NAMES = [*pitfalls.TABLE["apps"], *pitfalls.TABLE["clean"]]


MARKED = dict(pitfalls.marked_lines(pitfalls.HERE / "apps" / "time_sleep"))
FOUND = Blocking(
    deployment="quart",
    scenario="time_sleep",
    file="app.py",
    line=MARKED["app.py"],
    function="with_retries",
    call="time.sleep",
    route="GET /stock/<item>",
    count=3,
    total_s=0.1,
    longest_s=0.04,
    reason="it waits",
)
MISTAKE = Mistake(
    deployment="quart",
    scenario="small_json",
    file="app.py",
    line=3,
    function="",
    call="app.debug",
    count=1,
    reason="debug is on",
)
LEAK = Leak(
    deployment="quart",
    scenario="small_json",
    request="GET /",
    user="a",
    other="b",
    count=1,
    requests=1,
    example="",
)


def test_every_app_has_an_entry_and_every_pitfall_a_marked_line() -> None:
    folders = {kind: {one.name for one in (pitfalls.HERE / kind).iterdir()} for kind in ("apps", "clean")}
    assert {kind: pitfalls.TABLE[kind].keys() for kind in folders} == folders
    assert {kind: len(found) for kind, found in folders.items()} == {"apps": 25, "clean": 12}
    marked = {name: list(pitfalls.marked_lines(pitfalls.HERE / "apps" / name)) for name in folders["apps"]}
    assert all(marked.values()), marked
    assert not any(list(pitfalls.marked_lines(pitfalls.HERE / "clean" / name)) for name in folders["clean"])


@pytest.mark.parametrize("name", NAMES)
def test_each_app_gets_a_plan(name: str, tmp_path: Path) -> None:
    text = pitfalls.make_plan(name, "http://127.0.0.1:9", tmp_path)
    plan = load_plan(tmp_path / "plan.toml", vocabulary(), text)
    assert plan.scenarios.keys() == {name}


@pytest.mark.parametrize(
    ("changes", "named", "others"),
    [
        ({}, 1, 0),
        ({"call": "the line computes"}, 0, 0),  # at the right line, with the wrong cause
        ({"line": 1}, 0, 1),
        ({"file": "helper.py"}, 0, 1),
        ({"deployment": "flask"}, 0, 1),
    ],
)
def test_a_finding_counts_by_its_file_line_and_cause(
    changes: dict[str, Any], named: int, others: int
) -> None:
    diagnosis = Diagnosis(blocking=(replace(FOUND, **changes),))
    expected, beside = pitfalls.judge("time_sleep", diagnosis)
    assert (len(expected), len(beside)) == (named, others)


def test_whatever_is_found_in_a_clean_app_is_false() -> None:
    diagnosis = Diagnosis(blocking=(FOUND,), mistakes=(MISTAKE,), isolation=(LEAK,))
    expected, others = pitfalls.judge("small_json", diagnosis)
    assert (expected, len(others)) == ([], 3)
    clean = pitfalls.Outcome(name="small_json", named="", others=others, took_s=61.0)
    missed = pitfalls.Outcome(name="regex", named="", others=[], took_s=1.0)
    lines = pitfalls.describe([clean, missed])
    assert "\n".join(lines).count("**missed**") == 4
    assert "**not clean**" in lines[8]


def test_the_upstream_responds_with_and_without_a_body_and_leaves_nothing_behind() -> None:
    with upstream() as address, httpx.Client(base_url=address, trust_env=False) as client:
        responses = [client.get("/a"), client.post("/b", content=b"1234"), client.get("/c")]
    assert [each.text for each in responses] == ["{}"] * 3
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)
