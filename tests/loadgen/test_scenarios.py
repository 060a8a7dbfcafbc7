from __future__ import annotations

import base64
import time
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from portcompare.http.requests import http_request
from portcompare.records.requests import Expectation
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.records.requests import RequestSpec
    from tests.loadgen.generator import Generator
    from tests.loadgen.scripted import Peer

IMPORTS = "from locust import User, constant, task\nfrom portcompare.loadgen import LeanUser, http_request\n"
DATA = 'class Data(LeanUser):\n    request = http_request("/data", query={"n": "1"})\n'


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    return tmp_path / "locustfile.py"


def test_scenarios_come_from_user_classes_and_from_requests(generator: Generator, locustfile: Path) -> None:
    locustfile.write_text(IMPORTS + DATA)
    ping = http_request("/ping", method="HEAD")
    prepared = generator.prepare(locustfile, data="Data", ping=ping)
    assert prepared.problems == {}
    assert prepared.requests == {"data": (http_request("/data", query={"n": "1"}),), "ping": (ping,)}


def test_a_user_class_asks_for_its_request_and_keeps_its_waiting_time(
    generator: Generator, locustfile: Path
) -> None:
    locustfile.write_text(IMPORTS + DATA + "    wait_time = constant(0.1)\n")
    generator.prepare(locustfile, data="Data")
    with serve(answering(OK)) as server:
        done = generator.run_round(server.url, scenario="data", window_s=0.8)
    assert server.requests[0][1].startswith(b"GET /data?n=1 HTTP/1.1\r\n")
    assert done.load.error_kinds == {}
    assert 3 <= done.load.requests <= 9
    assert done.load.latency_s is not None
    assert done.load.latency_s.p50 < 0.1


@pytest.mark.parametrize("wait_s", [0.1, 0.4])
def test_a_waiting_user_asks_once_and_waits_from_its_first_request_on(
    generator: Generator, locustfile: Path, wait_s: float
) -> None:
    arrivals_s: list[float] = []

    def play(peer: Peer) -> None:
        while peer.take_request():
            arrivals_s.append(time.monotonic())
            peer.sock.sendall(OK)

    locustfile.write_text(IMPORTS + DATA + f"    wait_time = constant({wait_s})\n")
    generator.prepare(locustfile, data="Data")
    with serve(play) as server:
        done = generator.run_round(server.url, scenario="data", window_s=1.0)
    assert done.load.error_kinds == {}
    assert len(arrivals_s) >= 2
    assert min(later - sooner for sooner, later in pairwise(arrivals_s)) >= 0.9 * wait_s


MIX = """class Mixed(LeanUser):
    requests = {
        http_request("/often"): 6,
        http_request("/posted", method="POST", body="x"): 3,
        http_request("/asked", method="HEAD"): 1,
    }
"""
OFTEN, POSTED = http_request("/often"), http_request("/posted", method="POST", body="x")
ASKED = http_request("/asked", method="HEAD")


def answer_by_path(peer: Peer) -> None:
    while request := peer.take_request():
        path = request.split()[1]
        body = b"" if request.startswith(b"HEAD") else path
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), body))


def expect_path(request: RequestSpec) -> Expectation:
    body = "" if request.method == "HEAD" else request.target
    return Expectation(status=200, body_base64=base64.b64encode(body.encode()).decode())


def test_a_mix_is_asked_for_by_weight_and_each_request_has_its_own_expectation(
    generator: Generator, locustfile: Path
) -> None:
    locustfile.write_text(IMPORTS + MIX)
    prepared = generator.prepare(locustfile, mixed="Mixed")
    assert prepared.requests == {"mixed": (OFTEN, POSTED, ASKED)}
    expectations = {place: expect_path(request) for place, request in enumerate((OFTEN, POSTED, ASKED))}
    with serve(answer_by_path) as server:
        done = generator.run_round(server.url, scenario="mixed", window_s=0.8, expectations=expectations)
        assert done.load.error_kinds == {}
        paths = Counter(request.split()[1] for _, request in server.requests)
        assert set(paths) == {b"/often", b"/posted", b"/asked"}
        assert paths.total() > 300
        assert paths[b"/often"] / paths.total() == pytest.approx(0.6, abs=0.12)
        assert paths[b"/asked"] / paths.total() == pytest.approx(0.1, abs=0.07)
        wrong = expectations | {1: Expectation(status=200, body_base64="")}
        done = generator.run_round(server.url, scenario="mixed", expectations=wrong)
    assert set(done.load.error_kinds) == {"wrong body (POST /posted)"}
    assert done.load.requests > done.load.error_kinds["wrong body (POST /posted)"] > 0


