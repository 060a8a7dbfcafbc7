"""`portcompare check` of servers that run already, without a load generator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from portcompare.http.requests import http_request
from portcompare.wire.protocol import Prepared
from tests.conftest import Command
from tests.parity.site import Reply, always, serving_all

PLAN = """
baseline = {{ url = "{}" }}
candidates = [{{ url = "{}" }}]

[scenarios.front]
request = {{ path = "/front" }}
load = {{ users = [1] }}

[parity]
vary = []
"""


@pytest.fixture(autouse=True)
def _no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def start(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(
            prepare=lambda _: Prepared(requests={"front": (http_request("/front"),)}, problems={})
        )

    monkeypatch.setattr("portcompare.run.session.start_generator", start)


@pytest.mark.parametrize(("candidate", "code", "headline"), [(200, 0, "alike"), (500, 1, "differ")])
def test_the_exit_code_and_the_first_line_say_whether_the_responses_differ(
    command: Command, tmp_path: Path, candidate: int, code: int, headline: str
) -> None:
    plan, junit = tmp_path / "plan.toml", tmp_path / "junit.xml"
    with serving_all(always(Reply()), always(Reply(status=candidate))) as (old, new):
        plan.write_text(PLAN.format(old.url, new.url))
        found, out, _ = command("check", plan, "--junit", junit)
        as_json = command("check", plan, "--json")

    assert found == as_json[0] == code
    assert headline in out.partition("\n")[0]
    assert ("curl " in out) == (code == 1)
    assert json.loads(as_json[1])["equal"] == (code == 0)
    failures = [int(suite.attrib["failures"]) for suite in ET.parse(junit).getroot()]  # noqa: S314 - our own
    assert (sum(failures) > 0) == (code == 1)
