import json
from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.analyse.work import compare_work
from portcompare.cli import work as cli_work
from portcompare.cli.options import SCHEMA_VERSION
from portcompare.records.work import Work
from tests.analyse.test_work import a_work
from tests.conftest import Command
from tests.runs import NEW, OLD

TWINS = Path(__file__).parents[2] / "loadtests/plan.toml"


@pytest.mark.parametrize("not_counted", [{}, {"flask-waitress": "it ended"}])
def test_json_contains_each_count_and_a_deployment_without_one_makes_it_not_valid(
    not_counted: dict[str, str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Work = replace(compare_work(a_work(), OLD, 0.01), not_counted=not_counted)
    monkeypatch.setattr(cli_work, "count_plan", lambda *_: found)
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = command("work", str(TWINS), "--json")
    written = json.loads(out)
    assert (code, written["schema_version"]) == (3 if not_counted else 0, SCHEMA_VERSION)
    assert written["not_counted"] == not_counted
    assert [
        (one["deployment"], one["scenario"], one["instructions_per_request"], one["counter"])
        for one in written["deployments"]
    ] == [(OLD, "delayed", 1e6, "callgrind"), (NEW, "delayed", 2e6, "callgrind")]
    assert all(f"not counted: {name}: {why}" in err for name, why in not_counted.items())
    shown = command("work", str(TWINS))[1]
    assert "2.000x" in shown
    assert "dearer" in shown
