import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import portcompare.loadgen
from portcompare.http.requests import http_request
from portcompare.records.requests import RequestSpec
from portcompare.wire.protocol import Prepared, ScenarioSource
from tests.loadgen.generator import Generator, expect
from tests.loadgen.scripted import Peer, Watch, serve

Load = Callable[..., Prepared]

IMPORTS = "from locust import User, constant, task\nfrom portcompare.loadgen import LeanUser, http_request\n"
DATA = 'class Data(LeanUser):\n    request = http_request("/data", query={"n": "1"})\n'


@pytest.fixture
def load(generator: Generator, tmp_path: Path) -> Load:
    """Have scenarios of a locustfile loaded."""

    def load_text(text: str, **scenarios: str | RequestSpec | ScenarioSource) -> Prepared:
        locustfile = tmp_path / "locustfile.py"
        locustfile.write_text(text)
        return generator.prepare(locustfile, **scenarios)

    return load_text


def test_a_user_sends_its_request_and_keeps_its_waiting_time_from_the_first_on(
    load: Load, generator: Generator
) -> None:
    watch = Watch()
    load(IMPORTS + DATA + "    wait_time = constant(0.2)\n", data="Data")
    with serve(watch) as server:
        done = generator.run_round(server.url, scenario="data", until=server.more(5))
    assert server.requests[0][1].startswith(b"GET /data?n=1 HTTP/1.1\r\n")
    assert done.error_kinds == {}
    assert done.requests > 0
    assert min(later - sooner for sooner, later in pairwise(watch.arrived_s)) >= 0.18


MIX = """class Mixed(LeanUser):
    requests = {
        http_request("/often"): 6,
        http_request("/posted", method="POST", body="x"): 3,
        http_request("/seldom", method="HEAD"): 1,
    }
"""
OFTEN, POSTED = http_request("/often"), http_request("/posted", method="POST", body="x")
SELDOM = http_request("/seldom", method="HEAD")


def echo_path(peer: Peer) -> None:
    while request := peer.take_request():
        path = request.split()[1]
        body = b"" if request.startswith(b"HEAD") else path
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), body))


def test_a_mix_is_sent_by_weight_and_each_request_has_its_own_expectation(
    load: Load, generator: Generator
) -> None:
    prepared = load(IMPORTS + MIX, mixed="Mixed")
    assert prepared.requests == {"mixed": (OFTEN, POSTED, SELDOM)}
    expectations = {place: expect(body) for place, body in enumerate((b"/often", b"/posted", b""))}
    with serve(echo_path) as server:
        done = generator.run_round(
            server.url, scenario="mixed", expectations=expectations, until=server.more(1000)
        )
        assert done.error_kinds == {}
        paths = Counter(request.split()[1] for _, request in server.requests)
        assert set(paths) == {b"/often", b"/posted", b"/seldom"}
        assert paths[b"/often"] / paths.total() == pytest.approx(0.6, abs=0.07)
        assert paths[b"/seldom"] / paths.total() == pytest.approx(0.1, abs=0.04)
        wrong = expectations | {1: expect(b"")}
        done = generator.run_round(server.url, scenario="mixed", expectations=wrong)
    assert set(done.error_kinds) == {"wrong body (POST /posted)"}
    assert done.requests > done.error_kinds["wrong body (POST /posted)"] > 0


@pytest.mark.parametrize(
    ("text", "scenario", "found", "remedy"),
    [
        (
            "class Data(LeanUser):\n    pass\n",
            "Data",
            "Data has no request",
            'give it one: request = http_request("/path")',
        ),
        (
            """from portcompare.loadgen import login_step
class Data(LeanUser):
    login = [login_step(http_request('/login'), keep={'token': 'json:/token'})]
    request = http_request('/', headers={'X': '{tokn}'})
""",
            "Data",
            "nothing fills {tokn} in Data",
            "name a column or what a login keeps; kept until there: token",
        ),
        (
            DATA + DATA.replace("Data", "Another"),
            "Dta",
            "there is no user class 'Dta'",
            "the locustfile's user classes: Another, Data",
        ),
        ("", "Data", "there is no user class 'Data'", "the locustfile's user classes: none"),
    ],
)
def test_what_is_wrong_with_a_user_class_is_a_problem_before_any_round(
    load: Load, text: str, scenario: str, found: str, remedy: str
) -> None:
    prepared = load(IMPORTS + text, data=scenario)
    assert (prepared.requests, prepared.problems) == ({}, {"data": (found, remedy)})


def test_the_requests_of_a_user_that_is_not_lean_are_not_known_yet_and_it_cannot_be_paced(load: Load) -> None:
    text = IMPORTS + DATA + "class Own(User):\n    @task\n    def go(self):\n        pass\n"
    prepared = load(text, own="Own", data="Data", rates=ScenarioSource(user="Own", is_paced=True))
    assert (list(prepared.requests), prepared.to_capture) == (["data"], ("own",))
    assert prepared.problems == {
        "rates": (
            "Own is no LeanUser, and no other class sends a request when it is due",
            "load it by `users`, or derive it from portcompare.loadgen.LeanUser",
        )
    }


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("x = 1\ny = = 2\n", "SyntaxError: invalid syntax (locustfile.py, line 2)"),
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('not today')\n", "SystemExit: not today"),
    ],
    ids=["syntax", "import", "exit"],
)
def test_what_a_locustfile_raises_is_a_problem_of_its_scenarios_only(
    load: Load, tmp_path: Path, text: str, raised: str
) -> None:
    ping = http_request("/ping")
    prepared = load(text, one="One", two="Two", ping=ping)
    problem = (f"the locustfile cannot be loaded: {raised}", f"correct {tmp_path / 'locustfile.py'}")
    assert prepared.problems == {"one": problem, "two": problem}
    assert prepared.requests == {"ping": (ping,)}
    assert load(text, ping=ping).problems == {}  # it is not loaded for requests alone


def test_a_locustfile_that_is_not_there_is_a_problem(generator: Generator, tmp_path: Path) -> None:
    missing = tmp_path / "missing.py"
    assert generator.prepare(data="Data").problems["data"][0] == "there is no user class 'Data'"
    found, remedy = generator.prepare(missing, data="Data").problems["data"]
    assert found.startswith("the locustfile cannot be loaded: FileNotFoundError")
    assert remedy == f"correct {missing}"


def test_what_a_locustfile_prints_goes_to_the_log_and_not_between_the_replies(
    load: Load, generator: Generator
) -> None:
    printing = "import os\nprint('printed by the locustfile', flush=True)\nos.write(1, b'written by it\\n')\n"
    assert list(load(printing + IMPORTS + DATA, data="Data").requests) == ["data"]
    assert "printed by the locustfile\n" in generator.log
    assert "written by it\n" in generator.log


def test_the_modules_without_locust_leave_the_process_alone_and_locustfiles_get_what_they_need() -> None:
    modules = ("connection", "declare", "figures", "open_model", "window")
    imported = ", ".join(f"portcompare.loadgen.{module}" for module in modules)
    code = (
        f"import socket, sys, {imported}; print('locust' in sys.modules, socket.socket.__module__);"
        "from portcompare.loadgen import *; print(LeanUser.__module__, declare_targets.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False socket\nportcompare.loadgen.user portcompare.loadgen.steps\n"


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"portcompare\.loadgen.*no attribute 'FatUser'"):
        _ = portcompare.loadgen.FatUser
