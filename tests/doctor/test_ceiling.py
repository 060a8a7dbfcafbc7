from typing import Any

import pytest

from portcompare.doctor.ceiling import OPEN_STEPS, Ceiling, find_highest, measure_ceiling
from portcompare.wire.protocol import Prepare, Prepared, RateLoad, RoundDone, RunRound, UserLoad, WindowOpens
from tests.altered import altered
from tests.doctor.samples import LATENCY_S
from tests.measure.plans import DONE

NULL = "http://127.0.0.1:8123"
TOO_MUCH = "too much"


class Bench:
    """A load generator that makes 1,000 requests/s in the closed windows or so, and else what is offered."""

    def __init__(self, error_kinds: dict[str, int] | None = None, *, responds: bool = True) -> None:
        self.orders: list[RunRound] = []
        self.steps: list[str] = []
        self._error_kinds = error_kinds or {}
        self._closed_rps = iter([900.0, 1100.0, 1000.0, 1050.0, 950.0] if responds else [0.0] * 5)

    def prepare(self, order: Prepare) -> Prepared:
        assert order.locustfile is None
        return Prepared(requests={}, problems={})

    def begin_round(self, order: RunRound) -> WindowOpens:
        self.orders.append(order)
        return WindowOpens(start_s=0.0, end_s=order.window_s)

    def end_round(self) -> RoundDone:
        match self.orders[-1].load:
            case RateLoad(rate_rps=rate_rps):
                ratio = rate_rps / 1000
                return altered(DONE, rate_rps=rate_rps, generator_cpu_ratio=ratio, lag_p99_s=ratio / 1000)
            case UserLoad(users=1):
                return altered(DONE, latency_s=LATENCY_S, error_kinds=self._error_kinds)
        rate_rps = next(self._closed_rps)
        return altered(
            DONE, rate_rps=rate_rps, generator_cpu_ratio=rate_rps / 1200, error_kinds=self._error_kinds
        )

    def measure(self, most_rps: float) -> Ceiling:
        """Measure it, trusting rates up to the one given."""
        generator: Any = self
        return measure_ceiling(
            generator,
            NULL,
            why_untrusted=lambda done: TOO_MUCH if done.load.rate_rps > most_rps else None,
            on_step=self.steps.append,
        )


def test_the_ceiling_is_what_the_windows_achieved_each_of_which_is_announced() -> None:
    bench = Bench()
    found = bench.measure(most_rps=500)
    assert (found.closed_low_rps, found.closed_rps, found.closed_high_rps) == (900, 1000, 1100)  # the median
    assert found.closed_cpu_ratio == pytest.approx(1000 / 1200)
    assert found.users == 32
    assert found.latency_s == LATENCY_S  # of a single user
    assert found.trusted_rps is not None
    assert 500 * 0.96 < found.trusted_rps <= 500
    assert found.trusted_cpu_ratio == pytest.approx(found.trusted_rps / 1000)
    assert found.trusted_lag_p99_s == pytest.approx(found.trusted_rps / 1e6)
    assert found.untrusted_reason == TOO_MUCH
    assert {order.url for order in bench.orders} == {NULL}
    assert len(bench.steps) == len(bench.orders)
    assert "one user" in bench.steps[0]
    assert "32 users, window 5 of 5" in bench.steps[5]
    assert "requests/s, open model" in bench.steps[6]


def test_where_no_rate_can_be_trusted_there_is_none_and_failures_are_added_up() -> None:
    found = Bench({"connection reset": 2}).measure(most_rps=0)
    assert (found.trusted_rps, found.trusted_cpu_ratio, found.trusted_lag_p99_s) == (None, None, None)
    assert found.untrusted_reason == TOO_MUCH
    assert found.error_kinds == {"connection reset": 12}
    bench = Bench(responds=False)  # not a single response: no rate is offered
    assert bench.measure(most_rps=500).trusted_rps is None
    assert not any(isinstance(order.load, RateLoad) for order in bench.orders)


def search(trusted_offers: dict[int, bool], *, otherwise: bool) -> tuple[float | None, list[float]]:
    """Look for a rate from 100 to 1,000; the offers, from 0, that are trusted or not, and the others."""
    offers: list[float] = []

    def offer(rate_rps: float) -> RoundDone:
        offers.append(rate_rps)
        return DONE

    def why_untrusted(_done: RoundDone) -> str | None:
        return None if trusted_offers.get(len(offers) - 1, otherwise) else TOO_MUCH

    trusted, _ = find_highest(1000, offer, why_untrusted)
    return (trusted[0] if trusted else None), offers


def test_a_rate_that_failed_is_offered_once_more_before_it_counts() -> None:
    found, offers = search({0: False}, otherwise=True)
    assert offers[1] == offers[0]
    assert found == pytest.approx(1000, rel=0.04)
    found, offers = search({0: False, 1: False}, otherwise=True)
    assert offers[2] < offers[0]
    assert found == pytest.approx(offers[0], rel=0.04)
    found, offers = search({}, otherwise=False)
    assert found is None
    assert len(offers) == 2 * OPEN_STEPS
    assert offers[-1] == pytest.approx(100, rel=0.04)
