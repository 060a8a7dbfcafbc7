"""No secret of a plan reaches an output: one canary stands in each place that a plan has."""

import re
import sys
import time
from pathlib import Path

from portcompare.plan.keys import plan_keys
from tests.e2e.conftest import TWO_BLOCKS, Start
from tests.e2e.processes import command_of, processes_below

# Each key that can hold text, where the plan below holds its canary.
PLACED = {
    *(f"apps.NAME.{key}" for key in ("target", "environment", "ready_path", "setup", "teardown")),
    *("apps.NAME.block_setup", "apps.NAME.block_teardown"),
    *("deployments.NAME.command", "deployments.NAME.environment"),
    *(f"scenarios.NAME.request.{key}" for key in ("path", "query", "headers", "cookies", "json", "form")),
    *(f"scenarios.NAME.request.{key}" for key in ("multipart", "body", "body_file", "values")),
    *("scenarios.NAME.requests", "scenarios.NAME.login", "parity.requests"),
}
WITHOUT = {
    "its values are names or addresses of the plan's, which every report shows": {
        *("name", "baseline", "candidates", "host", "gates.scenario", "gates.candidate", "gates.against"),
        *(f"deployments.NAME.{key}" for key in ("app", "server")),
        *(f"scenarios.NAME.{key}" for key in ("user", "request.name", "request.method", "slots")),
        *("pages.NAME.scenario", "cost.currency", "claims.NAME.text", "claims.NAME.checks.name"),
        *(f"claims.NAME.checks.{key}" for key in ("of.arm", "of.scenario", "of.page", "to")),
        *(f"parity.allow.{key}" for key in ("reason", "case", "deployment", "kind", "pointer", "known")),
        *("scenarios.NAME.delay_parameter", "break_even.parameter", "rounds.margin"),
    },
    "it is the path of a file or folder, whose content is no part of a report": {
        *("include", "locustfile", "apps.NAME.directory", "apps.NAME.python", "apps.NAME.pythonpath"),
    },
    "an address with a password is refused": {"deployments.NAME.url"},
    "it says where a value stands, or which paths are meant": {
        *("scenarios.NAME.login.keep", "parity.vary", "parity.openapi"),
    },
    "it is masked as any path of a request is": {"break_even.path", "pages.NAME.path"},
}

APP = """
import json, os, sys

def make(password):
    def app(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode(errors="replace")
        print("environment:", {k: v for k, v in os.environ.items() if "API_KEY" in k})
        print(environ["REQUEST_METHOD"], environ["PATH_INFO"] + "?" + environ["QUERY_STRING"])
        print("Authorization: " + environ.get("HTTP_AUTHORIZATION", "none"))
        if environ["PATH_INFO"] == "/json":
            print(body)
        status = "500 Oops" if "fail" in environ["PATH_INFO"] else "200 OK"
        answer = {"token": environ.get("HTTP_AUTHORIZATION"), "side": os.environ["SIDE"]}
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]
    return app
"""
SERVE = """
import sys
from waitress import serve
from app import make
serve(make(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), threads=4)
"""
PLAN = """
baseline = "old"
candidates = ["new"]

[apps.one]
target = 'app:make(password="C(target)")'
interface = "wsgi"
directory = "."
environment = { API_KEY = "C(environment)", SIDE = "old" }
ready_path = "/ready?token=C(ready_path)"
setup = ["DB_PASS=C(setup) sh -c 'sleep 0.1'"]
teardown = ["DB_PASS=C(teardown) true"]
block_setup = ["DB_PASS=C(block_setup) true"]
block_teardown = ["DB_PASS=C(block_teardown) true"]

[deployments.old]
app = "one"
server = "waitress"
environment = { SESSION_KEY = "C(own_environment)" }

[deployments.new]
app = "one"
command = "PYTHON serve.py {port} --password C(command)"
environment = { SIDE = "new" }

[scenarios.one]
login = [{ method = "POST", path = "/login", form = { user = "ann", password = "C(form)" } }]
requests = [
    { path = "/plain?sig=C(path)", query = { api_key = "C(query)" } },
    { path = "/headers", headers = { Authorization = "Bearer C(header)" }, cookies = { sid = "C(cookie)" } },
    { method = "POST", path = "/json", json = { password = "C(json)" } },
    { method = "POST", path = "/multipart", multipart = { secret = "C(multipart)" } },
    { method = "POST", path = "/body", body = "password=C(body)" },
    { method = "POST", path = "/file", body_file = "body.txt" },
    { path = "/rows?token={token}", values = "rows.csv" },
]
load = { users = [2] }

[parity]
requests = [
    { path = "/other?password=C(parity)" },
    { path = "/fail?token=C(fault)", expect = { status = 500 } },
]
vary = []

[[parity.allow]]
case = "*"
reason = "they are meant to differ"
"""


def test_every_key_that_can_hold_text_has_a_canary_or_a_reason_why_not() -> None:
    keys = {
        key.path for key in plan_keys() if any(word in key.type for word in ("string", "table", "any value"))
    }
    assert keys == PLACED.union(*WITHOUT.values())


def test_no_secret_of_a_plan_reaches_an_output(tmp_path: Path, start: Start) -> None:
    canaries = {name: f"canary{number}q" for number, name in enumerate(re.findall(r"C\((\w+)\)", PLAN))}
    canaries |= {"file": "canaryfileq", "row": "canaryrowq"}
    text = re.sub(r"C\((\w+)\)", lambda found: canaries[found[1]], PLAN).replace("PYTHON", sys.executable)
    (tmp_path / "plan.toml").write_text(text + TWO_BLOCKS.replace("900", "60"))
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "serve.py").write_text(SERVE)
    (tmp_path / "body.txt").write_text(f"password={canaries['file']}")
    (tmp_path / "rows.csv").write_text(f"token\n{canaries['row']}\n")
    seen: dict[str, str] = {}
    for command in (
        ["run", "plan.toml", "--out", "run"],
        ["check", "plan.toml", "--out", "checked", "--verbose"],
    ):
        process = start(*command)
        while process.poll() is None:
            for each in processes_below(process.pid):
                seen[f"ps of {each.pid}"] = " ".join(command_of(each))
            time.sleep(0.1)
        seen |= dict(
            zip((f"stdout of {command[0]}", f"stderr of {command[0]}"), process.communicate(), strict=True)
        )
    for command in (["report", "run", "--verbose"], ["history", ".", "--json"]):
        process = start(*command)
        seen |= {f"{command[0]}": "".join(process.communicate())}
    outputs = [
        path for folder in ("run", "checked") for path in (tmp_path / folder).rglob("*") if path.is_file()
    ]
    seen |= {str(path.relative_to(tmp_path)): path.read_text(errors="replace") for path in outputs}
    assert {"run/results.json", "run/report.html", "run/junit.xml", "checked/check.json"} <= seen.keys()
    assert "they are meant to differ" in seen["run/report.md"]
    found = {
        (where, name)
        for where, output in seen.items()
        for name, canary in canaries.items()
        if canary in output and not (where.startswith("ps") and name == "command")  # a command's own words
    }
    assert found == set()
