"""One round: the load generator and the server's CPU time, measured over the same window."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from portcompare.errors import InputError, Problem, WindowMissedError
from portcompare.http.requests import http_request
from portcompare.measure.blocks import Place
from portcompare.measure.generator import LoadGenerator
from portcompare.plan import OpenLoad, Plan
from portcompare.records.requests import Expectation
from portcompare.records.rounds import Round
from portcompare.serve import RunningServer
from portcompare.wire.protocol import Load, Prepare, RateLoad, RoundDone, RunRound, ScenarioSource, UserLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRound:
    """A round, and the histogram of its latencies."""

    round: Round  # not judged yet
    histogram: str  # all its latencies as a base64 encoded HdrHistogram, in microseconds


def measure_round(
    plan: Plan,
    place: Place,
    server: RunningServer,
    generator: LoadGenerator,
    expectations: Mapping[int, Expectation],
) -> MeasuredRound:
    """Measure one arm at one level once.

    Raises ServerError: the server died.
    Raises LoadGeneratorError: the load generator died.
    """
    server.check_alive()
    window = generator.begin_round(make_order(plan, place, server, expectations))
    usage, missed = None, None
    try:
        usage = server.measure_usage(window.start_s, window.end_s)
    except WindowMissedError as error:
        missed = str(error)
    done = generator.end_round()
    server.check_alive()
    measured = Round(
        block=place.block,
        order=place.order,
        arm=place.arm,
        deployment=server.deployment,
        scenario=place.scenario,
        level=float(place.level),
        load=done.load,
        usage=usage,
        discarded=done.load.failure or missed,
    )
    return MeasuredRound(round=measured, histogram=done.histogram)


def make_order(
    plan: Plan, place: Place, server: RunningServer, expectations: Mapping[int, Expectation]
) -> RunRound:
    """The order to the load generator for a round."""
    return RunRound(
        scenario=place.scenario,
        url=server.url,
        load=_load(plan, place),
        delay_s=plan.scenarios[place.scenario].delay_s,
        warmup_s=plan.rounds.warmup_s,
        warmup_max_s=plan.rounds.warmup_max_s,
        window_s=plan.window_s(place.scenario),
        timeout_s=plan.rounds.timeout_s,
        expectations=dict(expectations),
    )


def _load(plan: Plan, place: Place) -> Load:
    """The load of a round.

    All arms of a block have the same arrivals, so that they can be paired; a second attempt has others.
    """
    load = plan.scenarios[place.scenario].load
    if isinstance(load, OpenLoad):
        return RateLoad(
            rate_rps=place.level,
            arrivals=load.arrivals,
            connections=load.connections,
            seed=f"{plan.rounds.seed}/{place.block}/{place.scenario}/{place.level:g}/{place.attempt}",
        )
    return UserLoad(users=int(place.level))


def load_target(
    generator: LoadGenerator, url: str, load: Load, window_s: float, on_window: Callable[[], None]
) -> RoundDone:
    """Load one address with GET requests.

    Raises InputError if nothing can be sent to this address.
    Raises LoadGeneratorError if the load generator died.
    """
    scenario = "load"
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        remedy = "write it as http://HOST:PORT/PATH"
        raise InputError([Problem(where=url, found="is not the address of a server", remedy=remedy)])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    source = ScenarioSource(requests=((http_request(target), 1.0),))
    prepared = generator.prepare(Prepare(locustfile=None, scenarios={scenario: source}))
    if prepared.problems:
        found, remedy = prepared.problems[scenario]
        raise InputError([Problem(where=url, found=found, remedy=remedy)])
    generator.begin_round(
        RunRound(
            scenario=scenario,
            url=f"{parts.scheme}://{parts.netloc}",
            load=load,
            delay_s=0.0,
            warmup_s=0.5,
            warmup_max_s=30.0,
            window_s=window_s,
            timeout_s=30.0,
            expectations={},
        )
    )
    on_window()
    return generator.end_round()
