"""What the generator says of itself, so that a round can be void when it was the limit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from portcompare.analyse import GeneratorLimits, find_overload
from portcompare.http.requests import http_request
from portcompare.plan import Generator as GeneratorPlan
from portcompare.wire.protocol import RateLoad
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.wire.protocol import WindowOpens
    from tests.loadgen.generator import Generator

LIMITS = GeneratorLimits(**GeneratorPlan().model_dump())

# A user whose first request after the instant that a file holds is followed by a computation that takes the
# event loop's time.
BLOCKING = """
from pathlib import Path
from time import perf_counter
from portcompare.loadgen import LeanUser, http_request

class Blocking(LeanUser):
    request = http_request("/")
    instant = Path(__file__).with_name("instant")

    def ask(self, due_s=None):
        super().ask(due_s)
        if self.instant.exists() and perf_counter() > float(self.instant.read_text()):
            self.instant.unlink()
            until_s = perf_counter() + 0.2
            while perf_counter() < until_s:
                pass
"""


def block_inside(window: WindowOpens, folder: Path) -> None:
    """Have the user block the loop soon after the window has opened."""
    draft = folder / "draft"
    draft.write_text(str(window.start_s + 0.1), encoding="utf-8")
    draft.rename(folder / "instant")  # at once: it is looked for all the time


@pytest.mark.parametrize(
    "rate",
    [None, RateLoad(rate_rps=100.0, arrivals="even", connections=4, seed="1")],
    ids=["closed", "open"],
)
def test_a_user_that_blocks_the_loop_is_noticed_and_voids_the_round(
    generator: Generator, tmp_path: Path, rate: RateLoad | None
) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(BLOCKING, encoding="utf-8")
    generator.prepare(locustfile, scenario="Blocking")
    with serve(answering(OK, delay_s=0.01)) as server:
        done = generator.run_round(
            server.url, rate=rate, window_s=0.8, on_window=partial(block_inside, folder=tmp_path)
        )
        again = generator.run_round(server.url, rate=rate, window_s=0.3)
    assert 0.15 <= done.load.stall_max_s < 1
    said = find_overload(done.load, replace(LIMITS, max_lag_s=1.0))
    assert said is not None
    assert said.startswith("the load generator stood still for ")
    assert again.load.stall_max_s < done.load.stall_max_s  # the stall is not the next round's


def test_a_stall_delays_what_is_due_and_this_is_lag(generator: Generator, tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(BLOCKING, encoding="utf-8")
    generator.prepare(locustfile, scenario="Blocking")
    rate = RateLoad(rate_rps=100.0, arrivals="even", connections=16, seed="1")
    with serve(answering(OK)) as server:
        done = generator.run_round(
            server.url, rate=rate, window_s=0.8, on_window=partial(block_inside, folder=tmp_path)
        )
    assert done.load.lag_max_s is not None
    assert done.load.latency_s is not None
    # The one due first in the 0.2 s waits for all that is left of them.
    assert 0.15 <= done.load.lag_max_s < 1
    assert done.load.latency_s.max >= done.load.lag_max_s * 0.999
    assert done.load.lag_p99_s is not None
    assert done.load.lag_p99_s > LIMITS.max_lag_s


def test_a_generator_with_time_to_spare_is_not_the_limit(generator: Generator) -> None:
    generator.prepare(scenario=http_request("/"))
    with serve(answering(OK, delay_s=0.01)) as server:
        rounds = [generator.run_round(server.url, users=4, window_s=0.3) for _ in range(3)]
    # A busy machine may keep the whole process waiting, and then it is told.
    done = min(rounds, key=lambda one: one.load.stall_max_s)
    assert 0 <= done.load.stall_max_s < LIMITS.max_stall_s
    assert 0 < done.load.generator_cpu_ratio < 0.9
    assert find_overload(done.load, LIMITS) is None
