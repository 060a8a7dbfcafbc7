"""`portcompare run`, and `portcompare check` of servers that run already, without a load generator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from portcompare.cli import run
from portcompare.http.requests import http_request
from portcompare.plan import Plan
from portcompare.records.results import Results
from portcompare.wire.protocol import Prepared
from tests.conftest import Command
from tests.parity.site import Reply, always, serving_all
from tests.runs import make_run

PLAN = Path(__file__).parents[2] / "loadtests" / "plan.toml"


def test_a_folder_with_brackets_in_its_name_is_told_as_it_is(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "compare", lambda *_, **__: make_run(1, blocks=2))
    exit_code, said, _ = command("run", PLAN, "--out", "[a]/[/x]")
    assert exit_code == 0
    assert said.endswith("\nreport: [a]/[/x]/report.html\n")


def test_a_budget_on_the_command_line_replaces_the_plans(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []

    def compare(plan: Plan, *_: object) -> Results:
        plans.append(plan)
        return make_run(1, blocks=2)

    monkeypatch.setattr(run, "compare", compare)
    assert command("run", PLAN, "--out", "run", "--budget", "2m")[0] == 0
    assert [plan.rounds.budget_s for plan in plans] == [120.0]


ADDRESSES = """
baseline = {{ url = "{}" }}
candidates = [{{ url = "{}" }}]

[scenarios.front]
request = {{ path = "/front" }}
load = {{ users = [1] }}

[parity]
vary = []
"""


@pytest.fixture
def _no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def start(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(
            prepare=lambda _: Prepared(requests={"front": (http_request("/front"),)}, problems={})
        )

    monkeypatch.setattr("portcompare.run.session.start_generator", start)


@pytest.mark.usefixtures("_no_generator")
@pytest.mark.parametrize(("candidate", "code", "headline"), [(200, 0, "Alike in "), (500, 1, "Not alike: ")])
def test_the_exit_code_and_the_first_line_say_whether_the_responses_differ(
    command: Command, tmp_path: Path, candidate: int, code: int, headline: str
) -> None:
    plan, junit = tmp_path / "plan.toml", tmp_path / "junit.xml"
    with serving_all(always(Reply()), always(Reply(status=candidate))) as (old, new):
        plan.write_text(ADDRESSES.format(old.url, new.url))
        found, out, _ = command("check", plan, "--junit", junit)
        as_json = command("check", plan, "--json")

    assert found == as_json[0] == code
    assert headline in out.partition("\n")[0]
    assert ("curl " in out) == (code == 1)
    assert (json.loads(as_json[1])["verdict"] == "alike") == (code == 0)
    failures = [int(suite.attrib["failures"]) for suite in ET.parse(junit).getroot()]  # noqa: S314 - our own
    assert (sum(failures) > 0) == (code == 1)
