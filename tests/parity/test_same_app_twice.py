"""One and the same app, started again and again: what differs by itself is no difference."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from portcompare.http.requests import http_request
from portcompare.http.responses import Response
from portcompare.parity.checker import TICK_S
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE, CONTROL
from tests.parity.clients import Client, checker_of

ARMS = (BASELINE, CONTROL, "start-2", "start-3")

# The responses hold the second, a token and a count; a cookie that expires; Allow and Vary in any order.
CASES = [http_request("/receipt", method=method) for method in ("GET", "OPTIONS", "HEAD")]


@contextmanager
def serve(app: str, hash_seed: int) -> Iterator[Client]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.parity.defects.in_process", app],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        to_app, from_app = process.stdin, process.stdout

        def respond(case: RequestSpec) -> Response:
            print(case.method, case.target, file=to_app, flush=True)
            values = json.loads(from_app.readline())
            headers = tuple((name, value) for name, value in values["headers"])
            return Response(**values | {"headers": headers, "body": values["body"].encode()})

        yield Client(respond)


@pytest.mark.parametrize("app", ["flask", "quart"])
def test_no_two_starts_of_one_app_differ(app: str) -> None:
    with ExitStack() as stack:
        clients = {arm: stack.enter_context(serve(app, seed)) for seed, arm in enumerate(ARMS)}
        orders = [clients[arm].send(CASES[1]).header("allow") for arm in ARMS]
        checker = stack.enter_context(checker_of(clients, tick_s=TICK_S))
        parity = checker.sum_up([checker.check(case) for case in CASES]).parity
    assert len(set(orders)) > 1  # what the hash seed changes
    assert parity.differences == ()
    assert parity.equal
    masked = {one.rpartition(": ")[2] for one in parity.masked}
    assert {"/number", "/token"} <= masked
    assert masked <= {"/number", "/token", "/second", "seen; Expires"}  # where the second has ended meanwhile
