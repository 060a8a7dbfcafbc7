"""Several processes, as the harness uses them: a real leading process, and real workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from gevent.queue import Queue

from portcompare.errors import InputError, LoadGeneratorError
from portcompare.http.requests import http_request
from portcompare.records.rounds import LoadReport
from portcompare.serve.ports import find_free_ports
from portcompare.wire.protocol import Joined, Prepare, RateLoad
from tests.e2e.processes import wait_until
from tests.loadgen.conftest import import_unpatched
from tests.loadgen.generator import GET, Generator, counts_of, expect, round_of
from tests.loadgen.locust_users import HTTP, write
from tests.loadgen.plain import have_sent
from tests.loadgen.scripted import OK, responding, serve

Start = Callable[..., list[subprocess.Popen[str]]]

LEADING: Any = import_unpatched("portcompare.loadgen.distributed_runner")
ROOT = Path(__file__).parents[2]
HERE = socket.gethostname()
SLOW = responding(OK, delay_s=0.003)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """A leader of two workers that it has started."""
    with Generator(tmp_path_factory.mktemp("pair") / "loadgen.log") as running:
        assert running.gather(start=2) == (f"{HERE}/1", f"{HERE}/2")
        yield running


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Generator]:
    """A leader that notices within 3 s, not 30, that a worker is lost."""
    code = f"{HASTY}protocol.WORKERS_AWAITED_S = 5; from portcompare.loadgen.__main__ import main; main()"
    with Generator(tmp_path / "loadgen.log", "-c", code) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start workers, each with a command to which the port is added."""
    started: list[subprocess.Popen[str]] = []
    (tmp_path / "temporary").mkdir()

    def start_workers(port: str, *commands: list[str]) -> list[subprocess.Popen[str]]:
        started.extend(
            subprocess.Popen(
                [sys.executable, *command, port],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
                stderr=subprocess.PIPE,
                text=True,
            )
            for command in commands
        )
        return started

    yield start_workers
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def join(leader: Generator, start: Start) -> Start:
    """Have workers join the leader."""

    def start_and_wait(*commands: list[str]) -> list[subprocess.Popen[str]]:
        workers: list[subprocess.Popen[str]] = []

        def start_once(joined: Joined) -> None:
            if not workers:
                workers.extend(start(joined.address.rpartition(":")[2], *commands))

        assert len(leader.gather(expect=len(commands), on_joined=start_once)) == len(commands)
        return workers

    return start_and_wait


HASTY = (
    "import sys; from locust import runners; runners.HEARTBEAT_INTERVAL = 0.1; "
    "from portcompare.wire import protocol; from portcompare.loadgen import leader, worker; "
)
QUICK = "worker.LEADER_LOST_S, worker.TRY_S = 2.5, 0.2; "
MAIN = "worker.main('127.0.0.1', int(sys.argv[1]), None)"
WORKER = ["-c", f"{HASTY}{QUICK}{MAIN}"]


def recording(path: Path, *, ahead_s: float = 0.0) -> list[str]:
    """A worker that records its messages, and whose clocks are ahead."""
    code = "import sys; from benchmarks.clients.recording_worker import main; "
    return ["-c", f"{code}main({str(path)!r}, int(sys.argv[1]), {ahead_s})"]


@contextmanager
def round_under_way(
    leader: Generator, url: str, *, users: int, window_s: float = 0.5
) -> Iterator[list[LoadReport]]:
    """A round whose window is open; its result is in the list afterwards."""
    leader.harness.begin_round(round_of(url, users=users, window_s=window_s))
    found: list[LoadReport] = []
    yield found
    found.append(leader.harness.end_round().load)


