"""The same user classes under plain Locust, without the harness."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import gevent
import pytest

from portcompare.http.requests import http_request
from tests.loadgen.conftest import import_unpatched
from tests.loadgen.plain import have_sent, locust
from tests.loadgen.scripted import OK, Peer, responding, serve

IMPORTS = "from portcompare.loadgen import LeanUser, declare_targets, http_request\n"
DATA = 'class Data(LeanUser):\n    request = http_request("/data")\n'


SITES = f"""{IMPORTS}declare_targets("old-one", "new")

class Visitor(LeanUser):
    requests = {{http_request("/"): 2, http_request("/data", method="POST", name="send"): 1}}

{DATA}"""


def test_each_target_has_its_own_lines_its_share_of_the_users_of_each_class_and_the_same_sequence(
    tmp_path: Path,
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(SITES)
    play = responding(OK, delay_s=0.01)
    with serve(play) as old, serve(play) as new:
        # Two users at a time, one of each class: numbering all users alike would send each class elsewhere.
        ended = locust(
            locustfile,
            *("--old-one-url", old.url, "--new-url", new.url, "-u4", "-r2"),
            until=lambda: all(have_sent(server, users=2, times=40) for server in (old, new)),
        )
    assert ended.returncode == 0, ended.stderr
    lines = {(line["name"], line["method"]): line for line in json.loads(ended.stdout)}
    assert set(lines) == {
        (f"{name} {request}", method)
        for name in ("old-one", "new")
        for request, method in (("/", "GET"), ("send", "POST"), ("/data", "GET"))
    }
    assert all(line["num_failures"] == 0 for line in lines.values())
    assert all(line["min_response_time"] >= 9.9 for line in lines.values())
    assert old.connections == new.connections == 2
    sequences = []
    for name, server in (("old-one", old), ("new", new)):
        counted = sum(line["num_requests"] for (own, _), line in lines.items() if own.startswith(name))
        assert len(server.requests) - 2 <= counted <= len(server.requests)  # two were cut off by the end
        assert lines[f"{name} /", "GET"]["num_requests"] > lines[f"{name} send", "POST"]["num_requests"] > 5
        of_class: list[list[list[bytes]]] = [[], []]
        for number, request in server.requests:
            of_class[number].append(request.split()[:2])
        sequences.append(next(sent[:40] for sent in of_class if [b"GET", b"/"] in sent))
    assert sequences[0] == sequences[1]


def test_a_user_that_is_to_stop_gets_its_response_and_stops() -> None:
    user: Any = import_unpatched("portcompare.loadgen.user")
    sent: list[int] = []

    def play(peer: Peer) -> None:
        while peer.take_request():
            peer.wait(0.05)
            peer.sock.sendall(OK)
            sent.append(peer.number)

    with serve(play) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(user, "_TASK_S", 3600.0)  # so that only the wish to stop can end it
        lean = type("Data", (user.LeanUser,), {"request": http_request("/data"), "abstract": False})
        environment: Any = import_unpatched("locust.env").Environment(
            user_classes=[lean], host=server.url, stop_timeout=20
        )
        runner = environment.create_local_runner()
        runner.start(4, spawn_rate=4)
        while not have_sent(server, users=4, times=2):
            gevent.sleep(0.01)
        runner.quit()
        requests = len(server.requests)
    # None was cut off: each request has its response, and is counted.
    assert requests == len(sent) == environment.stats.total.num_requests


LABELS = ("towards step 1", "step 1: 1 user", "towards step 2", "step 2: 4 users")


def test_each_step_has_lines_of_its_own() -> None:
    steps: Any = import_unpatched("portcompare.loadgen.steps")
    environment: Any = import_unpatched("locust.env").Environment(host="http://there")
    shape = type(
        "Stairs",
        (steps.Steps,),
        {"steps": [steps.Step(users=1, seconds=10), steps.Step(users=4, seconds=10)]},
    )()
    shape.runner = runner = environment.create_local_runner()
    import_unpatched("locust").events.init.fire(environment=environment, runner=runner)
    seen = []
    for run_s in (0.0, 0.9, 1.0, 9.9, 10.0, 11.0):
        shape.get_run_time = lambda run_s=run_s: run_s
        seen.append((shape.tick(), environment.portcompare_session.recorder.label))
        environment.portcompare_session.recorder.tally(("/data", "GET")).latencies_s.append(0.1)
    expected = zip((1, 1, 1, 1, 4, 4), (0, 0, 1, 1, 2, 3), strict=True)
    assert seen == [((users, users), f" [{LABELS[number]}]") for users, number in expected]
    shape.get_run_time = lambda: 20.0
    assert shape.tick() is None
    environment.events.test_stop.fire(environment=environment)
    counted = {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()}
    assert counted == {f"/data [{label}]": number for label, number in zip(LABELS, (2, 2, 1, 1), strict=True)}


@pytest.mark.parametrize(("kind", "counts"), [("WorkerRunner", True), ("MasterRunner", False)])
def test_all_processes_with_users_count_under_the_label_of_the_step(kind: str, *, counts: bool) -> None:
    runner = Mock(spec=getattr(import_unpatched("locust.runners"), kind))
    import_unpatched("locust").events.init.fire(environment=Mock(), runner=runner)
    registered = [call.args[0] for call in runner.register_message.call_args_list]
    assert registered == ["portcompare_label"] * counts
