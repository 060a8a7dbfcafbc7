import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.twins.sending import MakeSender

NUMBER = "a plain decimal number of seconds"


@pytest.mark.parametrize("found", ["", " 1", "-1", "nan", "inf", "1_0", "1e309", "fast", "10.01", "\u0661"])
def test_a_default_out_of_range_is_refused(make_sender: MakeSender, found: str) -> None:
    with pytest.raises(ValueError, match="DATA_DELAY_S") as caught:
        make_sender({"DATA_DELAY_S": found}, {})

    assert type(caught.value).__name__ == "ConfigError"
    assert str(caught.value).splitlines() == [
        "The environment cannot be used:",
        f"  DATA_DELAY_S is {found!r}; it must be {NUMBER} from 0 to 10.0",
    ]


@pytest.mark.parametrize("found", ["", "-1", "nan", "inf", "fast", "3600.1"])
def test_a_limit_out_of_range_is_refused(make_sender: MakeSender, found: str) -> None:
    with pytest.raises(ValueError, match="DATA_MAX_DELAY_S") as caught:
        make_sender({"DATA_MAX_DELAY_S": found}, {})

    assert str(caught.value).splitlines() == [
        "The environment cannot be used:",
        f"  DATA_MAX_DELAY_S is {found!r}; it must be {NUMBER} from 0 to 3600.0",
    ]


@pytest.mark.parametrize(
    ("environ", "variables"),
    [
        ({"DATA_DELAY_S": "x", "DATA_MAX_DELAY_S": "y"}, ["DATA_MAX_DELAY_S", "DATA_DELAY_S"]),
        ({"DATA_DELAY_S": "2", "DATA_MAX_DELAY_S": "1"}, ["DATA_DELAY_S"]),
        # Below a limit that nobody knows, only the limit can be called wrong.
        ({"DATA_DELAY_S": "20", "DATA_MAX_DELAY_S": "y"}, ["DATA_MAX_DELAY_S"]),
    ],
)
def test_all_errors_of_the_environment_are_told_at_once(
    make_sender: MakeSender, environ: Mapping[str, str], variables: list[str]
) -> None:
    with pytest.raises(ValueError, match="The environment cannot be used") as caught:
        make_sender(environ, {})

    assert [line.split()[0] for line in str(caught.value).splitlines()[1:]] == variables


def test_the_service_does_not_start_in_a_wrong_environment(twin: str) -> None:
    started = subprocess.run(
        [sys.executable, "-c", f"import {twin}.app"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"DATA_DELAY_S": "never"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 1
    assert f"DATA_DELAY_S is 'never'; it must be {NUMBER} from 0 to 10.0" in started.stderr
