"""A defect that shows under load only."""

import json
from pathlib import Path

from tests.e2e.conftest import ROOT, begin

UNDER_LOAD = "mixed-up-under-load"
ALLOWED = "number-for-text"

PLAN = f"""
baseline = "flask-shop"
candidates = ["{UNDER_LOAD}", "{ALLOWED}"]

[apps.flask]
target = "tests.parity.defects.flask_shop:app"
interface = "wsgi"
directory = "{ROOT}"

[apps.quart]
target = "tests.parity.defects.quart_shop:app"
interface = "asgi"
directory = "{ROOT}"

[deployments.flask-shop]
app = "flask"
server = "waitress"

[deployments.{UNDER_LOAD}]
app = "quart"
server = "uvicorn"
environment = {{ DEFECT = "{UNDER_LOAD}" }}

[deployments.{ALLOWED}]
app = "quart"
server = "uvicorn"
environment = {{ DEFECT = "{ALLOWED}" }}

[parity]
vary = []

[[parity.allow]]
reason = "numbers, as the clients were told"
deployment = "{ALLOWED}"

[scenarios.items]
requests = [{{ path = "/items/1" }}, {{ path = "/items/3" }}]
load = {{ users = [8] }}

[rounds]
seconds = 0.3
warmup_s = 0.05
min_blocks = 2
max_blocks = 2
"""


def test_a_body_that_is_wrong_under_load_only_discards_the_rounds_and_an_allowed_one_does_not(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    process = begin("run", plan, "--out", tmp_path / "run", directory=tmp_path)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["parity"]["equal"]
    assert not results["valid"]
    wrong = {
        one["arm"]
        for one in results["rounds"]
        if any("wrong body" in kind for kind in one["load"]["error_kinds"])
    }
    assert wrong == {UNDER_LOAD}
    reasons = [one["discarded"] for one in results["rounds"] if one["arm"] == UNDER_LOAD]
    assert all(reason and "wrong body" in reason for reason in reasons)
    assert any(UNDER_LOAD in warning and "wrong body" in warning for warning in results["warnings"])
    assert any("of 8 rounds were discarded" in reason for reason in results["invalid_reasons"])
    assert {one["deployment"] for one in results["parity"]["differences"]} == {ALLOWED}
    assert not any(one["load"]["error_kinds"] for one in results["rounds"] if one["arm"] == ALLOWED)
