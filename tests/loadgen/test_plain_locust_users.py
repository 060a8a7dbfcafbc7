"""What users of a locustfile can declare, and how they end, under plain Locust."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.loadgen.plain import LOCUSTFILE, have_asked, locust
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.loadgen.scripted import Peer


def test_each_request_of_a_mix_has_its_own_line(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, declare_targets, http_request\n"
        'declare_targets("old", "new")\n'
        "class Visitor(LeanUser):\n"
        '    requests = {http_request("/"): 2, http_request("/data", method="POST", name="send"): 1}\n'
    )
    play = answering(OK, delay_s=0.002)
    with serve(play) as old, serve(play) as new:
        ended = locust(
            locustfile,
            *("--old-url", old.url, "--new-url", new.url, "-u2", "-r2"),
            until=lambda: all(have_asked(server, users=1, times=60) for server in (old, new)),
        )
    assert ended.returncode == 0, ended.stderr
    lines = {(line["name"], line["method"]): line["num_requests"] for line in json.loads(ended.stdout)}
    assert set(lines) == {("old /", "GET"), ("new /", "GET"), ("old send", "POST"), ("new send", "POST")}
    assert lines["old /", "GET"] > lines["old send", "POST"] > 5
    first = [[request.split()[:2] for _, request in server.requests[:60]] for server in (old, new)]
    assert first[0] == first[1]  # what one target is asked for, the other is too


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (
            "requests = {}",
            "Data's `requests` is not a dict of requests and their weights: write requests = {",
        ),
        (
            'request = http_request("data")',
            "Data cannot send 'GET data': the path 'data' does not begin with /",
        ),
    ],
)
def test_a_class_that_cannot_be_used_ends_locust_with_one_line(
    tmp_path: Path, declared: str, said: str
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        f"from portcompare.loadgen import LeanUser, http_request\nclass Data(LeanUser):\n    {declared}\n"
    )
    ended = locust(locustfile, "--host", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(said)
    assert "Traceback" not in ended.stderr


def test_an_address_that_is_none_ends_locust_with_one_line() -> None:
    ended = locust(LOCUSTFILE, "--flask-url", "127.0.0.1:8001")
    assert ended.returncode == 1
    assert ended.stderr.endswith(
        "\n'127.0.0.1:8001' is not the address of a server: it must begin with http:// or https:// "
        "and name a host\n"
    )
    assert "Traceback" not in ended.stderr


STOPPING = """
import time
import gevent
import gevent.event
from locust import events
from portcompare.loadgen import LeanUser, http_request

class Data(LeanUser):
    request = http_request("/data")

    def __init__(self, environment):
        super().__init__(environment)
        self._stint_s = 3600.0  # so that only the wish to stop can end it

    def ask(self, due_s=None):
        super().ask(due_s)
        if not self._is_new:
            busy.add(self)
        if len(busy) == 4:
            all_busy.set()

busy, all_busy = set(), gevent.event.Event()

@events.spawning_complete.add_listener
def stop_soon(user_count, **_):
    gevent.spawn(stop)

def stop():
    runner = stop.environment.runner
    assert all_busy.wait(20)
    stop.environment.stop_timeout = 20
    started_s = time.perf_counter()
    runner.stop()
    print(f"stopped {time.perf_counter() - started_s}", flush=True)
    runner.quit()

@events.init.add_listener
def keep(environment, **_):
    stop.environment = environment
"""


def test_a_user_told_to_stop_gets_its_answer_and_stops(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(STOPPING)
    answered: list[int] = []

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.wait(0.05)
            peer.sock.sendall(OK)
            answered.append(peer.number)

    with serve(play) as server:
        ended = locust(locustfile, "--host", server.url, "-u4", "-r4")
    stopped_s = float(ended.stdout.partition("stopped ")[2].split()[0])
    assert stopped_s < 1
    assert ended.returncode == 0, ended.stderr
    # None was cut off: what was asked for was answered, and counted.
    assert len(server.requests) == len(answered)
    counted = json.loads(ended.stdout.partition("\n")[2])
    assert [line["num_requests"] for line in counted] == [len(answered)]
