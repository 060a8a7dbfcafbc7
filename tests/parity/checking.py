"""Comparing made-up services."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

from portcompare.parity import Asker, ParityOutcome, sum_up
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import CONTROL
from tests.parity.site import Asked, Reply, serving_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from portcompare.plan import Allowance

    Answering = Callable[[Asked], Reply | Iterable[bytes]]

SCENARIO = RequestSpec(name="delayed", target="/data?delay=0")
ONE = (RequestSpec(name="GET /data?delay=0", target="/data?delay=0"),)
CASES = (
    *ONE,
    RequestSpec(name="HEAD /data", method="HEAD", target="/data"),
    RequestSpec(name="POST /data", method="POST", target="/data", body=b"x"),
    RequestSpec(name="GET /nothing", target="/nothing"),
)


def checking(
    baseline: Answering,
    *others: Answering,
    cases: Sequence[RequestSpec] = ONE,
    timeout_s: float = 30.0,
    control: Answering | None = None,
    allow: Sequence[Allowance] = (),
) -> ParityOutcome:
    named: Mapping[str, Answering] = {f"new-{place}": answering for place, answering in enumerate(others)}
    if control is not None:
        named = {CONTROL: control, **named}
    with serving_all(baseline, *named.values()) as (first, *sites):
        urls = {name: site.url for name, site in zip(named, sites, strict=True)}
        with Asker(first.url, urls, timeout_s=timeout_s, allow=allow, tick_s=0.0) as asker:
            return sum_up(asker, [asker.examine(case) for case in cases])


def told(outcome: ParityOutcome) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.deployment, each.kind, each.pointer, each.baseline, each.candidate)
        for each in outcome.parity.differences
    ]


def document(value: object, status: int = 200) -> Reply:
    return Reply(
        status=status, headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode()
    )


def in_turn(*replies: Reply) -> Answering:
    """Answer one after the other, then from the start again."""
    turns = count()
    return lambda _: replies[next(turns) % len(replies)]


def counting(made: Callable[[int], Reply]) -> Answering:
    """Answer each request with another number."""
    turns = count()
    return lambda _: made(next(turns))


def service(allow: str, server: str) -> Answering:
    """What a framework answers, in the words of one server program."""

    def answer(asked: Asked) -> Reply:
        headers = (
            ("Server", server),
            ("Date", f"today at {server}"),
            ("Server-Timing", f"app;dur={len(server)}"),
        )
        path = asked.target.partition("?")[0]
        if path != "/data":
            return Reply(status=404, headers=headers, body=b"no such path")
        if asked.method not in allow.split(", "):
            return Reply(status=405, headers=(*headers, ("Allow", allow)))
        return Reply(headers=(("Content-Type", "text/plain"), *headers))

    return answer
