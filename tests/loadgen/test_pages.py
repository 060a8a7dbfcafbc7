"""The pages about users say what the code does."""

import json
import re
import tomllib
from pathlib import Path

import certifi
import pytest

from portcompare.http import responses
from portcompare.loadgen import connection
from portcompare.loadgen.connection import UNRESOLVABLE
from portcompare.loadgen.tallies import NOT_SENT
from portcompare.wire.protocol import REFUSED, RESET, TIMEOUT, WRONG_BODY
from tests.loadgen.generator import Generator
from tests.loadgen.scripted import Peer, response_of, serve

DOCS = Path(__file__).parents[2] / "docs"
LEAN_PAGE = (DOCS / "lean-user.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", LEAN_PAGE, re.MULTILINE | re.DOTALL)
LOCUST_PAGE = (DOCS / "locust-users.md").read_text(encoding="utf-8")
(LOCUSTFILE,) = re.findall(r"^```python\n(.*?)^```", LOCUST_PAGE, re.MULTILINE | re.DOTALL)
(PLAN,) = re.findall(r"^```toml\n(.*?)^```", LOCUST_PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_is_a_locustfile_whose_classes_can_be_used(
    generator: Generator, tmp_path: Path, snippet: str
) -> None:
    locustfile = tmp_path / "locustfile.py"
    # The snippet's bundle is not at hand; the class can be used with one that is.
    locustfile.write_text(snippet.replace('"company-ca.pem"', repr(certifi.where())))
    (tmp_path / "items.csv").write_text("id,word\n1,tea\n")
    (tmp_path / "users.csv").write_text("user,password\nann,secret\n")
    (name,) = re.findall(r"^class (\w+)\(LeanUser\)", snippet, re.MULTILINE)
    assert generator.prepare(locustfile, shown=name).problems == {}


def test_each_kind_of_failure_is_in_the_table() -> None:
    listed = set(re.findall(r"^\| `([^`]+)`", LEAN_PAGE.partition("## What is counted")[2], re.MULTILINE))
    kinds = {
        value
        for module in (responses, connection)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
    assert kinds <= listed
    assert listed - kinds == {"status 500", "wrong body", "login: status 401 (POST /login)", NOT_SENT}


def play_shop(peer: Peer) -> None:
    while peer.take_request():
        peer.sock.sendall(response_of("200 OK", json.dumps({"items": [{"id": 3}]}).encode()))


def test_the_class_of_locust_s_own_is_captured_and_runs(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scenario = tomllib.loads(PLAN)["scenarios"]["shopping"]
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(LOCUSTFILE.replace("between(0.1, 0.5)", "between(0.001, 0.005)"))
    assert generator.prepare(locustfile, scenario=scenario["user"]).to_capture == ("scenario",)
    with serve(play_shop) as server:
        captured = generator.capture(server.url)
        assert captured.problem is None
        assert captured.requests[0].name == "POST /login"
        assert {one.name for one in captured.requests[1:]} == {"GET /items", "GET /items/3", "POST /orders"}
        assert generator.run_round(server.url, users=2).error_kinds == {}


def test_the_failures_of_locust_s_own_users_are_in_their_table() -> None:
    table = LOCUST_PAGE.partition("| failure |")[2].partition("\n\n")[0]
    for kind in (REFUSED, RESET, UNRESOLVABLE, TIMEOUT, f"{WRONG_BODY} (GET /items)", "other failures"):
        assert f"`{kind}`" in table
