"""Several processes, as the harness uses them: a real leading process, and real workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hdrh.histogram import HdrHistogram

from portcompare.http.requests import http_request
from portcompare.loadgen.merge import merge_histograms
from portcompare.wire.protocol import RateLoad, RoundDone, RunRound, UserLoad, WindowOpens
from tests.loadgen.generator import GET, Generator
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
TELLING_WORKER = (sys.executable, "-m", "benchmarks.clients.telling_worker")


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Generator]:
    running = Generator(tmp_path / "loadgen.log")
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def join(leader: Generator, tmp_path: Path) -> Iterator[Callable[..., list[subprocess.Popen[str]]]]:
    """Have workers join the leader."""
    started: list[subprocess.Popen[str]] = []
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def start(*ahead_s: float) -> list[subprocess.Popen[str]]:
        replies = leader.gather(expect=len(ahead_s))
        port = next(replies).address.rpartition(":")[2]
        for number, by_s in enumerate(ahead_s):
            command = [*TELLING_WORKER, str(tmp_path / f"told{number}"), port, str(by_s)]
            started.append(
                subprocess.Popen(
                    command,
                    env=os.environ | {"TMPDIR": str(temporary)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        *_, last = replies
        assert last.problem is None
        assert len(last.workers) == len(ahead_s)
        return started

    yield start
    for process in started:
        process.kill()
        process.communicate()


@contextmanager
def round_under_way(leader: Generator, url: str, *, users: int, window_s: float) -> Iterator[list[RoundDone]]:
    """A round whose window is open; what comes of it is in the list afterwards."""
    leader.send(round_of(url, window_s, users))
    assert isinstance(leader.receive(), WindowOpens)
    found: list[RoundDone] = []
    yield found
    done = leader.receive()
    assert isinstance(done, RoundDone)
    found.append(done)


def told_histograms(folder: Path) -> list[str]:
    """The histograms of the accounts that the workers gave."""
    lines = [
        json.loads(line) for path in sorted(folder.glob("told*")) for line in path.read_text().splitlines()
    ]
    return [line["message"]["done"]["histogram"] for line in lines if line["kind"] == "WindowClosed"]


def counts_of(histogram: HdrHistogram) -> dict[int, int]:
    steps = histogram.get_recorded_iterator()
    return {one.value_iterated_to: one.count_added_in_this_iter_step for one in steps}


def test_two_processes_share_the_users_and_their_histograms_add_up_count_by_count(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]], tmp_path: Path
) -> None:
    join(0.0, 0.0)
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.003)) as server:
        done = leader.run_round(server.url, users=5, window_s=0.5)
        assert server.connections == 5
    assert done.load.failure is None
    first, second = told_histograms(tmp_path)
    assert counts_of(HdrHistogram.decode(first)) != {}
    merged = counts_of(merge_histograms([first, second]))
    assert counts_of(HdrHistogram.decode(done.histogram)) == merged
    assert sum(merged.values()) == done.load.requests > 50
    assert sum(one.requests for one in done.load.slices) == done.load.requests
    assert len(done.load.generator_cpu_ratios) == 2


def test_clocks_that_disagree_do_not_matter(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    join(0.0, 5000.0)
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.01)) as server:
        done = leader.run_round(server.url, users=4, window_s=0.5)
    assert done.load.failure is None
    assert done.load.error_kinds == {}
    assert done.load.latency_s is not None
    assert 0.01 <= done.load.latency_s.p50 < 0.1
    assert 0.4 * 4 / 0.01 < done.load.rate_rps <= 4 / 0.01 * 1.02
    assert 0 < done.load.warmup_s < 10


def test_an_open_load_is_dealt_out(leader: Generator) -> None:
    *_, last = leader.gather(start=2)
    assert len(last.workers) == 2
    leader.prepare(scenario=GET)
    rate = RateLoad(rate_rps=200.0, arrivals="even", connections=8, seed="1")
    with serve(answering(OK)) as server:
        done = leader.run_round(server.url, rate=rate, window_s=1.0)
    assert done.load.offered_rps == pytest.approx(200, abs=6)
    assert done.load.requests == pytest.approx(200, abs=40)
    assert done.load.lag_p99_s is not None
    assert set(done.load.generator_cpu_ratios) == {f"{socket.gethostname()}/1", f"{socket.gethostname()}/2"}


def test_a_window_that_is_held_closes_for_all_at_once(leader: Generator) -> None:
    list(leader.gather(start=2))
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.01)) as server:
        done = leader.run_round(server.url, users=4, window_s=90, is_held=True)
    assert (done.load.failure, len(done.load.generator_cpu_ratios)) == (None, 2)
    assert 0 < done.load.window_s < 60


def test_fewer_users_than_processes_leave_some_without_work(leader: Generator) -> None:
    list(leader.gather(start=2))
    leader.prepare(scenario=GET)
    with serve(answering(OK)) as server:
        done = leader.run_round(server.url, users=1)
        assert server.connections == 1
    assert (done.load.failure, len(done.load.generator_cpu_ratios)) == (None, 1)


def test_a_lost_worker_voids_the_round_and_is_named_and_the_rest_go_on(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    workers = join(0.0, 0.0)
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.002)) as server:
        with round_under_way(leader, server.url, users=4, window_s=0.5) as found:
            workers[0].kill()
        done = found[0]
        assert done.load.failure is not None
        assert done.load.failure.startswith(f"the load worker {socket.gethostname()}/")
        assert done.load.failure.endswith(" was lost during the round")
        after = leader.run_round(server.url, users=4)
    assert (after.load.failure, len(after.load.generator_cpu_ratios)) == (None, 1)
    assert set(after.load.generator_cpu_ratios) != {done.load.failure.split()[3]}
    assert after.load.requests > 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_ended_says_so_leaves_nothing_and_without_any_the_run_cannot_go_on(
    leader: Generator,
    join: Callable[..., list[subprocess.Popen[str]]],
    tmp_path: Path,
    ending: signal.Signals,
) -> None:
    (worker,) = join(0.0)
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.002)) as server:
        with round_under_way(leader, server.url, users=1, window_s=0.3) as found:
            worker.send_signal(ending)
        assert found[0].load.failure == f"the load worker {socket.gethostname()}/1 was lost during the round"
        assert worker.wait(60) == 128 + ending
        assert list((tmp_path / "temporary").iterdir()) == []
        leader.send(round_of(server.url))
        assert leader.process.wait(60) != 0
    assert "no load worker is left" in leader.log


def round_of(url: str, window_s: float = 0.2, users: int = 1) -> RunRound:
    return RunRound(
        scenario="scenario",
        url=url,
        load=UserLoad(users=users),
        delay_s=0.0,
        warmup_s=0.03,
        warmup_max_s=10.0,
        window_s=window_s,
        timeout_s=20.0,
        expectations={},
    )


def test_a_worker_that_is_lost_before_it_has_loaded_the_scenarios_is_a_problem(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    workers = join(0.0, 0.0)
    workers[0].send_signal(signal.SIGINT)
    workers[0].wait(60)
    found, remedy = leader.prepare(scenario=GET).problems["scenario"]
    assert found.startswith(f"load worker {socket.gethostname()}/")
    assert found.endswith("was lost before it had loaded the scenario")
    assert "must run portcompare" in remedy


def test_a_worker_of_another_version_that_understands_nothing_says_so_and_goes(leader: Generator) -> None:
    replies = leader.gather(expect=1)
    port = next(replies).address.rpartition(":")[2]
    deaf = (
        "import sys\n"
        "from portcompare.loadgen import worker\n"
        "def decode(line):\n"
        "    raise ValueError('not a message')\n"
        "worker.decode_to_worker = decode\n"
        "worker.main('127.0.0.1', int(sys.argv[1]), None)\n"
    )
    command = [sys.executable, "-c", deaf, port]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        list(replies)
        found, _ = leader.prepare(scenario=GET).problems["scenario"]
        assert "was lost before it had loaded the scenario" in found
        assert process.wait(60) == 3
        assert process.stderr is not None
        assert b"not a message" in process.stderr.read()


def test_a_lost_leader_stops_the_workers(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    (worker,) = join(0.0)
    leader.prepare(scenario=GET)
    with serve(answering(OK, delay_s=0.002)) as server:
        leader.send(round_of(server.url, window_s=60.0))
        assert isinstance(leader.receive(), WindowOpens)
        leader.process.kill()
        assert worker.wait(30) == 3
        assert worker.stderr is not None
        assert "was lost" in worker.stderr.read()


def test_workers_end_with_the_run(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    (worker,) = join(0.0)
    assert leader.end() == 0
    assert worker.wait(60) == 0
    assert worker.stderr is not None
    assert worker.stderr.read().splitlines()[-1] == "the run is over"


def test_a_leader_that_is_told_to_end_lets_its_workers_go(
    leader: Generator, join: Callable[..., list[subprocess.Popen[str]]]
) -> None:
    (worker,) = join(0.0)
    leader.process.terminate()
    assert leader.process.wait(60) == 128 + signal.SIGTERM
    assert worker.wait(60) == 0


def test_processes_of_this_machine_end_with_the_leader(leader: Generator) -> None:
    list(leader.gather(start=2))
    children = psutil.Process(leader.process.pid).children()
    assert len(children) == 2
    assert {len(child.cpu_affinity()) for child in children} == {1}
    assert leader.end() == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_a_port_that_is_taken_is_a_problem_with_a_remedy(leader: Generator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (reply,) = leader.gather(expect=1, port=port)
    assert reply.problem == (
        f"127.0.0.1:{port} cannot be listened on",
        "give a free port and an address of this machine",
    )


def test_a_scenario_that_a_worker_cannot_load_is_a_problem_of_that_worker(
    leader: Generator, tmp_path: Path
) -> None:
    list(leader.gather(start=1))
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text("import nothing_of_this_name")
    found, remedy = leader.prepare(locustfile, own="Own").problems["own"]
    assert "nothing_of_this_name" in found
    assert found.endswith(f"(load worker {socket.gethostname()}/1)")
    assert remedy == f"correct {locustfile}"


def test_user_classes_are_shared_too(leader: Generator, tmp_path: Path) -> None:
    list(leader.gather(start=2))
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, http_request\n"
        "class Own(LeanUser):\n    request = http_request('/own')\n"
    )
    prepared = leader.prepare(locustfile, scenario="Own")
    assert prepared.requests == {"scenario": (http_request("/own"),)}
    with serve(answering(OK, delay_s=0.002)) as server:
        done = leader.run_round(server.url, users=2)
        assert {request.split(b" ")[1] for _, request in server.requests} == {b"/own"}
    assert len(done.load.generator_cpu_ratios) == 2


def test_a_machine_without_the_locustfile_is_sent_it(tmp_path: Path) -> None:
    order = (
        "from pathlib import Path\n"
        "from portcompare.loadgen.worker import Worker\n"
        "from portcompare.loadgen.messages import Scenarios\n"
        "from portcompare.wire.protocol import Prepare\n"
        "order = Prepare(locustfile='/nowhere/locustfile.py', scenarios={})\n"
        f"worker = Worker(None, Path({str(tmp_path)!r}))\n"
        "message = Scenarios(order=order, locustfile_text='# the text')\n"
        "print(worker._with_locustfile(message).locustfile)\n"
    )
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    shown = subprocess.run(
        [sys.executable, "-c", order], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()
    assert shown == str(tmp_path / "locustfile.py")
    assert (tmp_path / "locustfile.py").read_text() == "# the text"