def test_histograms_of_processes_whose_clocks_disagree_add_up_count_by_count(
    leader: Generator, join: Start, tmp_path: Path
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


def test_a_round_is_discarded_when_a_worker_is_lost_and_the_others_stop_when_their_leader_is(
    leader: Generator, join: Start, tmp_path: Path
) -> None:
    *workers, last = join(WORKER, WORKER, WORKER, ["-c", f"{HASTY}{QUICK}worker.REJOIN_TRIES = 3; {MAIN}"])
    leader.prepare(scenario=GET)
    endings = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
    lost = set()
    with serve(SLOW) as server:
        for left, (worker, ending) in enumerate(zip(workers, endings, strict=True)):
            with round_under_way(leader, server.url, users=4) as found:
                worker.send_signal(ending)
            assert len(found[0].generator_cpu_ratios) == 3 - left
            (name,) = found[0].lost_workers
            assert found[0].failure == f"the load worker {name} was lost during the round"
            lost.add(name)
            assert worker.wait(60) == (-ending if ending is signal.SIGKILL else 128 + ending)
        assert lost == {change.worker for change in leader.changes}
        assert len(lost) == 3
        leader.harness.begin_round(round_of(server.url, window_s=100.0))
        leader.process.kill()
        assert last.wait(60) == 3
    assert "was lost" in log_of(last)
    # The one that was killed could not clean up.
    assert len(list((tmp_path / "temporary").iterdir())) == 1


def run_with_both(leader: Generator, url: str) -> LoadReport:
    """Run rounds until one has two workers: on a busy machine one takes its time to join again."""
    rounds = (leader.run_round(url, users=2) for _ in range(60))
    return next(done for done in rounds if len(done.generator_cpu_ratios) == 2)


def test_a_worker_or_leader_that_stood_still_goes_on_under_another_name(
    leader: Generator, join: Start
) -> None:
    paused, _other = join(WORKER, WORKER)
    leader.prepare(scenario=GET)
    with serve(SLOW) as server:
        with round_under_way(leader, server.url, users=2) as found:
            paused.send_signal(signal.SIGSTOP)
        ((first,), kept) = found[0].lost_workers, set(found[0].generator_cpu_ratios)
        with round_under_way(leader, server.url, users=2, window_s=3.0) as found:
            paused.send_signal(signal.SIGCONT)
        assert (found[0].failure, set(found[0].generator_cpu_ratios)) == (None, kept)
        both = set(run_with_both(leader, server.url).generator_cpu_ratios)
        assert (both > kept, first in both) == (True, False)
        for process in ((leader.process,), (leader.process, paused)):
            with round_under_way(leader, server.url, users=2, window_s=1.0) as found:
                for one in process:
                    one.send_signal(signal.SIGSTOP)
                threading.Event().wait(4)  # beyond the limits
                for one in process:
                    one.send_signal(signal.SIGCONT)
            done = run_with_both(leader, server.url)
            assert done.failure is None
            assert not both & set(done.generator_cpu_ratios)
            both = set(done.generator_cpu_ratios)
    changes = Counter(change.change for change in leader.changes)
    assert changes["lost"] == changes["joined"] >= 5


def test_a_process_of_this_machine_that_died_is_started_anew_and_all_end_with_the_leader(
    leader: Generator,
) -> None:
    leader.gather(start=2)
    leader.prepare(scenario=GET)
    victim, _ = psutil.Process(leader.process.pid).children()
    with serve(SLOW) as server:
        with round_under_way(leader, server.url, users=2) as found:
            victim.kill()
        (name,) = found[0].lost_workers
        done = leader.run_round(server.url, users=2)
    assert done.failure is None
    assert set(done.generator_cpu_ratios) == {f"{HERE}/1", f"{HERE}/2", f"{HERE}/3"} - {name}
    changes = {(change.worker, change.change) for change in leader.changes}
    assert changes == {(name, "lost"), (f"{HERE}/3", "joined")}
    children = psutil.Process(leader.process.pid).children()
    assert [len(child.cpu_affinity()) for child in children] == [1, 1]
    assert leader.end() == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []
    wait_until(lambda: leader.log.count("the run is over\n") == 2, 60)


def test_without_a_worker_a_run_gives_up_and_names_those_that_were_lost(
    leader: Generator, join: Start
) -> None:
    (only,) = join(WORKER)
    leader.prepare(scenario=GET)
    only.send_signal(signal.SIGINT)
    only.wait(60)
    reason = f"^no load worker is left: {HERE}/1 was lost, and none joined again within 5 s$"
    with pytest.raises(LoadGeneratorError, match=reason):
        leader.harness.begin_round(round_of("http://127.0.0.1:9"))


def test_a_worker_that_cannot_load_what_is_sent_is_a_problem_and_the_others_go_on(
    leader: Generator, join: Start
) -> None:
    deaf = "worker.messages.decode_to_worker = lambda line: int('not a message'); "
    other, last = join(["-c", f"{HASTY}{deaf}{MAIN}"], WORKER)
    found, _ = leader.prepare(scenario=GET).problems["scenario"]
    assert found.startswith(f"load worker {HERE}/")
    assert found.endswith("was lost before it had loaded the scenario")
    assert other.wait(60) == 3
    assert "not a message" in log_of(other)
    leader.process.terminate()
    assert leader.process.wait(60) == 128 + signal.SIGTERM
    assert last.wait(60) == 0
    assert log_of(last).splitlines()[-1] == "the run is over"


def log_of(worker: subprocess.Popen[str]) -> str:
    assert worker.stderr is not None
    return worker.stderr.read()


def test_a_worker_waits_for_its_run_and_for_the_same_plan_again_if_its_leader_dies(
    leader: Generator, start: Start, tmp_path: Path
) -> None:
    (port,) = find_free_ports("127.0.0.1", 1)
    old = ["-c", f"{HASTY}worker.version = lambda name: '0.0.1'; {MAIN}"]
    other_version, interrupted, worker = started = start(str(port), old, WORKER, WORKER)
    for one in started:
        assert one.stderr is not None
        assert any("no run is there yet" in line for line in iter(one.stderr.readline, ""))
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(60) == 130
    assert log_of(interrupted) == ""
    assert len(leader.gather(expect=1, port=port)) == 1
    assert other_version.wait(60) == 3
    refusal = f"it runs portcompare 0.0.1: install {version('portcompare')}, as here"
    assert refusal in log_of(other_version)
    leader.prepare(scenario=GET)
    (change,) = leader.changes
    assert (change.change, change.worker, change.reason) == ("refused", HERE, refusal)
    leader.process.kill()
    leader.process.wait()
    with Generator(tmp_path / "again.log") as again:
        again.prepare(scenario=GET)
        assert again.gather(expect=1, port=port) == (f"{HERE}/1",)
        again.process.kill()
        again.process.wait()
    with Generator(tmp_path / "other.log") as other:
        other.prepare(scenario=http_request("/other"))
        statuses: list[int] = []

        def end(_: Joined) -> None:
            statuses.append(worker.wait(60))
            other.process.kill()  # it waits for another

        with pytest.raises(LoadGeneratorError):
            other.gather(expect=1, port=port, on_joined=end)
        assert statuses == [3]
        assert "it has lost a run of another plan" in log_of(worker)


def test_a_port_that_is_taken_is_a_problem_with_a_remedy(generator: Generator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port} cannot be listened on\\n.*give a free port"):
            generator.gather(expect=1, port=port)


def test_a_machine_without_the_locustfile_gets_a_copy_and_one_with_it_uses_its_own(tmp_path: Path) -> None:
    worker = import_unpatched("portcompare.loadgen.worker").Worker(None, tmp_path)
    own = tmp_path / "own.py"
    own.write_text("# the text")
    for locustfile, used in (("/nowhere/locustfile.py", tmp_path / "locustfile.py"), (str(own), own)):
        order = Prepare(locustfile=locustfile, scenarios={})
        message = LEADING.LoadScenarios(number=1, order=order, locustfile_text="# the text", plan="")
        assert worker._with_locustfile(message).locustfile == str(used)  # noqa: SLF001
        assert used.read_text() == "# the text"


def test_a_late_reply_to_an_earlier_order_is_ignored() -> None:
    runner = LEADING.DistributedRunner.__new__(LEADING.DistributedRunner)
    vars(runner).update(_active=("one",), _number=2, _inbox=Queue())
    for number, failure in ((1, "late"), (2, None)):
        content = LEADING.WarmUp(failure=failure, steady=True)
        runner._inbox.put(("one", LEADING.Reply(number=number, content=content)))  # noqa: SLF001
    assert runner._collect(LEADING.WarmUp) == {"one": LEADING.WarmUp(failure=None, steady=True)}  # noqa: SLF001
