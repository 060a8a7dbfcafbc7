import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.errors import InputError, LoadGeneratorError
from portcompare.measure import generator as module
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.wire import protocol as wire
from portcompare.wire.protocol import encode
from tests.loadgen.generator import round_of
from tests.measure.plans import DONE

PREPARE = wire.Prepare(locustfile="locustfile.py", scenarios={"own": wire.ScenarioSource(user="Own")})
PREPARED = wire.Prepared(requests={"own": ()}, problems={})
CAPTURE = wire.Capture(scenario="own", url="http://127.0.0.1:8000")
RUN_ROUND = round_of("http://127.0.0.1:8000", users=3, window_s=1.0, timeout_s=30.0)
WINDOW = wire.WindowOpens(start_s=1.0, end_s=2.0)


class Fake:
    """The process: it sends these replies, and then nothing until it is stopped, or ends."""

    def __init__(self, *replies: str, ends: bool = False) -> None:
        self.stdin = self.stdout = self
        self.calls: list[str] = []  # "start" and "stop"
        self.started: dict[str, Any] = {}  # How it was
        self._replies, self._ends = list(replies), ends
        self._stopped = threading.Event()

    def start(self, command: list[str], **how: Any) -> "Fake":  # noqa: ANN401 - as of `start_supervised`
        self.calls.append("start")
        self.started = {"command": command, **how}
        return self

    def request_stop(self) -> None:
        self._stopped.set()
        time.sleep(0.05)  # the thread that waits for its end may go on before its timer is done

    def stop(self) -> None:
        self.calls.append("stop")

    def write(self, _order: str) -> None: ...

    def flush(self) -> None:
        if self._ends and not self._replies:
            raise BrokenPipeError

    def readline(self) -> str:
        if self._replies:
            return self._replies.pop(0)
        return "" if self._ends or self._stopped.wait(20) else "it was not stopped"

    def log_tail(self) -> str:
        return "a word from the locustfile\nand its last words"


def driven(fake: Fake) -> LoadGenerator:
    process: Any = fake
    return LoadGenerator(process)


def test_an_interruption_while_a_limit_begins_leaves_nothing_that_keeps_the_process_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Interrupted(threading.Timer):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "Timer", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        driven(Fake(encode(WINDOW))).begin_round(RUN_ROUND)
    assert all(one.daemon for one in threading.enumerate() if isinstance(one, Interrupted))


def test_it_is_a_python_process_that_ends_with_the_run_even_if_that_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(encode(PREPARED))
    monkeypatch.setattr(module, "start_supervised", fake.start)

    def break_off() -> None:
        with start_generator(tmp_path / "log", (1, 3), tmp_path) as generator:
            assert generator.prepare(PREPARE) == PREPARED
            assert fake.calls == ["start"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert fake.calls == ["start", "stop"]
    assert fake.started == {
        "command": [sys.executable, "-P", "-m", "portcompare.loadgen"],
        "directory": tmp_path,
        "environment": os.environ,
        "cpus": (1, 3),
        "log_path": tmp_path / "log",
        "pipes": True,
    }


def test_a_reply_out_of_turn_is_an_error() -> None:
    generator = driven(Fake(*map(encode, (PREPARE, DONE, WINDOW, WINDOW))))
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
        ([encode(WINDOW)], end_round, (LoadGeneratorError, "did not end its round within 0.4 s,")),
        ([encode(WINDOW)], close_window, (LoadGeneratorError, "did not end its round within 0.2 s,")),
    ],
    ids=["capture", "prepare", "begin", "end", "close"],
)
def test_what_does_not_end_in_time_is_stopped_with_that_reason(
    monkeypatch: pytest.MonkeyPatch,
    replies: list[str],
    drive: Callable[[LoadGenerator], object],
    late: tuple[type[Exception], str],
) -> None:
    limits = {"CAPTURE_LIMIT_S": 0.2, "PREPARE_LIMIT_S": 0.2, "ROUND_GRACE_S": 0.1}
    for name, limit_s in limits.items():
        monkeypatch.setattr(module, name, limit_s)
    monkeypatch.setattr("portcompare.wire.protocol.WORKERS_AWAITED_S", 0.0)
    with pytest.raises(late[0]) as caught:
        drive(driven(Fake(*replies)))
    assert late[1] in str(caught.value)


def test_a_process_that_ends_early_is_an_error_with_its_last_lines_whatever_is_sent_next() -> None:
    generator = driven(Fake(encode(WINDOW), ends=True))
    generator.begin_round(RUN_ROUND)
    for drive in (generator.end_round, lambda: generator.begin_round(RUN_ROUND)):
        with pytest.raises(LoadGeneratorError) as caught:
            drive()
        assert str(caught.value) == (
            "the load generator ended; its last lines:\na word from the locustfile\nand its last words"
        )


@pytest.mark.parametrize("said", ["Starting Locust\n", encode(DONE)[:40]], ids=["chatter", "broken off"])
def test_a_line_that_is_no_reply_is_an_error_that_shows_it(said: str) -> None:
    with pytest.raises(LoadGeneratorError) as caught:
        driven(Fake(said)).prepare(PREPARE)
    assert f"sent {said!r}, which is no message" in str(caught.value)
