import subprocess
import sys

import pytest

import portcompare.loadgen


def test_the_modules_without_locust_leave_the_process_alone_and_locustfiles_get_what_they_need() -> None:
    modules = ("connection", "declare", "figures", "open_model", "window")
    imported = ", ".join(f"portcompare.loadgen.{module}" for module in modules)
    code = (
        f"import socket, sys, {imported}; print('locust' in sys.modules, socket.socket.__module__);"
        "from portcompare.loadgen import *; print(LeanUser.__module__, declare_targets.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False socket\nportcompare.loadgen.user portcompare.loadgen.steps\n"


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"portcompare\.loadgen.*no attribute 'FatUser'"):
        _ = portcompare.loadgen.FatUser
