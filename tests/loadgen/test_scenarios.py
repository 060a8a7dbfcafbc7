from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.model import http_request
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loadgen.generator import Generator

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
    assert done.error_kinds == {}
    assert 3 <= done.requests <= 9
    assert done.latency_s is not None
    assert done.latency_s.p50 < 0.1


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


def test_a_user_that_is_not_lean_is_a_problem(generator: Generator, locustfile: Path) -> None:
    locustfile.write_text(IMPORTS + "class Fat(User):\n    @task\n    def ask(self):\n        pass\n")
    prepared = generator.prepare(locustfile, fat="Fat")
    assert prepared.problems == {
        "fat": ("Fat is not a LeanUser", "derive it from portcompare.loadgen.LeanUser")
    }


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
