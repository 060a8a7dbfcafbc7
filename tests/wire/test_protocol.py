import json
from dataclasses import replace
from typing import get_args

import pytest

from portcompare.records.manifest import Ceiling
from portcompare.records.requests import Expectation, Format, LoginStep, RequestSpec, Shape
from portcompare.records.rounds import Turn, Usage, WorkerChange
from portcompare.wire import protocol as wire
from portcompare.wire.protocol import Message, decode, encode
from tests.altered import altered
from tests.measure.plans import DONE

REQUEST = RequestSpec(
    name="naïve\nname", method="POST", target="/data?a=1", headers=(("X-A", "1"), ("X-A", "2")), body=b"{}"
)
# Every byte, so many that base64 by lines would break them.
STEP = LoginStep(request=replace(REQUEST, body=bytes(range(256))), keep=(("token", "json:/token"),))
SHAPE = Shape(types=("array",), items=Shape(types=("object",), members={"id": Shape(types=("number",))}))
ROUND = wire.RunRound(
    scenario="own",
    url="http://127.0.0.1:8000",
    load=wire.UserLoad(users=3),
    delay_s=0.2,
    warmup_s=0.25,
    warmup_max_s=30.0,
    window_s=1.0,
    timeout_s=30.0,
    expectations={
        0: Expectation(
            status=200,
            body_base64="e30=",
            format=Format(name="json"),
            masks={"/id": SHAPE},
            own_address=True,
        ),
        7: Expectation(status=404, body_base64=None),
    },
)
TURN = Turn(
    cycle=3,
    started_at_s=1_700_000_000.5,
    duration_s=0.125,
    requests=40,
    errors=1,
    rate_rps=320.0,
    p50_s=0.01,
    generator_cpu_ratio=0.3,
    stall_max_s=0.001,
)
MESSAGES: list[Message] = [
    wire.CloseWindow(),
    wire.Prepare(
        locustfile="locustfile.py",
        scenarios={
            "own": wire.ScenarioSource(user="Delayed"),
            "short": wire.ScenarioSource(requests=((REQUEST, 0.5),), login=((STEP, STEP),)),
        },
    ),
    wire.Prepare(locustfile=None, scenarios={}),
    wire.Prepared(
        requests={"own": (REQUEST, replace(REQUEST, login=(STEP,))), "none": ()},
        problems={"bad": ("found", "do")},
    ),
    wire.Prepared(requests={}, problems={}, to_capture=("own",)),
    wire.Capture(scenario="own", url="http://127.0.0.1:8000"),
    wire.Captured(requests=(REQUEST,), varying=(0,), elsewhere=("http://127.0.0.1:1/",)),
    wire.Captured(requests=(), problem=("found", "do")),
    ROUND,
    replace(
        ROUND,
        load=wire.RateLoad(rate_rps=400.0, arrivals="even", connections=256, seed="1/0/own"),
        expectations={},
    ),
    wire.Gather(workers=2, here=True, cpus=(1, 3), host="127.0.0.1", port=0),
    wire.Joined(address="127.0.0.1:5557", workers=("machine/1",)),
    wire.Joined(address="127.0.0.1:5557", workers=(), problem=("found", "remedy")),
    wire.WindowOpens(start_s=12345.678901234567, end_s=12346.678901234567),
    DONE,
    altered(DONE, latency_s=None, received_bytes_per_request=None, handler_s=None, failure="cold"),
    altered(DONE, offered_rps=None, lag_p99_s=None, lag_max_s=None),
    wire.JoinTurns(rounds={"baseline": ROUND}),
    wire.TurnsJoined(failures={"baseline": "cold"}),
    wire.TakeTurn(arm="baseline", cycle=3, turn_s=0.1),
    wire.TurnTaken(turn=TURN, reconnects=0),
    wire.EndTurns(counting={"baseline": (0, 2)}),
    wire.TurnsEnded(rounds={"baseline": DONE}),
    wire.OpenUi(
        host="127.0.0.1",
        port=0,
        password_hash="scrypt:1",  # noqa: S106 - no password
        plan=wire.UiPlan(
            name="plan",
            arms=(wire.UiArm(name="flask", url="http://h:1", ceilings={"slow": Ceiling(slots=8)}, cpus=1),),
            scenarios={"slow": wire.UiScenario(name="slow", delay_s=2.0, model="open", rate_rps=10.0)},
        ),
        runs="/runs",
    ),
    wire.UiOpened(url="http://127.0.0.1:8089"),
    wire.ShowState(
        usage={"flask": Usage(cpu_s=1.5, rss_bytes=1024, restarts=1)},
        run=wire.RunState(command="portcompare run", state="running", progress="block 1", folder="run"),
    ),
    WorkerChange(worker="machine/1", at_s=1_700_000_000.5, change="lost", reason="no heartbeat"),
    wire.GaveUp(reason="all load workers are lost"),
    wire.UiRequest(),
    wire.UiRequest(
        measure=wire.RunRequest(
            settings=wire.LiveSettings(scenarios=("slow",), arms=("a", "b"), delay_s=0.5, users=4),
            budget_s=60.0,
        ),
        cancels=True,
    ),
]


def test_every_kind_of_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_of_json_and_comes_back_as_it_was_sent(message: Message) -> None:
    line = encode(message)
    assert line.splitlines(keepends=True) == [line]
    assert json.loads(line)["kind"] == type(message).__name__
    assert decode(line) == decode(line.encode()) == message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Starting Locust\n",
        encode(DONE)[:40],
        "null",
        "{}",
        '{"kind": "Shutdown", "message": {}}',
        '{"kind": ["WindowOpens"], "message": {"start_s": 1, "end_s": 2}}',
        '{"message": {"start_s": 1, "end_s": 2}}',
        '{"kind": "WindowOpens"}',
        '{"kind": "WindowOpens", "message": {"start_s": 1}}',
        '{"kind": "WindowOpens", "message": {"start_s": "soon", "end_s": 2}}',
        b"\xff\xfe\xfa",
    ],
)
def test_a_line_that_holds_no_message_is_refused(line: str | bytes) -> None:
    with pytest.raises(ValueError, match="not a message: .*Shutdown" if "Shutdown" in str(line) else ".+"):
        decode(line)
