import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from portcompare.errors import InputError, LoadGeneratorError
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.wire import protocol as wire
from portcompare.wire.protocol import encode
from tests.loadgen.generator import round_of
from tests.measure.plans import DONE

# Replaces the interpreter: records how it was started, and sends for each order with the next of its replies,
# which are JSON lists of lines. After the last it writes to the log and ends.
FAKE = f"""\
#!{sys.executable} -IS
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "started.json"), "w") as started:
    json.dump({{
        "pid": os.getpid(),
        "arguments": sys.argv[1:],
        "directory": os.getcwd(),
        "cpus": sorted(os.sched_getaffinity(0)),
        "marked": os.environ.get("MARK"),
    }}, started)
with open(os.path.join(here, "replies.json")) as file:
    replies = json.load(file)
for lines in replies:
    sys.stdin.readline()
    sys.stdout.write("".join(lines))
    sys.stdout.flush()
print("a word from the locustfile\\nand its last words", file=sys.stderr)
"""

PREPARE = wire.Prepare(locustfile="locustfile.py", scenarios={"own": wire.ScenarioSource(user="Own")})
PREPARED = wire.Prepared(requests={"own": ()}, problems={})
CAPTURE = wire.Capture(scenario="own", url="http://127.0.0.1:8000")
RUN_ROUND = round_of("http://127.0.0.1:8000", users=3, window_s=1.0, timeout_s=30.0)
WINDOW = wire.WindowOpens(start_s=1.0, end_s=2.0)


