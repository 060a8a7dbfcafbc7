"""The load generator for what `portcompare load` does not do: even arrivals, and starts that are spread."""

import tempfile
from pathlib import Path

from benchmarks.serving import CLIENT_CPU
from portcompare.http.requests import http_request
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.wire.protocol import Load, Prepare, RoundDone, RunRound, ScenarioSource

SCENARIO = "load"


def run_round(url: str, path: str, load: Load, *, window_s: float, delay_s: float = 0.0) -> RoundDone:
    """Load a server as a plan's round does, on the clients' CPU.

    Args:
        url: The server.
        path: What is requested, with the query.
        load: Users or a rate.
        window_s: How long is measured.
        delay_s: How long each response takes by design: starts are spread over it, and the warm-up lasts so
            much longer than until each user has had a response.

    Returns:
        What happened inside the window.
    """
    with (
        tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
        start_generator(Path(folder) / "loadgen.log", (CLIENT_CPU,), Path.cwd()) as generator,
    ):
        prepare(generator, path)
        return load_once(generator, url, load, window_s=window_s, delay_s=delay_s)


def prepare(generator: LoadGenerator, path: str) -> None:
    """Give a load generator what to request."""
    source = ScenarioSource(requests=((http_request(path), 1.0),))
    prepared = generator.prepare(Prepare(locustfile=None, scenarios={SCENARIO: source}))
    assert not prepared.problems, prepared.problems


def load_once(
    generator: LoadGenerator, url: str, load: Load, *, window_s: float, delay_s: float = 0.0
) -> RoundDone:
    """One round of a load generator that knows what to request."""
    generator.begin_round(
        RunRound(
            scenario=SCENARIO,
            url=url,
            load=load,
            delay_s=delay_s,
            warmup_s=0.5,
            warmup_max_s=30.0 + 2 * delay_s,
            window_s=window_s,
            timeout_s=30.0 + delay_s,
            expectations={},
        )
    )
    done = generator.end_round()
    assert done.load.failure is None, done.load.failure
    return done
