"""Several processes, as the harness uses them: a real leading process, and real workers."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from gevent.queue import Queue

from portcompare.http.requests import http_request
from portcompare.records.rounds import LoadReport
from portcompare.serve.ports import find_free_ports
from portcompare.wire.protocol import Prepare, RateLoad, RoundDone, WindowOpens
from tests.e2e.processes import wait_until
from tests.loadgen.conftest import import_unpatched
from tests.loadgen.generator import GET, Generator, counts_of, expect, round_of
from tests.loadgen.locust_users import HTTP, write
from tests.loadgen.plain import have_sent
from tests.loadgen.scripted import OK, responding, serve
from tests.loadgen.test_login import Members
from tests.loadgen.test_login import prepare as prepare_login

Join = Callable[..., list[subprocess.Popen[str]]]

LEADING: Any = import_unpatched("portcompare.loadgen.distributed_runner")
ROOT = Path(__file__).parents[2]
HERE = socket.gethostname()
SLOW = responding(OK, delay_s=0.003)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """A leader of two workers that it has started."""
    with Generator(tmp_path_factory.mktemp("pair") / "loadgen.log") as running:
        *_, last = running.gather(start=2)
        assert last.workers == (f"{HERE}/1", f"{HERE}/2")
        yield running


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Generator]:
    """A leader that notices within 3 s, not 30, that a worker is lost."""
    code = f"{HASTY}from portcompare.loadgen.__main__ import main; main()"
    with Generator(tmp_path / "loadgen.log", "-c", code) as running:
        yield running


@pytest.fixture
def join(leader: Generator, tmp_path: Path) -> Iterator[Join]:
    """Have workers join the leader, each with a command to which the port is added."""
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "temporary").mkdir()

    def start(*commands: list[str]) -> list[subprocess.Popen[str]]:
        replies = leader.gather(expect=len(commands))
        port = next(replies).address.rpartition(":")[2]
        started.extend(
            subprocess.Popen(
                [sys.executable, *command, port],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for command in commands
        )
        *_, last = replies
        assert last.problem is None
        assert len(last.workers) == len(commands)
        return started

    yield start
    for process in started:
        process.kill()
        process.communicate()


HASTY = "from locust import runners; runners.HEARTBEAT_INTERVAL, runners.HEARTBEAT_LIVENESS = 0.1, 25; "
MAIN = "import sys; worker.LEADER_LOST_S = 2.5; worker.main('127.0.0.1', int(sys.argv[1]), None)"
WORKER = ["-c", f"{HASTY}from portcompare.loadgen import worker; {MAIN}"]


def recording(path: Path, *, ahead_s: float = 0.0) -> list[str]:
    """A worker that records its messages, and whose clocks are ahead."""
    code = "import sys; from benchmarks.clients.recording_worker import main; "
    return ["-c", f"{code}main({str(path)!r}, int(sys.argv[1]), {ahead_s})"]


@contextmanager
def round_under_way(leader: Generator, url: str, *, users: int) -> Iterator[list[LoadReport]]:
    """A round whose window is open; its result is in the list afterwards."""
    leader.send(round_of(url, users=users, window_s=0.5))
    assert isinstance(leader.receive(), WindowOpens)
    found: list[LoadReport] = []
    yield found
    done = leader.receive()
    assert isinstance(done, RoundDone)
    found.append(done.load)


def test_histograms_of_processes_whose_clocks_disagree_add_up_count_by_count(
    leader: Generator, join: Join, tmp_path: Path
) -> None:
    paths = tmp_path / "first", tmp_path / "second"
    join(recording(paths[0]), recording(paths[1], ahead_s=5000.0))
    leader.prepare(scenario=GET)
    with serve(responding(OK, delay_s=0.01)) as server:
        done = leader.run_round(server.url, users=5, window_s=0.5)
        assert server.connections == 5
    assert (done.failure, done.error_kinds) == (None, {})
    contents = [json.loads(path.read_text().splitlines()[-1])["message"]["content"] for path in paths]
    first, second = (content["histogram"] for content in contents)
    assert counts_of(first).total() > 0
    merged = counts_of(first) + counts_of(second)
    assert counts_of(leader.histogram) == merged
    # The histogram has what was sent in the window, the rate and the slices what ended in it.
    assert abs(merged.total() - done.requests) <= 5
    assert done.requests == sum(one.requests for one in done.slices)
    assert len(done.generator_cpu_ratios) == 2
    assert done.latency_s is not None
    assert done.latency_s.p50 >= 0.01
    assert 0 < done.rate_rps <= 5 / 0.01 * 1.02
    assert 0 < done.warmup_s < 60


def test_an_open_load_is_shared_out(pair: Generator) -> None:
    pair.prepare(scenario=GET)
    load = RateLoad(rate_rps=200.0, arrivals="even", connections=8, seed="1")
    with serve(responding(OK)) as server:
        done = pair.run_round(server.url, load=load, window_s=0.6)
    assert done.offered_rps == pytest.approx(200, abs=10)
    assert done.requests > 0
    assert done.lag_p99_s is not None
    assert set(done.generator_cpu_ratios) == {f"{HERE}/1", f"{HERE}/2"}


def test_user_classes_are_shared_too_with_fewer_users_than_processes_and_in_a_held_window(
    pair: Generator, tmp_path: Path
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, http_request\n"
        "class Own(LeanUser):\n    request = http_request('/own')\n"
    )
    prepared = pair.prepare(locustfile, scenario="Own")
    assert prepared.requests == {"scenario": (http_request("/own"),)}
    with serve(SLOW) as server:
        done = pair.run_round(server.url, users=1)
        assert (done.failure, len(done.generator_cpu_ratios), server.connections) == (None, 1, 1)
    with serve(SLOW) as server:
        done = pair.run_round(server.url, users=4, until=lambda: have_sent(server, users=4, times=20))
        assert {request.split(b" ")[1] for _, request in server.requests} == {b"/own"}
    assert (done.failure, len(done.generator_cpu_ratios)) == (None, 2)
    assert 0 < done.window_s < 60


def test_the_rows_of_a_login_are_shared_out(pair: Generator) -> None:
    prepare_login(pair, "ann", "bob", "cy", "di")
    members = Members()
    with serve(members) as server:
        done = pair.run_round(server.url, users=4, expectations={0: expect(b"hello ann")})
    assert (done.failure, done.error_kinds) == (None, {})
    assert members.logins == {"ann": 1, "bob": 1, "cy": 1, "di": 1}


def test_all_processes_know_the_approved_responses_to_captured_requests(
    pair: Generator, tmp_path: Path
) -> None:
    prepared = pair.prepare(write(tmp_path / "locustfile.py", HTTP), scenario="Shopper")
    assert (prepared.to_capture, prepared.problems) == (("scenario",), {})
    with serve(SLOW) as server:
        captured = pair.capture(server.url)
        assert [request.target for request in captured.requests] == ["/items?tag=a%2Fb&tag=c"]
        for body, kinds in ((b"ok", set()), (b"ko", {"wrong body (GET /items?tag=a%2Fb&tag=c)"})):
            done = pair.run_round(server.url, users=3, expectations={0: expect(body)})
            assert (set(done.error_kinds), done.failure) == (kinds, None)
            assert len(done.generator_cpu_ratios) == 2


def test_a_scenario_that_a_worker_cannot_load_is_a_problem_of_that_worker(
    pair: Generator, tmp_path: Path
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text("import nothing_of_this_name")
    found, remedy = pair.prepare(locustfile, own="Own").problems["own"]
    assert "nothing_of_this_name" in found
    assert found.endswith((f"(load worker {HERE}/1)", f"(load worker {HERE}/2)"))
    assert remedy == f"correct {locustfile}"


def test_a_round_is_discarded_when_a_worker_is_lost_and_a_lost_leader_stops_the_others(
    leader: Generator, join: Join, tmp_path: Path
) -> None:
    *workers, last = join(WORKER, WORKER, WORKER, WORKER)
    leader.prepare(scenario=GET)
    endings = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
    lost = set()
    with serve(SLOW) as server:
        for left, (worker, ending) in enumerate(zip(workers, endings, strict=True)):
            with round_under_way(leader, server.url, users=4) as found:
                worker.send_signal(ending)
            assert len(found[0].generator_cpu_ratios) == 3 - left
            reason = found[0].failure or ""
            assert reason.startswith(f"the load worker {HERE}/")
            assert reason.endswith(" was lost during the round")
            lost.add(reason.split()[3])
            assert worker.wait(60) == (-ending if ending is signal.SIGKILL else 128 + ending)
        assert len(lost) == 3
        leader.send(round_of(server.url, window_s=100.0))
        assert isinstance(leader.receive(), WindowOpens)
        leader.process.kill()
        assert last.wait(60) == 3
    assert "was lost" in log_of(last)
    # The one that was killed could not clean up.
    assert len(list((tmp_path / "temporary").iterdir())) == 1


def test_workers_that_are_lost_before_they_have_loaded_the_scenarios_are_a_problem_and_the_others_go_on(
    leader: Generator, join: Join
) -> None:
    # As one of another version.
    deaf = (
        "import sys\n"
        "from portcompare.loadgen import distributed_runner, worker\n"
        "def decode(line):\n"
        "    raise ValueError('not a message')\n"
        "distributed_runner.decode_to_worker = decode\n"
        "worker.main('127.0.0.1', int(sys.argv[1]), None)\n"
    )
    ended, other, last = join(WORKER, ["-c", deaf], WORKER)
    ended.send_signal(signal.SIGINT)
    ended.wait(60)
    found, remedy = leader.prepare(scenario=GET).problems["scenario"]
    assert found.startswith(f"load worker {HERE}/")
    assert f", {HERE}/" in found
    assert found.endswith("was lost before it had loaded the scenario")
    assert "must run portcompare" in remedy
    assert other.wait(60) == 3
    assert "not a message" in log_of(other)
    leader.process.terminate()
    assert leader.process.wait(60) == 128 + signal.SIGTERM
    assert last.wait(60) == 0
    assert log_of(last).splitlines()[-1] == "the run is over"


def log_of(worker: subprocess.Popen[str]) -> str:
    assert worker.stderr is not None
    return worker.stderr.read()


def test_a_worker_that_is_started_first_waits_for_its_run(leader: Generator) -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    worker = subprocess.Popen(
        [sys.executable, *WORKER, str(port)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert worker.stderr is not None
        assert any("no run is there yet" in line for line in iter(worker.stderr.readline, ""))
        *_, last = leader.gather(expect=1, port=port)
        assert (last.problem, len(last.workers)) == (None, 1)
    finally:
        worker.kill()
        worker.communicate()


def test_processes_of_this_machine_end_with_the_leader(leader: Generator) -> None:
    list(leader.gather(start=2))
    children = psutil.Process(leader.process.pid).children()
    assert len(children) == 2
    assert {len(child.cpu_affinity()) for child in children} == {1}
    assert leader.end() == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []
    wait_until(lambda: leader.log.count("the run is over\n") == 2, 60)


def test_a_port_that_is_taken_is_a_problem_with_a_remedy(generator: Generator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (reply,) = generator.gather(expect=1, port=port)
    assert reply.problem == (
        f"127.0.0.1:{port} cannot be listened on",
        "give a free port and an address of this machine",
    )


def test_a_machine_without_the_locustfile_gets_a_copy_and_one_with_it_uses_its_own(tmp_path: Path) -> None:
    worker = import_unpatched("portcompare.loadgen.worker").Worker(None, tmp_path)
    own = tmp_path / "own.py"
    own.write_text("# the text")
    for locustfile, used in (("/nowhere/locustfile.py", tmp_path / "locustfile.py"), (str(own), own)):
        order = Prepare(locustfile=locustfile, scenarios={})
        message = LEADING.LoadScenarios(number=1, order=order, locustfile_text="# the text")
        assert worker._with_locustfile(message).locustfile == str(used)  # noqa: SLF001
        assert used.read_text() == "# the text"


@pytest.fixture
def runner() -> Any:  # noqa: ANN401 - its class imports Locust
    """A leader without the sockets of a master."""
    made = LEADING.DistributedRunner.__new__(LEADING.DistributedRunner)
    made.master = SimpleNamespace(clients={"one": SimpleNamespace(state="ready")})
    vars(made).update(_members=("one",), _active=("one",), _number=2, _inbox=Queue(), _versions={})
    return made


def test_a_late_reply_to_an_earlier_order_is_ignored(runner: Any) -> None:  # noqa: ANN401
    for number, failure in ((1, "late"), (2, None)):
        content = LEADING.WarmUp(failure=failure, steady=True)
        runner._inbox.put(("one", LEADING.Reply(number=number, version="", content=content)))  # noqa: SLF001
    assert runner._collect(LEADING.WarmUp) == {"one": LEADING.WarmUp(failure=None, steady=True)}  # noqa: SLF001


def test_a_leader_without_a_worker_left_ends(runner: Any) -> None:  # noqa: ANN401
    runner.master.clients["one"].state = "missing"
    with pytest.raises(SystemExit, match="no load worker is left"):
        runner.warm_up(round_of("http://127.0.0.1:9"))