def test_a_mix_is_sent_in_the_same_order_in_each_round_and_in_another_by_each_user(
    generator: Generator, locustfile: Path
) -> None:
    locustfile.write_text(IMPORTS + MIX)
    generator.prepare(locustfile, mixed="Mixed")
    rounds: list[set[tuple[bytes, ...]]] = []
    for _ in range(2):
        with serve(answer_by_path) as server:
            generator.run_round(server.url, scenario="mixed", users=2)
        by_user = [
            [request.split()[1] for n, request in server.requests if n == number][:40] for number in (0, 1)
        ]
        rounds.append({tuple(requests) for requests in by_user})
    assert rounds[0] == rounds[1]
    assert len(rounds[0]) == 2


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("requests = {}", "Asking's `requests` is not a dict of requests and their weights"),
        ('requests = {http_request("/a"): -1}', "Asking gives 'GET /a' the weight -1"),
        (
            'request = http_request("/a")\n    requests = {http_request("/b"): 1}',
            "Asking has both `request` and `requests`",
        ),
        (
            'request = http_request("/a", headers={"X": "€"})',
            "Asking cannot send 'GET /a': the header 'X' is not one line of latin-1 text: '€'",
        ),
    ],
)
def test_what_a_user_class_cannot_ask_for_is_a_problem_before_any_round(
    generator: Generator, locustfile: Path, body: str, found: str
) -> None:
    locustfile.write_text(IMPORTS + f"class Asking(LeanUser):\n    {body}\n")
    prepared = generator.prepare(locustfile, asking="Asking")
    assert prepared.requests == {}
    assert prepared.problems["asking"][0] == found


def test_a_user_class_is_spoken_of_with_those_there_are(generator: Generator, locustfile: Path) -> None:
    locustfile.write_text(IMPORTS + DATA + DATA.replace("Data", "Another"))
    prepared = generator.prepare(locustfile, data="Dta")
    assert prepared.requests == {}
    assert prepared.problems == {
        "data": ("there is no user class 'Dta'", "the locustfile's user classes: Another, Data")
    }


@pytest.mark.parametrize("text", ["", None], ids=["without classes", "no locustfile"])
def test_a_user_class_from_nowhere_is_a_problem(
    generator: Generator, locustfile: Path, text: str | None
) -> None:
    if text is not None:
        locustfile.write_text(text)
    prepared = generator.prepare(locustfile if text is not None else None, data="Data")
    assert prepared.problems == {
        "data": ("there is no user class 'Data'", "the locustfile's user classes: none")
    }


def test_what_a_user_that_is_not_lean_asks_for_is_not_known_yet(
    generator: Generator, locustfile: Path
) -> None:
    locustfile.write_text(IMPORTS + DATA + "class Fat(User):\n    @task\n    def ask(self):\n        pass\n")
    prepared = generator.prepare(locustfile, fat="Fat", data="Data")
    assert (list(prepared.requests), prepared.to_capture, prepared.problems) == (["data"], ("fat",), {})


@pytest.mark.parametrize("body", ["pass", 'request = "/data"'])
def test_a_user_class_without_a_request_is_a_problem(
    generator: Generator, locustfile: Path, body: str
) -> None:
    locustfile.write_text(IMPORTS + f"class Idle(LeanUser):\n    {body}\n")
    prepared = generator.prepare(locustfile, idle="Idle")
    assert prepared.problems == {
        "idle": ("Idle has no request", 'give it one: request = http_request("/path")')
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = = 2\n", "SyntaxError: invalid syntax (locustfile.py, line 2)"),
        (
            "import no_such_module_anywhere\n",
            "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
        ),
        ("raise SystemExit('not today')\n", "SystemExit: not today"),
    ],
    ids=["syntax", "import", "exit"],
)
def test_what_a_locustfile_raises_is_a_problem_of_its_scenarios_only(
    generator: Generator, locustfile: Path, text: str, said: str
) -> None:
    locustfile.write_text(text)
    ping = http_request("/ping")
    prepared = generator.prepare(locustfile, one="One", two="Two", ping=ping)
    problem = (f"the locustfile cannot be loaded: {said}", f"correct {locustfile}")
    assert prepared.problems == {"one": problem, "two": problem}
    assert prepared.requests == {"ping": (ping,)}


def test_a_locustfile_that_is_not_there_is_a_problem(generator: Generator, tmp_path: Path) -> None:
    missing = tmp_path / "missing.py"
    found, remedy = generator.prepare(missing, data="Data").problems["data"]
    assert found.startswith("the locustfile cannot be loaded: FileNotFoundError")
    assert remedy == f"correct {missing}"


def test_a_locustfile_is_not_loaded_for_requests_alone(generator: Generator, locustfile: Path) -> None:
    locustfile.write_text("raise SystemExit\n")
    assert generator.prepare(locustfile, ping=http_request("/ping")).problems == {}


def test_what_a_locustfile_prints_goes_to_the_log_and_not_between_the_replies(
    generator: Generator, locustfile: Path
) -> None:
    locustfile.write_text(
        "import os\nprint('printed by the locustfile', flush=True)\nos.write(1, b'written by it\\n')\n"
        + IMPORTS
        + DATA
    )
    prepared = generator.prepare(locustfile, data="Data")
    assert list(prepared.requests) == ["data"]
    assert "printed by the locustfile\n" in generator.log
    assert "written by it\n" in generator.log