class Fake:
    """A load generator that gives prepared replies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.program = folder / "python"
        self.program.write_text(FAKE, encoding="utf-8")
        self.program.chmod(0o755)
        self.log_path = folder / "generator.log"
        self.log_path.write_text("of an earlier process\n", encoding="utf-8")

    def start(self) -> AbstractContextManager[LoadGenerator]:
        return start_generator(self.log_path, tuple(os.sched_getaffinity(0)), self._folder)

    def reply(self, *replies: list[str]) -> None:
        (self._folder / "replies.json").write_text(json.dumps(replies), encoding="utf-8")

    @property
    def started(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._folder / "started.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake(tmp_path)
    interpreter = SimpleNamespace(executable=str(fake.program))
    monkeypatch.setattr("portcompare.measure.generator.sys", interpreter)
    return fake


def test_an_interruption_while_a_limit_begins_leaves_nothing_that_keeps_the_process_alive(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(threading.Timer):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    monkeypatch.setattr("portcompare.measure.generator.Timer", Interrupted)
    fake.reply([encode(WINDOW), encode(DONE)])
    with fake.start() as generator, pytest.raises(KeyboardInterrupt):
        generator.begin_round(RUN_ROUND)
    assert all(one.daemon for one in threading.enumerate() if isinstance(one, Interrupted))


def test_it_is_a_python_process_on_its_own_cpus_in_the_directory_of_the_plan(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARK", "inherited")
    cpu = max(os.sched_getaffinity(0))
    directory = tmp_path / "plan"
    directory.mkdir()
    fake.reply([encode(PREPARED)])
    with start_generator(fake.log_path, (cpu,), directory) as generator:
        generator.prepare(PREPARE)
    started = fake.started
    assert started["arguments"] == ["-P", "-m", "portcompare.loadgen"]
    assert started["directory"] == str(directory)
    assert started["cpus"] == [cpu]
    assert started["marked"] == "inherited"


def test_it_ends_with_the_run_even_if_that_breaks_off(fake: Fake) -> None:
    fake.reply([encode(PREPARED)], [])

    def break_off() -> None:
        with fake.start() as generator:
            generator.prepare(PREPARE)
            assert psutil.pid_exists(fake.started["pid"])  # it waits for the next order
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert not psutil.pid_exists(fake.started["pid"])


def test_a_reply_out_of_turn_is_an_error(fake: Fake) -> None:
    fake.reply([encode(PREPARE)], [encode(DONE)], [encode(WINDOW), encode(WINDOW)], [])
    with fake.start() as generator:
        with pytest.raises(LoadGeneratorError, match="sent Prepare out of turn"):
            generator.prepare(PREPARE)
        with pytest.raises(LoadGeneratorError, match="sent RoundDone out of turn"):
            generator.begin_round(RUN_ROUND)
        assert generator.begin_round(RUN_ROUND) == WINDOW
        with pytest.raises(LoadGeneratorError, match="sent WindowOpens out of turn"):
            generator.end_round()


def end_round(generator: LoadGenerator) -> None:
    generator.begin_round(replace(RUN_ROUND, window_s=0.2, timeout_s=0.1))
    generator.end_round()


def close_window(generator: LoadGenerator) -> None:
    generator.begin_round(replace(RUN_ROUND, is_held=True, window_s=5.0, timeout_s=0.1))
    generator.close_window()
    generator.end_round()


@pytest.mark.parametrize(
    ("replies", "drive", "late"),
    [
        ([], lambda generator: generator.capture(CAPTURE), (InputError, "did not stop within 0.2 s")),
        ([], lambda generator: generator.prepare(PREPARE), (InputError, "was not loaded within 0.2 s")),
        (
            [],
            lambda generator: generator.begin_round(replace(RUN_ROUND, warmup_max_s=0.2, timeout_s=0.2)),
            (LoadGeneratorError, "did not open its window within 0.5 s, and was stopped; its last lines:"),
        ),
        ([[encode(WINDOW)]], end_round, (LoadGeneratorError, "did not end its round within 0.4 s,")),
        ([[encode(WINDOW)], []], close_window, (LoadGeneratorError, "did not end its round within 0.2 s,")),
    ],
    ids=["capture", "prepare", "begin", "end", "close"],
)
def test_what_does_not_end_in_time_is_stopped_with_that_reason(
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    replies: list[list[str]],
    drive: Callable[[LoadGenerator], object],
    late: tuple[type[Exception], str],
) -> None:
    limits = {"CAPTURE_LIMIT_S": 0.2, "PREPARE_LIMIT_S": 0.2, "ROUND_GRACE_S": 0.1}
    for name, limit_s in limits.items():
        monkeypatch.setattr(f"portcompare.measure.generator.{name}", limit_s)
    monkeypatch.setattr("portcompare.wire.protocol.WORKERS_AWAITED_S", 0.0)
    fake.reply(*replies, [], [])  # to the last order it sends nothing, and waits for the next
    with fake.start() as generator, pytest.raises(late[0]) as caught:
        drive(generator)
    assert late[1] in str(caught.value)


def test_a_process_that_is_stopped_may_be_gone_before_its_timer_is_done(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unfinished(threading.Timer):
        def run(self) -> None:
            self.finished.wait(self.interval)
            self.function()

    monkeypatch.setattr("portcompare.measure.generator.Timer", Unfinished)
    monkeypatch.setattr("portcompare.measure.generator.ROUND_GRACE_S", 0.1)
    monkeypatch.setattr("portcompare.wire.protocol.WORKERS_AWAITED_S", 0.0)
    fake.reply([], [])
    with fake.start() as generator, pytest.raises(LoadGeneratorError, match="did not open its window"):
        generator.begin_round(replace(RUN_ROUND, warmup_max_s=0.1, timeout_s=0.1))


def test_a_process_that_ends_early_is_an_error_with_its_last_lines_whatever_is_sent_next(fake: Fake) -> None:
    fake.reply([encode(WINDOW)])
    with fake.start() as generator:
        generator.begin_round(RUN_ROUND)
        with pytest.raises(LoadGeneratorError) as caught:
            generator.end_round()
        assert str(caught.value) == (
            "the load generator ended; its last lines:\na word from the locustfile\nand its last words"
        )
        with suppress(psutil.NoSuchProcess):  # its end of the pipe might still be open
            psutil.Process(fake.started["pid"]).wait(timeout=10)
        with pytest.raises(LoadGeneratorError, match=r"(?s)ended.*and its last words"):
            generator.begin_round(RUN_ROUND)


@pytest.mark.parametrize("said", ["Starting Locust\n", encode(DONE)[:40]], ids=["chatter", "broken off"])
def test_a_line_that_is_no_reply_is_an_error_that_shows_it(fake: Fake, said: str) -> None:
    fake.reply([said])
    with fake.start() as generator, pytest.raises(LoadGeneratorError) as caught:
        generator.prepare(PREPARE)
    assert f"sent {said!r}, which is no message" in str(caught.value)
