"""The same user classes under plain Locust, without the harness."""

import json
from pathlib import Path

import pytest

from tests.loadgen.plain import LOCUSTFILE, have_sent, lines_of, locust
from tests.loadgen.scripted import OK, Peer, responding, response_of, serve

WRONG = response_of("500 Oops", b"")
IMPORTS = "from portcompare.loadgen import LeanUser, Step, Steps, declare_targets, http_request\n"
DATA = 'class Data(LeanUser):\n    request = http_request("/data")\n'


def test_each_target_has_its_own_lines_and_its_share_of_the_users_of_each_class() -> None:
    play = responding(OK, delay_s=0.01)
    with serve(play) as flask, serve(play) as quart:
        # Two users at a time, one of each class: numbering all users alike would send each class elsewhere.
        ended = locust(
            LOCUSTFILE,
            *("--flask-url", flask.url, "--quart-url", quart.url, "-u4", "-r2", "Fast", "Delayed"),
            until=lambda: all(have_sent(server, users=2, times=20) for server in (flask, quart)),
        )
    assert ended.returncode == 0, ended.stderr
    lines = lines_of(ended)
    assert set(lines) == {"flask /data", "quart /data", "flask /data?delay=0.2", "quart /data?delay=0.2"}
    assert all(line["num_failures"] == 0 for line in lines.values())
    assert flask.connections == quart.connections == 2
    for name, server in (("flask", flask), ("quart", quart)):
        counted = sum(line["num_requests"] for line in lines.values() if line["name"].startswith(name))
        assert len(server.requests) - 2 <= counted <= len(server.requests)  # two were cut off by the end
        assert lines[f"{name} /data"]["min_response_time"] >= 9.9


def test_a_single_host_is_loaded_without_a_name_and_failures_are_locusts_own(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(IMPORTS + DATA)
    with serve(responding(OK, WRONG, delay_s=0.01)) as server:
        ended = locust(
            locustfile,
            *("--host", server.url, "-u2", "-r2"),
            until=lambda: have_sent(server, users=2, times=20),
        )
    (line,) = lines_of(ended).values()
    assert line["name"] == "/data"
    assert abs(line["num_requests"] - 2 * line["num_failures"]) <= 2
    assert "status 500" in ended.stderr
    assert ended.returncode == 1  # as Locust has it with failures, also those of its last moment


def test_each_request_of_a_mix_has_its_own_line_and_each_target_the_same_sequence(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        IMPORTS + 'declare_targets("old-one", "new")\nclass Visitor(LeanUser):\n'
        '    requests = {http_request("/"): 2, http_request("/data", method="POST", name="send"): 1}\n'
    )
    play = responding(OK, delay_s=0.002)
    with serve(play) as old, serve(play) as new:
        ended = locust(
            locustfile,
            *("--old-one-url", old.url, "--new-url", new.url, "-u2", "-r2"),
            until=lambda: all(have_sent(server, users=1, times=60) for server in (old, new)),
        )
    assert ended.returncode == 0, ended.stderr
    lines = {(line["name"], line["method"]): line["num_requests"] for line in json.loads(ended.stdout)}
    assert set(lines) == {
        ("old-one /", "GET"),
        ("new /", "GET"),
        ("old-one send", "POST"),
        ("new send", "POST"),
    }
    assert lines["old-one /", "GET"] > lines["old-one send", "POST"] > 5
    first = [[request.split()[:2] for _, request in server.requests[:60]] for server in (old, new)]
    assert first[0] == first[1]


def test_without_a_server_the_error_is_one_line_that_names_the_options() -> None:
    ended = locust(LOCUSTFILE)
    assert ended.returncode == 1
    assert ended.stderr.endswith("\nno server to load: give --flask-url or --quart-url or --host\n")
    assert "Traceback" not in ended.stderr


STOPPING = """
import gevent
import gevent.event
from locust import events
from portcompare.loadgen import LeanUser, http_request

class Data(LeanUser):
    request = http_request("/data")

    def __init__(self, environment):
        super().__init__(environment)
        self._task_s = 3600.0  # so that only the wish to stop can end it

    def send_request(self, due_s=None):
        super().send_request(due_s)
        if not self._is_new:
            busy.add(self)
        if len(busy) == 4:
            all_busy.set()

busy, all_busy = set(), gevent.event.Event()

@events.init.add_listener
def stop_soon(environment, **_):
    environment.stop_timeout = 3600
    gevent.spawn(stop, environment.runner)

def stop(runner):
    all_busy.wait()
    runner.stop()
    runner.quit()
"""


def test_a_user_that_is_to_stop_gets_its_response_and_stops(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(STOPPING)
    sent: list[int] = []

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.wait(0.05)
            peer.sock.sendall(OK)
            sent.append(peer.number)

    with serve(play) as server:
        ended = locust(locustfile, "--host", server.url, "-u4", "-r4")
    assert ended.returncode == 0, ended.stderr
    # None was cut off: each request has its response, and is counted.
    assert len(server.requests) == len(sent)
    assert [line["num_requests"] for line in json.loads(ended.stdout)] == [len(sent)]


# The test sets the clock, and each process leaves a file when it has counted some requests under a label.
STAIRS = """
import os
from collections import Counter
from pathlib import Path
from locust import runners

runners.HEARTBEAT_LIVENESS = 1000  # Locust ends a test whose workers a busy machine keeps waiting for 3 s
FOLDER = Path(__file__).parent
COUNTS = Counter()

class Data(LeanUser):
    request = http_request("/data")

    def send_request(self, due_s=None):
        super().send_request(due_s)
        label = self._session.recorder.label
        COUNTS[label] += 1
        if COUNTS[label] == 20:
            (FOLDER / f"{label} by {os.getpid()}").touch()

class Stairs(Steps):
    steps = (Step(users=1, seconds=10), Step(users=4, seconds=10))

    def get_run_time(self):
        return float((FOLDER / "clock").read_text())
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_each_step_has_lines_of_its_own(tmp_path: Path, processes: int) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(IMPORTS + STAIRS)
    labels = ("towards step 1", "step 1: 1 user", "towards step 2", "step 2: 4 users")
    waiting = list(zip((5, 10, 15, 20), labels, (1, 1, processes, processes), strict=True))

    def set_clock(run_s: int) -> None:
        (tmp_path / "draft").write_text(str(run_s))
        (tmp_path / "draft").rename(tmp_path / "clock")

    def climb() -> bool:
        """Set the clock on when all processes with users have counted under a label."""
        run_s, label, least = waiting[0]
        if len(list(tmp_path.glob(f" [[]{label}] by *"))) >= least:
            set_clock(run_s)
            waiting.pop(0)
        return not waiting

    set_clock(0)
    workers = ("--processes", str(processes)) if processes > 1 else ()
    with serve(responding(OK, delay_s=0.005)) as server:
        ended = locust(locustfile, "--host", server.url, *workers, meanwhile=climb)
    assert ended.returncode == 0, ended.stderr
    lines = lines_of(ended)
    assert set(lines) == {f"/data [{label}]" for label in labels}
    assert all(line["num_requests"] >= 20 for line in lines.values())
    counted = sum(line["num_requests"] for line in lines.values())
    assert len(server.requests) - 8 * processes <= counted <= len(server.requests)
