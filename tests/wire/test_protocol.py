import json
from collections.abc import Mapping
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcompare.records.requests import LoginStep, RequestSpec
from portcompare.wire.protocol import Message, decode, encode
from tests.measure.plans import DONE

# The parts of which messages of any kind are made: as JSON has them, and steps whose requests need no login.
BYTES = st.binary() | st.just(bytes(range(256)))  # so many that base64 by lines would break them
FINITE = st.floats(allow_nan=False, allow_infinity=False)
REQUESTS = st.builds(RequestSpec, body=BYTES, login=st.just(()))
PARTS = {bytes: BYTES, float: FINITE, LoginStep: st.builds(LoginStep, request=REQUESTS)}


@pytest.fixture(autouse=True, scope="module")
def _registered() -> None:
    for kind, strategy in PARTS.items():
        st.register_type_strategy(kind, strategy)
    st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind))))


@pytest.mark.parametrize("kind", get_args(Message))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_message_is_one_line_of_json_and_comes_back_as_it_was_sent(kind: type, data: st.DataObject) -> None:
    message = data.draw(st.from_type(kind))
    line = encode(message)
    assert line.splitlines(keepends=True) == [line]
    assert json.loads(line)["kind"] == kind.__name__
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
