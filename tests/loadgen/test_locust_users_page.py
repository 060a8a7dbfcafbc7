"""The page about Locust's own users says what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.loadgen.connection import REFUSED, RESET, TIMEOUT, UNRESOLVABLE
from portcompare.wire.protocol import WRONG_BODY
from tests.loadgen.scripted import serve

if TYPE_CHECKING:
    import pytest

    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

PAGE = (Path(__file__).parents[2] / "docs" / "locust-users.md").read_text(encoding="utf-8")
(LOCUSTFILE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(PLAN,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def play_shop(peer: Peer) -> None:
    while peer.take_request():
        body = json.dumps({"items": [{"id": 3}]}).encode()
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_the_class_on_the_page_is_captured_and_runs(
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
        assert generator.run_round(server.url, users=2).load.error_kinds == {}


def test_the_table_has_the_names_of_failures() -> None:
    table = PAGE.partition("| failure |")[2].partition("\n\n")[0]
    for kind in (REFUSED, RESET, UNRESOLVABLE, TIMEOUT, f"{WRONG_BODY} (GET /items)", "other failures"):
        assert f"`{kind}`" in table
