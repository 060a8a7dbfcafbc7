"""A server that stalls once: what open load finds there, and what clients with a closed loop leave out.

    .venv/bin/python -m benchmarks.stalled_server

Every client sends 200 requests/s, evenly spaced; the server responds at once, but for one second in which
it does nothing. What there was to find is worked out by hand, from when requests are due. Writes
docs/benchmarks.md.
"""

from dataclasses import dataclass
from functools import partial
from statistics import median

from hdrh.histogram import HdrHistogram

from benchmarks.common import header, in_turn, publish, row, spread, verdict, versions
from benchmarks.generator import run_round
from benchmarks.peers import fast_http_user
from benchmarks.serving import stalling_target, take_account, target
from benchmarks.wrk import Histogram, run_wrk_raw
from portcompare.wire.protocol import RateLoad
from tests.loadgen.stalling import latencies_after_stall, percentile

RATE_RPS, STALL_S, SECONDS, ROUNDS = 200, 1.0, 3.0, 6
AT_REQUEST = 300
"""At 200/s the stall is then well inside the window of each client, whether it warms up for 0.5 s or not."""
USERS = 2
SLOW_S = 0.1
SHARE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a client says of a run with the stall.

    Attributes:
        p99_s: 99th percentile of latency.
        max_s: The greatest.
        slow: Requests that took more than 0.1 s.
    """

    p99_s: float
    max_s: float
    slow: int


def main() -> None:
    """Measure and publish."""
    publish("stalled-server", describe(measure(ROUNDS)))


def measure(rounds: int) -> dict[str, list[Found]]:
    """Run the clients alternately; each run meets one stall."""
    with target(stalling_target(AT_REQUEST, STALL_S)) as url:
        sides = {"portcompare": open_load, "FastHttpUser": closed_locust, "wrk": closed_wrk}
        found = in_turn({name: partial(run, url) for name, run in sides.items()}, rounds)
    return {
        name: [said[name] for rounds in found.values() for said in rounds if name in said] for name in NAMES
    }


NAMES = ("portcompare, open load", "FastHttpUser, 2 users", "wrk, 2 connections, measured", "wrk, as printed")


def by_hand() -> Found:
    """What there is to find, from the requests' due times and the stall alone."""
    latencies_s = latencies_after_stall(RATE_RPS, STALL_S, round(RATE_RPS * SECONDS))
    slow = sum(latency_s > SLOW_S for latency_s in latencies_s)
    return Found(p99_s=percentile(latencies_s, 99), max_s=latencies_s[-1], slow=slow)


def open_load(url: str) -> dict[str, Found]:
    """The open model of portcompare's load generator."""
    take_account(url)
    load = RateLoad(rate_rps=RATE_RPS, arrivals="even", connections=1024, seed="")
    done = run_round(url, "/", load, window_s=SECONDS)
    recorded = HdrHistogram.decode(done.histogram).get_recorded_iterator()
    counts = {item.value_iterated_to: item.count_at_value_iterated_to for item in recorded}
    return {NAMES[0]: from_histogram(Histogram(counts=counts))}


def closed_locust(url: str) -> dict[str, Found]:
    """Locust's FastHttpUser: each of its users waits for its response."""
    take_account(url)
    found = fast_http_user(url, "/", USERS, SECONDS, RATE_RPS)
    latency_s = found["latency_s"]
    return {NAMES[1]: Found(p99_s=latency_s["p99"], max_s=latency_s["max"], slow=found["slow"])}


def closed_wrk(url: str) -> dict[str, Found]:
    """wrk: each of its connections waits for its response; what it measured, and what it makes of that."""
    take_account(url)
    found = run_wrk_raw(f"{url}/", USERS, SECONDS, delay_s=USERS / RATE_RPS)
    return {NAMES[2]: from_histogram(found.seen), NAMES[3]: from_histogram(found.printed)}


def from_histogram(histogram: Histogram) -> Found:
    """The figures in a histogram."""
    return Found(p99_s=histogram.percentile_s(99), max_s=histogram.max_s, slow=histogram.slower_than(SLOW_S))


def describe(found: dict[str, list[Found]]) -> list[str]:
    """The figures as Markdown."""
    true = by_hand()
    lines = [
        *header(
            "client", "p99, ms", "max, ms", f"requests over {SLOW_S * 1e3:g} ms", "p99 and max / by hand"
        ),
        row("by hand", f"{true.p99_s * 1e3:,.4g}", f"{true.max_s * 1e3:,.4g}", true.slow, "1"),
    ]
    for name, rounds in found.items():
        share = [
            median(one.p99_s for one in rounds) / true.p99_s,
            median(one.max_s for one in rounds) / true.max_s,
        ]
        shown = (spread(one.p99_s * 1e3 for one in rounds), spread(one.max_s * 1e3 for one in rounds))
        compared = " and ".join(f"{one:.3f}" for one in share)
        if name == NAMES[0]:
            compared += f": within {SHARE:.0%}, {verdict(met=all(abs(one - 1) <= SHARE for one in share))}"
        lines.append(row(name, *shown, spread(one.slow for one in rounds), compared))
    return [*lines, "", f"{len(found[NAMES[0]])} rounds. {versions('locust', 'geventhttpclient')}."]


if __name__ == "__main__":
    main()
