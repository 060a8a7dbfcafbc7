import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from portcompare.plan import load_plan
from portcompare.records.diagnosis import Diagnosis
from portcompare.report.sections.diagnosis import diagnosis_lines
from portcompare.run import diagnose
from portcompare.run.progress import Progress
from portcompare.serve.servers import vocabulary

FLASK = """
import time
from flask import Flask

app = Flask(__name__)


@app.get("/sleep/<int:number>")
def sleep(number):
    time.sleep(0.05)
    return str(number)
"""
PLAN = """
baseline = "flask"
candidates = ["quart", "command"]

[apps]
flask = { target = "flask_app:app", interface = "wsgi", directory = "." }
quart = { target = "quart_app:app", interface = "asgi", directory = "." }

[deployments]
flask = { app = "flask", server = "gunicorn", threads = 2 }
quart = { app = "quart", server = "hypercorn" }
command = { app = "flask", command = "python -m gunicorn --bind {host}:{port} flask_app:app" }

[scenarios.slow]
request = { path = "/sleep/3" }
delay_s = 0.05
load = { users = [8] }
"""


def test_a_port_that_blocks_its_loop_is_diagnosed_beside_its_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flask_app.py").write_text(FLASK, encoding="utf-8")
    quart = FLASK.replace("flask", "quart").replace("Flask", "Quart").replace("def ", "async def ")
    (tmp_path / "quart_app.py").write_text(quart, encoding="utf-8")
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    for name, length_s in {"PLAIN_S": 1.0, "WATCHED_S": 2.0}.items():
        monkeypatch.setattr(diagnose, name, length_s)
    monkeypatch.setattr(diagnose, "find_leaks", lambda scenario, *_: ([], (f"{scenario}: one user",)))
    found = diagnose.diagnose_plan(load_plan(tmp_path / "plan.toml", vocabulary()), tmp_path, Progress())
    (line,) = (one for one in found.blocking if one.deployment == "quart")
    assert (line.file, line.function, line.call) == ("quart_app.py", "sleep", "time.sleep")
    assert line.route == "GET /sleep/<int:number>"
    assert line.rule == "ASYNC251"
    assert found.unseen == ()
    watched = {one.deployment: one for one in found.watched}
    assert "<svg" in (tmp_path / watched["quart"].flame_graph).read_text(encoding="utf-8")
    assert watched["quart"].slots == 1
    assert watched["quart"].is_blocked
    assert watched["flask"].slots == 2
    assert "only an app that a `server`" in watched["command"].not_watched
    (slot,) = found.waiting
    assert (slot.kind, slot.deployment, slot.call) == ("slot", "flask", "time.sleep")
    routes = {one.deployment: one for one in found.routes}
    assert routes["quart"].blocked_s + routes["quart"].queued_s > routes["quart"].response_s / 2
    assert found.warnings.count("slow: one user") == 1
    text = "\n".join(diagnosis_lines(found))
    assert f"quart_app.py:{line.line} in sleep: time.sleep: waits for a clock" in text
    assert TypeAdapter(Diagnosis).validate_json(json.dumps(asdict(found))) == found
