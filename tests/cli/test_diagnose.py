import json
from pathlib import Path

import pytest

from portcompare.cli import diagnose as cli_diagnose
from portcompare.records.diagnosis import Diagnosis
from portcompare.records.results import Results
from portcompare.run import advice
from tests.conftest import Command
from tests.run.test_advice import ADVICE, MOVE, measured, run_of

PLAN = """
baseline = "old"
candidates = ["new"]
apps.app = { target = "app:app", interface = "wsgi" }
deployments.old = { app = "app", server = "gunicorn" }
deployments.new = { app = "app", server = "waitress" }
scenarios.slow = { request = { path = "/" }, load = { users = [64] } }
"""


def test_advice_comes_first_and_is_tried_if_that_is_wanted(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(*_: object) -> Results:
        return run_of(measured(3.8, 4.2))

    monkeypatch.setattr(cli_diagnose, "diagnose_plan", lambda *_: Diagnosis(advice=(MOVE, ADVICE)))
    monkeypatch.setattr(advice, "compare", compare)
    (tmp_path / "plan.toml").write_text(PLAN)
    code, shown, _ = command("diagnose", str(tmp_path / "plan.toml"))
    assert code == 0
    assert shown.startswith(f"What to do\n  {MOVE.text}")
    tried = json.loads(command("diagnose", str(tmp_path / "plan.toml"), "--try", "--json")[1])["advice"]
    assert [(one["text"], one["outcome"]) for one in tried] == [
        (ADVICE.text, "confirmed"),
        (MOVE.text, "not tried"),
    ]
