import json
from dataclasses import replace
from typing import get_args

import pytest

from portcompare.records.manifest import Ceiling
from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from portcompare.records.rounds import Latency, LoadReport, Slice, Usage
from portcompare.wire.protocol import (
    Capture,
    Captured,
    CloseWindow,
    Gather,
    Joined,
    LiveSettings,
    Message,
    OpenUi,
    Prepare,
    Prepared,
    RateLoad,
    RoundDone,
    RunRound,
    RunState,
    ScenarioSource,
    ShowState,
    UiArm,
    UiOpened,
    UiPlan,
    UiRequest,
    UiScenario,
    UserLoad,
    WindowOpens,
    decode,
    encode,
)
from tests.altered import altered

REQUEST = RequestSpec(
    name="naïve\nname", method="POST", target="/data?a=1", headers=(("X-A", "1"), ("X-A", "2")), body=b"{}"
)
# Every byte, so many that base64 by lines would break them.
STEP = LoginStep(request=replace(REQUEST, body=bytes(range(256))), keep=(("token", "json:/token"),))
ROUND_DONE = RoundDone(
    load=LoadReport(
        started_at_s=1_700_000_000.25,
        window_s=1.0,
        warmup_s=0.3,
        steady=True,
        requests=12,
        rate_rps=12.5,
        error_kinds={"timeout": 2},
        received_bytes_per_request=170.5,
        reconnects=1,
        latency_s=Latency(p50=0.1, p95=0.2, p99=0.3, p999=0.4, max=0.5),
        handler_s=0.05,
        offered_rps=400.5,
        dropped=3,
        lag_p99_s=0.001,
        lag_max_s=0.002,
        stall_max_s=0.003,
        generator_cpu_ratio=0.4,
        generator_cpu_ratios={"1": 0.4},
        slices=(Slice(requests=3, errors=1, p50_s=0.1, p99_s=None),),
    ),
    histogram="SElTVEZBQUFB",
)
MESSAGES: list[Message] = [
    CloseWindow(),
    Prepare(
        locustfile="locustfile.py",
        scenarios={
            "own": ScenarioSource(user="Delayed"),
            "short": ScenarioSource(requests=((REQUEST, 0.5),), login=((STEP, STEP),)),
        },
    ),
    Prepare(locustfile=None, scenarios={}),
    Prepared(
        requests={"own": (REQUEST, replace(REQUEST, login=(STEP,))), "none": ()},
        problems={"bad": ("found", "do")},
    ),
    Prepared(requests={}, problems={}, to_capture=("own",)),
    Capture(scenario="own", url="http://127.0.0.1:8000"),
    Captured(requests=(REQUEST,), varying=(0,), elsewhere=("http://127.0.0.1:1/",)),
    Captured(requests=(), problem=("found", "do")),
    RunRound(
        scenario="own",
        url="http://127.0.0.1:8000",
        load=UserLoad(users=3),
        delay_s=0.2,
        warmup_s=0.25,
        warmup_max_s=30.0,
        window_s=1.0,
        timeout_s=30.0,
        expectations={
            0: Expectation(status=200, body_base64="e30=", masked=("/id",), own_address=True),
            7: Expectation(status=404, body_base64=None),
        },
    ),
    RunRound(
        scenario="own",
        url="http://127.0.0.1:8000",
        load=RateLoad(rate_rps=400.0, arrivals="even", connections=256, seed="1/0/own"),
        delay_s=0.0,
        warmup_s=0.25,
        warmup_max_s=30.0,
        window_s=1.0,
        timeout_s=30.0,
        expectations={},
    ),
    Gather(workers=2, here=True, cpus=(1, 3), host="127.0.0.1", port=0),
    Joined(address="127.0.0.1:5557", workers=("machine/1",)),
    Joined(address="127.0.0.1:5557", workers=(), problem=("found", "remedy")),
    WindowOpens(start_s=12345.678901234567, end_s=12346.678901234567),
    ROUND_DONE,
    altered(
        ROUND_DONE,
        latency_s=None,
        received_bytes_per_request=None,
        handler_s=None,
        offered_rps=None,
        lag_p99_s=None,
        lag_max_s=None,
        failure="cold",
    ),
    OpenUi(
        host="127.0.0.1",
        port=0,
        password_hash="scrypt:1",  # noqa: S106 - no password
        plan=UiPlan(
            name="plan",
            arms=(
                UiArm(name="flask", url="http://127.0.0.1:1", ceilings={"slow": Ceiling(slots=8)}, cpus=1),
            ),
            scenarios={"slow": UiScenario(name="slow", delay_s=2.0, model="open", rate_rps=10.0)},
        ),
        runs="/runs",
    ),
    UiOpened(url="http://127.0.0.1:8089"),
    ShowState(
        usage={"flask": Usage(cpu_s=1.5, rss_bytes=1024, restarts=1)},
        run=RunState(command="portcompare run", state="running", progress="block 1", folder="run"),
    ),
    UiRequest(),
    UiRequest(measure=LiveSettings(scenarios=("slow",), arms=("flask", "quart"), delay_s=0.5, users=4)),
]


def test_every_kind_of_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was_said(message: Message) -> None:
    line = encode(message)
    assert decode(line) == message
    assert decode(line.encode()) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_of_json(message: Message) -> None:
    line = encode(message)
    assert line.endswith("\n")
    assert line.splitlines() == [line.rstrip("\n")]
    assert json.loads(line)["kind"] == type(message).__name__


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "Starting Locust\n",
        encode(ROUND_DONE)[:40],
        "null",
        "[]",
        '"Prepare"',
        "{}",
        '{"kind": "Shutdown", "message": {}}',
        '{"kind": null, "message": {}}',
        '{"kind": ["WindowOpens"], "message": {"start_s": 1, "end_s": 2}}',
        '{"message": {"start_s": 1, "end_s": 2}}',
        '{"kind": "WindowOpens"}',
        '{"kind": "WindowOpens", "message": null}',
        '{"kind": "WindowOpens", "message": {"start_s": 1}}',
        '{"kind": "WindowOpens", "message": {"start_s": "soon", "end_s": 2}}',
        b"\xff\xfe\xfa",
    ],
)
def test_a_line_that_holds_no_message_is_refused(line: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(line)


def test_the_refusal_shows_what_was_said_instead() -> None:
    with pytest.raises(ValueError, match=r"^not a message: .*Shutdown"):
        decode('{"kind": "Shutdown"}')
