import json
from pathlib import Path

import pytest

from portcompare.cli import diagnose as cli_diagnose
from portcompare.records.diagnosis import DIAGNOSIS_FILE, Diagnosis
from portcompare.records.results import Results
from portcompare.run import advice
from tests.analyse.samples import ADVICE
from tests.conftest import Command
from tests.run.test_advice import MOVE, measured, run_of

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
