"""A response that never ends is compared by its first part."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import count

import pytest

from portcompare.http.requests import http_request
from portcompare.parity.checker import CaseResult
from portcompare.parity.outcome import sum_up
from portcompare.parity.survey import Limits, Survey, survey
from portcompare.records.rounds import BASELINE, CONTROL
from tests.parity.site import Received, Reply, checking_sites

Service = Callable[[Received], Reply | Iterable[bytes]]

EVENTS = http_request("/events")
SSE = "text/event-stream"
LIMIT_S = 0.5  # how long a response may take, and a stream is waited for


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def streaming(
    part: Callable[[int], str],
    *,
    kind: str = SSE,
    every_s: float = 0.01,
    ends_after: int | None = None,
    sent: list[int] | None = None,
) -> Service:
    """A response in chunks, without an end unless it is given one; `sent`: numbers of parts, by response."""
    sent = [] if sent is None else sent

    def respond(received: Received) -> Iterator[bytes]:
        place = len(sent)
        sent.append(0)
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        for number in count():
            sent[place] = number
            if number == ends_after:
                yield b"0\r\n\r\n"
                return
            if received.closing.wait(every_s if number else 0.0):
                return
            yield chunk(part(number).encode())

    return respond


def silent(received: Received) -> Iterator[bytes]:
    yield f"HTTP/1.1 200 OK\r\nContent-Type: {SSE}\r\n\r\n".encode()
    received.closing.wait()


def event(number: int) -> str:
    return f"id: {number}\ndata: tick\n\n"


def checking(*services: Service) -> CaseResult:
    with checking_sites(*services, timeout_s=LIMIT_S) as (checker, _):
        return checker.check(EVENTS)


def found_in(result: CaseResult) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.pointer, each.baseline, each.candidate) for each in result.differences]


@pytest.mark.parametrize(
    ("service", "part"),
    [
        (streaming(event), "the stream after its first 3 events"),
        (streaming(lambda number: f"data: {number}\r\n\r\n"), "the stream after its first 3 events"),
        (streaming(lambda number: json.dumps({"n": number}) + "\n", kind="application/x-ndjson"), "3 lines"),
        (streaming(lambda _: "x" * 700, kind="text/plain"), "the stream after its first 1024 bytes"),
        (silent, "the stream, but for its headers"),
    ],
)
def test_streams_that_never_end_are_alike_in_their_first_part(service: Service, part: str) -> None:
    result = checking(service, service, service)
    assert found_in(result) == []
    assert result.coverage.compared == "in part"
    assert result.coverage.omitted[-1].endswith(part)
    assert result.streams.keys() == {BASELINE, CONTROL, "new"}


def test_streams_that_are_received_to_different_lengths_are_alike_as_far_as_both_go() -> None:
    result = checking(streaming(event, every_s=LIMIT_S * 0.7), streaming(event, every_s=0.01))
    assert found_in(result) == []
    assert result.coverage.omitted[-1].startswith("the stream after its first ")


@pytest.mark.parametrize(
    ("candidate", "where"),
    [
        (streaming(lambda number: f"id: {number + 1}\ndata: tick\n\n"), "body"),
        (streaming(event, kind="text/plain"), "header"),
        (silent, "body"),
    ],
)
def test_streams_that_begin_otherwise_differ(candidate: Service, where: str) -> None:
    result = checking(streaming(event), candidate)
    assert where in {kind for kind, *_ in found_in(result)}


@pytest.mark.parametrize("ends_after", [0, 2, 5])
def test_a_stream_that_ends_on_one_side_only_is_a_difference(ends_after: int) -> None:
    ending, endless = streaming(event, ends_after=ends_after), streaming(event)
    assert ("body", "", "(does not end)", "(ends)") in found_in(checking(endless, ending))
    assert ("body", "", "(ends)", "(does not end)") in found_in(checking(ending, endless))
    result = checking(ending, ending)
    assert (result.differences, result.coverage.compared, result.streams) == ((), "in full", {})


def test_a_baseline_that_ends_now_and_then_is_not_compared_with_what_does_either() -> None:
    ending, endless = streaming(event, ends_after=2), streaming(event)
    result = checking(endless, ending, endless)
    assert (result.differences, result.coverage.compared) == ((), "not compared")
    assert result.coverage.reason.endswith("differently: 200 without an end and 200")


def surveying(service: Service, candidate: Service | None = None) -> tuple[Survey, str, list[int]]:
    with checking_sites(service, candidate or service, timeout_s=LIMIT_S) as (checker, sites):
        found = survey(checker, [EVENTS], (), ["*"], Limits())
        return found, sum_up(checker, found).parity.verdict, [len(site.received) for site in sites]


def events_only(stream: Service) -> Service:
    return lambda received: (
        stream(received) if received.target.partition("?")[0] == "/events" else Reply(status=404)
    )


def test_a_stream_is_no_fault_of_the_plan_and_its_variations_do_not_wait_for_its_end() -> None:
    sent: list[int] = []
    found, verdict, _ = surveying(events_only(streaming(event, sent=sent)), events_only(streaming(event)))
    assert (verdict, found.faults) == ("alike", ())
    [line] = [each for each in found.warnings if "is a stream that does not end" in each]
    assert line.startswith("GET /events is a stream that does not end; time to the first byte: baseline ")
    assert sum(bool(each.streams) for each in found.varied) > 20
    first, *others = sent
    assert sorted(others)[len(others) // 2] < first / 2


def test_a_stream_whose_first_part_takes_long_is_not_varied() -> None:
    found, verdict, received = surveying(events_only(silent))
    assert verdict == "alike"
    assert any(each.endswith("it was not varied, as its first part takes long") for each in found.warnings)
    assert not [each for each in found.varied if each.streams]
    assert max(received) < 10
