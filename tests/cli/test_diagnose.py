import json
from dataclasses import replace
from pathlib import Path

import pytest

from portcompare.analyse.work import compare_work
from portcompare.cli import diagnose as cli_diagnose
from portcompare.cli.options import SCHEMA_VERSION
from portcompare.records.diagnosis import DIAGNOSIS_FILE, Diagnosis
from portcompare.records.results import Results
from portcompare.records.work import Work
from portcompare.run import advice
from tests.analyse.samples import ADVICE
from tests.analyse.test_work import a_work
from tests.conftest import Command
from tests.run.test_advice import MOVE, measured, run_of
from tests.runs import NEW, OLD

PLAN = """
baseline = "old"
candidates = ["new"]
apps.app = { target = "app:app", interface = "wsgi" }
deployments.old = { app = "app", server = "gunicorn" }
deployments.new = { app = "app", server = "waitress" }
scenarios.slow = { request = { path = "/" }, load = { users = [64] } }
"""


def test_advice_comes_first_and_is_tried_and_kept_if_that_is_wanted(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: object) -> Results:
        return run_of(measured(3.8, 4.2))

    monkeypatch.setattr(cli_diagnose, "diagnose_plan", lambda *_: Diagnosis(advice=(MOVE, ADVICE)))
    monkeypatch.setattr(advice, "compare", compare)
    (tmp_path / "plan.toml").write_text(PLAN)
    code, shown, _ = command("diagnose", "plan.toml")
    assert code == 0
    assert shown.startswith(f"What to do\n  {MOVE.text}")
    found = json.loads(command("diagnose", "plan.toml", "--try", "--json", "--out", "kept")[1])
    assert found == json.loads((tmp_path / "kept" / DIAGNOSIS_FILE).read_text())
    tried = found["advice"]
    assert [(one["text"], one["outcome"]) for one in tried] == [
        (ADVICE.text, "confirmed"),
        (MOVE.text, "not tried"),
    ]


def test_a_deployment_that_the_plan_does_not_have_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    code, _, problem = command("diagnose", "plan.toml", "--arm", "newer")
    assert (code, "'new'" in problem.partition("--arm: the plan has no 'newer'")[2]) == (2, True)


TWINS = Path(__file__).parents[2] / "loadtests/plan.toml"


@pytest.mark.parametrize("not_counted", [{}, {"flask-waitress": "it ended"}])
def test_json_contains_each_count_and_a_deployment_without_one_makes_it_not_valid(
    not_counted: dict[str, str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Work = replace(compare_work(a_work(), OLD, 0.01), not_counted=not_counted)
    monkeypatch.setattr(cli_diagnose, "count_plan", lambda *_: found)
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
