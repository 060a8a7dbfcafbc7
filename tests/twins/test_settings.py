import importlib
from collections.abc import Mapping

import pytest

from tests.twins.sending import MakeSender

NUMBER = "a plain decimal number of seconds from 0 to"
NOT_ADDRESSES = ["", "127.0.0.1:8000", "ftp://host", "http://host/path", "http://u:p@host"]
WAITING = ("/data", "/data/blocking", "/data/cached", "/data/offloaded")
HELD_BY_QUART = {"/data": "nothing", "/data/cached": "nothing", "/data/blocking": "event loop"}
Sleeps = list[tuple[str, float]]


@pytest.mark.parametrize(
    ("environ", "target", "slept_s"),
    [
        ({}, "/data", []),
        ({"DATA_DELAY_S": "0"}, "/data?delay=0", []),
        *(({}, f"/data?delay={text}", [float(text)]) for text in ("0.25", "1e1", "10", "007")),
        ({"DATA_DELAY_S": "2.5"}, "/data?delay=1", [1.0]),
        ({"DATA_DELAY_S": "2.5"}, "/data?delay=0", []),
        ({"DATA_DELAY_S": "2.5"}, "/healthz", []),
        ({"DATA_MAX_DELAY_S": "3600"}, "/data?delay=3600", [3600.0]),
    ],
)
def test_a_request_overrides_the_delay_of_the_environment(
    make_sender: MakeSender, sleeps: Sleeps, environ: Mapping[str, str], target: str, slept_s: list[float]
) -> None:
    assert make_sender(environ)("GET", target).status_code == 200
    assert [seconds for _, seconds in sleeps] == slept_s


@pytest.mark.parametrize("path", WAITING)
def test_a_pattern_holds_what_it_is_meant_to_for_the_delay(
    twin: str, make_sender: MakeSender, sleeps: Sleeps, path: str
) -> None:
    send = make_sender({"DATA_DELAY_S": "2.5"})
    send("GET", path)
    send("GET", f"{path}?delay=7")
    held = HELD_BY_QUART.get(path, "thread") if twin == "async_quart" else "thread"
    assert sleeps == [(held, 2.5), (held, 7.0)]


@pytest.mark.parametrize(
    ("environ", "target", "maximum"),
    [
        *(({"DATA_MAX_DELAY_S": "0.5"}, f"{path}?delay=0.51", 0.5) for path in WAITING),
        ({"DATA_MAX_PADDING_BYTES": "10"}, "/data?delay=1&padding=11", 10),
    ],
)
def test_a_value_above_the_limit_of_the_environment_is_refused_without_sleeping(
    make_sender: MakeSender, sleeps: Sleeps, environ: Mapping[str, str], target: str, maximum: float
) -> None:
    response = make_sender(environ)("GET", target)
    assert response.status_code == 400
    assert response.json()["maximum"] == maximum
    assert f"from 0 to {maximum}." in response.json()["detail"]
    assert sleeps == []


@pytest.mark.parametrize(
    ("variable", "accepted", "texts"),
    [
        ("DATA_DELAY_S", f"{NUMBER} 10.0", ["", " 1", "-1", "nan", "inf", "1_0", "1e309", "10.01", "\u0661"]),
        ("DATA_MAX_DELAY_S", f"{NUMBER} 3600.0", ["", "-1", "nan", "inf", "fast", "3600.1"]),
        ("DATA_CACHE_TTL_S", f"{NUMBER} 3600.0", ["x", "3601"]),
        ("DATA_UPSTREAM_TIMEOUT_S", f"{NUMBER} 3600.0", ["x", "3601"]),
        ("DATA_MAX_PADDING_BYTES", "a plain whole number of bytes from 0 to 100000000", ["1.5", "100000001"]),
        ("DATA_UPSTREAM_URL", "an address such as http://127.0.0.1:8000", NOT_ADDRESSES),
    ],
)
def test_a_setting_out_of_range_is_refused(
    make_sender: MakeSender, variable: str, accepted: str, texts: list[str]
) -> None:
    for text in texts:
        with pytest.raises(ValueError, match=variable) as caught:
            make_sender({variable: text})
        assert type(caught.value).__name__ == "ConfigError"
        assert str(caught.value).splitlines() == [
            "The environment cannot be used:",
            f"  {variable} is {text!r}; it must be {accepted}",
        ]


@pytest.mark.parametrize(
    ("environ", "variables"),
    [
        ({"DATA_DELAY_S": "x", "DATA_MAX_DELAY_S": "y"}, ["DATA_MAX_DELAY_S", "DATA_DELAY_S"]),
        ({"DATA_DELAY_S": "2", "DATA_MAX_DELAY_S": "1"}, ["DATA_DELAY_S"]),
        # Below a limit that is invalid itself, only the limit can be called wrong.
        ({"DATA_DELAY_S": "20", "DATA_MAX_DELAY_S": "y"}, ["DATA_MAX_DELAY_S"]),
    ],
)
def test_all_errors_of_the_environment_are_reported_at_once(
    make_sender: MakeSender, environ: Mapping[str, str], variables: list[str]
) -> None:
    with pytest.raises(ValueError, match="The environment cannot be used") as caught:
        make_sender(environ)
    assert [line.split()[0] for line in str(caught.value).splitlines()[1:]] == variables


def test_the_service_does_not_start_in_a_wrong_environment(
    twin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DELAY_S", "never")
    with pytest.raises(ValueError, match=f"DATA_DELAY_S is 'never'; it must be {NUMBER} 10.0"):
        importlib.reload(importlib.import_module(f"{twin}.app"))
