import subprocess
import sys

import pytest

import portcompare.loadgen


def printed_by(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_modules_without_locust_leave_the_process_alone() -> None:
    modules = ("connection", "declare", "figures", "open_model", "response", "window")
    imported = ", ".join(f"portcompare.loadgen.{module}" for module in modules)
    code = f"import socket, sys, {imported}; print('locust' in sys.modules, socket.socket.__module__)"
    assert printed_by(code) == "False socket\n"


def test_a_locustfile_gets_what_it_needs_from_the_package() -> None:
    code = (
        "from portcompare.loadgen import *;"
        "print(LeanUser.__module__, declare_targets.__module__, http_request.__module__)"
    )
    assert printed_by(code).split() == [
        "portcompare.loadgen.user",
        "portcompare.loadgen.steps",
        "portcompare.http.requests",
    ]


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"portcompare\.loadgen.*no attribute 'FatUser'"):
        _ = portcompare.loadgen.FatUser
