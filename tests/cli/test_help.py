from __future__ import annotations

import subprocess
import sys

import pytest

from portcompare.plan import plan_keys
from portcompare.serve import SERVERS


def ask_for_help(*command: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "portcompare", *command, "--help"], capture_output=True, text=True, check=True
    )
    return finished.stdout


@pytest.mark.parametrize("command", ["run", "check", "up", "report", "load", "worker"])
def test_every_command_is_listed(command: str) -> None:
    assert command in ask_for_help()


def test_run_lists_every_key_with_type_and_default_and_every_server() -> None:
    text = ask_for_help("run")
    for key in plan_keys():
        default = f"default {key.default}" if key.default else "required"
        assert f"{key.path}  ({key.type}, {default})\n" in text
        assert key.description in text
    for server in SERVERS:
        assert f"{server}  " in text
