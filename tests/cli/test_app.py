import json
import re
import subprocess
import sys
import time
from errno import ENOSPC
from importlib.metadata import version
from pathlib import Path
from unittest.mock import Mock

import pytest

from portcompare.cli.app import COMMANDS, load_command
from portcompare.cli.options import print_json, read_duration
from portcompare.errors import InputError
from portcompare.plan import plan_keys
from portcompare.serve.servers import SERVERS
from tests.conftest import Command

HEAVY = {"httpx", "hdrh", "locust", "numpy", "psutil", "pydantic", "rich", "portcompare.run"}
IMPORTED = f"""
import sys
from portcompare.cli import main
try:
    main()
finally:
    print("imported:", *sorted({HEAVY!r} & sys.modules.keys()))
"""


def run_python(code: str, *arguments: str) -> str:
    """What the code prints in a process of its own."""
    return subprocess.check_output([sys.executable, "-c", code, *arguments], text=True)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_no_command(option: str) -> None:
    assert run_python(IMPORTED, option).splitlines()[-1] == "imported:"


def test_a_run_imports_nothing_that_only_an_extra_installs() -> None:
    extras = {"libcst", "playwright", "schemathesis", "yaml"}
    assert run_python(f"import sys, portcompare.cli.run; print({extras!r} & sys.modules.keys())") == "set()\n"


def test_every_command_is_listed_with_a_line_that_fits(command: Command) -> None:
    code, text, _ = command("--help")
    assert code == 0
    lines = [line.split(maxsplit=1) for line in text.partition("Commands:\n")[2].splitlines()]
    assert dict(lines) == COMMANDS
    assert all(load_command(name).help for name in COMMANDS)


def test_an_unknown_command_is_refused_with_the_nearest_and_the_version_printed(command: Command) -> None:
    code, _, err = command("chekc")
    assert code == 2
    assert "check" in err
    assert command("--version") == (0, f"portcompare {version('portcompare')}\n", "")


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (OSError(ENOSPC, "No space left on device"), "[Errno 28] No space left on device"),
        (MemoryError(), "memory"),
    ],
)
def test_a_machine_that_has_no_more_space_or_memory_is_an_error_in_a_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, found: str
) -> None:
    monkeypatch.setattr("portcompare.cli.results.list_runs", Mock(side_effect=error))
    expected = (3, "", f"portcompare: the machine has no more of what this needs: {found}\n")
    assert command("history", tmp_path) == expected


def test_a_working_directory_that_is_gone_is_refused(command: Command, tmp_path: Path) -> None:
    tmp_path.rmdir()
    code, _, err = command("init")
    assert code == 2
    assert err.startswith("portcompare: the working directory: does not exist any more\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_their_options_once_completion_is_installed(
    shell: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {"--install-completion", "--show-completion"} <= set(command("--help")[1].split())
    monkeypatch.setattr(sys.modules["__main__"], "__package__", None)  # as where it is not pytest
    monkeypatch.setenv("_PORTCOMPARE_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    for line, completed in (("worke", ["worker"]), ("worker --", ["--master", "--help"])):
        monkeypatch.setenv("COMP_WORDS", f"portcompare {line}")
        monkeypatch.setenv("COMP_CWORD", str(len(line.split())))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"portcompare {line}")  # zsh's and fish's
        found = re.findall(r'^(?:_arguments.*\(\()?"?([\w-]+)', command()[1], re.MULTILINE)
        assert [name for name in found if name in completed] == completed
        assert len(found) <= len(completed) + (shell == "zsh")  # whose lines may be broken


def test_run_lists_every_key_with_type_and_default_and_every_server(command: Command) -> None:
    _, text, _ = command("run", "--help")
    for key in plan_keys():
        default = f"default {key.default}" if key.default else "required"
        assert f"{key.path}  ({key.type}, {default})\n" in text
        assert key.description in text
    for server in SERVERS:
        assert f"{server}  " in text


def test_a_duration_has_a_unit_or_is_in_seconds_and_any_other_text_is_refused_with_the_flag() -> None:
    expected = {"90": 90.0, "120s": 120.0, "2.5m": 150.0, "1h": 3600.0, " 5s ": 5.0}
    assert {text: read_duration("--budget", text) for text in expected} == expected
    for text in ("", "s", "0", "0m", "-5s", "5 minutes", "1d", "nan", "25h", "9" * 400):
        with pytest.raises(InputError, match=r"--budget(.|\n)*120s"):
            read_duration("--budget", text)


def test_json_on_a_terminal_has_control_characters_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"a\x1b[2J": "\x9b1m\u202e é"}
    print_json(data)
    printed = capsys.readouterr().out
    assert json.loads(printed) == data
    assert all(char.isprintable() or char == "\n" for char in printed)
    assert "é" in printed


class Lost:
    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_an_interruption_that_is_lost_comes_again(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def list_runs(*_: object) -> None:
        Lost()
        time.sleep(10)

    monkeypatch.setattr("portcompare.cli.results.list_runs", list_runs)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # is set back afterwards
    assert command("history", tmp_path) == (130, "", "")
