"""One target under load, without a comparison: as one would with wrk."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from portcompare.errors import InputError, Problem
from portcompare.protocol import Prepare, RunRound, ScenarioSource
from portcompare.requests import http_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.measure.generator import LoadGenerator
    from portcompare.protocol import Load, RoundDone

WARMUP_S = 0.5
WARMUP_MAX_S = 30.0
TIMEOUT_S = 30.0

_SCENARIO = "load"


def load_target(
    generator: LoadGenerator, url: str, load: Load, window_s: float, on_window: Callable[[], None]
) -> RoundDone:
    """Load one address with GET requests.

    Args:
        generator: The load generator.
        url: The address, with path and query.
        load: Users or a rate.
        window_s: How long is measured, after a warm-up of half a second at least.
        on_window: Called when the window opens.

    Returns:
        What happened inside the window.

    Raises:
        InputError: If nothing can be sent to this address.
        LoadGeneratorError: If the load generator died.
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        remedy = "write it as http://HOST:PORT/PATH"
        raise InputError([Problem(where=url, found="is not the address of a server", remedy=remedy)])
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    source = ScenarioSource(requests=((http_request(target), 1.0),))
    prepared = generator.prepare(Prepare(locustfile=None, scenarios={_SCENARIO: source}))
    if prepared.problems:
        found, remedy = prepared.problems[_SCENARIO]
        raise InputError([Problem(where=url, found=found, remedy=remedy)])
    generator.begin_round(
        RunRound(
            scenario=_SCENARIO,
            url=f"{parts.scheme}://{parts.netloc}",
            load=load,
            delay_s=0.0,
            warmup_s=WARMUP_S,
            warmup_max_s=WARMUP_MAX_S,
            window_s=window_s,
            timeout_s=TIMEOUT_S,
            expectations={},
        )
    )
    on_window()
    return generator.end_round()
