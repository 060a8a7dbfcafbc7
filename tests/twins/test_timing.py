import re
import time

import pytest

from tests.twins.sending import Send

SERVER_TIMING = re.compile(r"app;dur=([0-9]+\.[0-9]{3})")


def duration_ms(header: str) -> float:
    """Return the duration that a Server-Timing header tells."""
    match = SERVER_TIMING.fullmatch(header)
    assert match is not None, header
    return float(match[1])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("target", ["/data", "/data?delay=0.001", "/data?delay=x", "/healthz", "/nothing"])
def test_every_answer_tells_its_duration(send: Send, method: str, target: str) -> None:
    started = time.perf_counter()
    answer = send(method, target)
    elapsed_ms = (time.perf_counter() - started) * 1000

    assert 0 < duration_ms(answer.headers["Server-Timing"]) < elapsed_ms


def test_the_duration_contains_the_delay(send: Send) -> None:
    started = time.perf_counter()
    answer = send("GET", "/data?delay=0.05")
    elapsed_ms = (time.perf_counter() - started) * 1000

    # A server on uvloop counts in whole milliseconds, and so may wake up to one too early.
    assert 49 <= duration_ms(answer.headers["Server-Timing"]) < elapsed_ms
