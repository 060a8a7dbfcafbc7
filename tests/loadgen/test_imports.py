from __future__ import annotations

import subprocess
import sys

import pytest

import portcompare.loadgen


@pytest.mark.parametrize(
    "module",
    ["address", "answer", "arrivals", "checks", "declare", "figures", "mix", "recorder", "script", "window"],
)
def test_the_parts_without_locust_leave_the_process_alone(module: str) -> None:
    code = (
        f"import socket, sys, portcompare.loadgen.{module};"
        "print('locust' in sys.modules, socket.socket.__module__)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout == "False socket\n"


def test_a_locustfile_gets_what_it_needs_from_the_package() -> None:
    code = (
        "from portcompare.loadgen import *;"
        "print(LeanUser.__module__, declare_targets.__module__, http_request.__module__)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.split() == [
        "portcompare.loadgen.user",
        "portcompare.loadgen.steps",
        "portcompare.http.requests",
    ]


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"portcompare\.loadgen.*no attribute 'FatUser'"):
        _ = portcompare.loadgen.FatUser
