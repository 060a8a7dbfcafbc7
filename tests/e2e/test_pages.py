import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from portcompare.report.formats.results_file import results_schema
from tests.e2e.conftest import ROOT

PLAN = f"""
baseline = "flask"
candidates = ["quart"]

[apps.flask]
target = "sync_flask.app:app"
interface = "wsgi"
directory = "{ROOT}"

[apps.quart]
target = "async_quart.app:app"
interface = "asgi"
directory = "{ROOT}"

[deployments.flask]
app = "flask"
server = "gunicorn"
threads = 2

[deployments.quart]
app = "quart"
server = "uvicorn"

[scenarios.delayed]
request = {{ path = "/data?delay=0.05" }}
delay_s = 0.05
load = {{ users = [6] }}

[pages.message]
path = "/?delay=0.05"
scenario = "delayed"
users = 6

[parity]
vary = []

[rounds]
seconds = 0.3
min_blocks = 2
max_blocks = 2
"""


@pytest.mark.timeout(300)  # half a minute on a machine that does nothing else
@pytest.mark.usefixtures("has_chromium")
def test_a_run_loads_its_pages_in_a_browser_idle_and_under_load(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    process = start("run", plan, "--out", tmp_path / "run")
    out, err = process.communicate(timeout=280)
    assert process.returncode in (0, 3), err  # 3: so short a run may be too noisy, and says so
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    jsonschema.Draft202012Validator(results_schema()).validate(results)
    pages = results["pages"]
    assert pages["browser"].startswith("Chromium ")
    assert len(pages["visits"]) == 2 * 2 * 3
    for visit in pages["visits"]:
        assert visit["discarded"] is None
        assert [load["failure"] for load in visit["loads"]] == [None, None]
        assert (visit["users_load"] is not None) == bool(visit["users"])
    assert {(one["users"], one["kind"], one["arm"]) for one in pages["summaries"]} == {
        (users, kind, arm)
        for users in (0, 6)
        for kind in ("cold", "warm")
        for arm in ("baseline", "control", "quart")
    }
    assert "page message: While 6 users wait as well" in " ".join(out.split())
    assert "What a visitor waits for" in (tmp_path / "run" / "report.html").read_text()
