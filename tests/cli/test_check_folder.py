"""`portcompare check --out`: all that a check has found, as files."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from portcompare.http.requests import http_request
from portcompare.run.check import show_warnings
from portcompare.serve.recipe import resolve_deployment
from portcompare.wire.protocol import Prepared
from tests.conftest import Command
from tests.parity.site import Received, Reply, always, serving_all
from tests.serve.support import write_plan

REQUESTS = [f"/{name}" for name in "abcde"]
PLAN = """
baseline = {{ url = "{}" }}
candidates = [{{ url = "{}" }}]

[scenarios.front]
request = {{ path = "/a" }}
load = {{ users = [1] }}

[parity]
vary = []
"""
FILES = {"check.json", "report.txt", "junit.xml", "commands.sh"}


@pytest.fixture(autouse=True)
def _no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def start(log_path: Path, *_: object) -> Iterator[SimpleNamespace]:
        log_path.write_text("")
        requests = {"front": tuple(map(http_request, REQUESTS))}
        yield SimpleNamespace(prepare=lambda _: Prepared(requests=requests, problems={}))

    monkeypatch.setattr("portcompare.run.session.start_generator", start)


def broken(received: Received) -> Reply:
    return Reply(body=received.target.encode())


def test_the_folder_has_all_that_was_found(command: Command, tmp_path: Path) -> None:
    plan, folder = tmp_path / "plan.toml", tmp_path / "found" / "today"
    with serving_all(always(Reply()), broken) as (old, new):
        plan.write_text(PLAN.format(old.url, new.url))
        code, said, _ = command("check", plan, "--out", folder)
        json_code, as_json, _ = command("check", plan, "--json")
    assert (code, json_code, json.loads(as_json)["verdict"]) == (1, 1, "different")
    assert said.startswith("Not alike: ")
    assert {path.name for path in folder.iterdir()} >= FILES
    assert json.loads((folder / "check.json").read_text()).keys() == json.loads(as_json).keys()
    commands = (folder / "commands.sh").read_text()
    report = (folder / "report.txt").read_text()
    assert all(f"{old.url}{path}" in commands and f"GET {path} " in report for path in REQUESTS)
    assert ET.parse(folder / "junit.xml").getroot()[0].attrib["failures"] == "6"  # noqa: S314 - our own
    assert said.count("  curl ") == 6
    assert f"{folder / 'commands.sh'} has all" in said.replace("\n", " ")
    assert "--out DIR" not in said


def test_of_servers_that_are_alike_there_is_no_command_and_the_terminal_says_how_to_keep_all(
    command: Command, tmp_path: Path
) -> None:
    plan, junit = tmp_path / "plan.toml", tmp_path / "junit.xml"
    with serving_all(always(Reply()), always(Reply())) as (old, new):
        plan.write_text(PLAN.format(old.url, new.url))
        code, said, _ = command("check", plan, "--junit", junit)
        json_code, as_json, _ = command("check", plan, "--json")
    assert (code, json_code, json.loads(as_json)["verdict"]) == (0, 0, "alike")
    assert said.startswith("Alike in ")
    assert "curl " not in said
    assert "`--out DIR` keeps all" in said
    assert {suite.attrib["failures"] for suite in ET.parse(junit).getroot()} == {"0"}  # noqa: S314 - our own


@pytest.mark.parametrize(("file", "kind"), [("check.json", "check"), ("results.json", "run")])
@pytest.mark.parametrize("what", ["check", "run"])
def test_a_folder_that_is_in_use_is_refused(
    command: Command, tmp_path: Path, file: str, kind: str, what: str
) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN.format("http://127.0.0.1:9", "http://127.0.0.1:9"))
    (tmp_path / file).write_text("{}")
    code, _, said = command(what, plan, "--out", tmp_path)
    assert code == 2
    assert f"holds a {kind} already ({file})" in said


def test_a_plan_that_cannot_be_checked_leaves_no_folder(command: Command, tmp_path: Path) -> None:
    plan, folder = tmp_path / "plan.toml", tmp_path / "found"
    plan.write_text(PLAN.format("http://127.0.0.1:9", "http://127.0.0.1:9"))
    code, _, _ = command("check", plan, "--out", folder)
    assert code == 2
    assert not folder.exists()


def test_the_block_for_known_differences_can_be_pasted_into_the_plan(
    command: Command, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.toml"
    vary, refused = Reply(headers=(("Vary", "Cookie"),)), Reply()
    with serving_all(always(vary), always(refused)) as (old, new):
        plan.write_text(PLAN.format(old.url, new.url))
        code, said, _ = command("check", plan)
        block = said[said.index("[[parity.allow]]") :].partition("\n\n")[0]
        plan.write_text(f"{plan.read_text()}\n{block}\n")
        again, allowed, _ = command("check", plan)
    assert (code, again) == (1, 0)
    assert said.startswith("Not alike, but only known differences remain")
    assert tomllib.loads(block)["parity"]["allow"][0]["known"] == ["session-vary"]
    assert "Allowed by the plan:" in allowed


def test_servers_log_what_the_app_leaves_open_unless_the_plan_or_the_user_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    ignoring = "environment = { PYTHONWARNINGS = 'ignore' }"
    plan = write_plan(tmp_path, {"gunicorn": "", "waitress": ignoring})
    variables = {
        name: resolve_deployment(show_warnings(plan), name).variables(name)["PYTHONWARNINGS"]
        for name in plan.deployments
    }
    assert variables == {"gunicorn": "default::ResourceWarning", "waitress": "ignore"}
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert show_warnings(plan) == plan
