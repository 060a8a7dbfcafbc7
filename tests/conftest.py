from __future__ import annotations

import gc
import os
import signal
import sys
from socketserver import BaseServer
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

from portcompare.browser import find_chromium, launch_chromium
from portcompare.cli import main
from portcompare.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


# An example that takes long is a busy machine; what fifty do not find, a hundred seldom do.
settings.register_profile("quick", deadline=None, max_examples=50)
settings.load_profile("quick")


def pytest_configure() -> None:
    """Let tests interrupt what they start: a shell has its background jobs ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A client of a test's server that goes away is no news, and would be in the output of another test.
    pytest.MonkeyPatch().setattr(BaseServer, "handle_error", lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole commands, which take longest: no process is to end with one while the others idle."""
    whole = {item for item in items if {"e2e", "faults"} & {*item.path.parts}}
    items.sort(key=lambda item: item not in whole)
    for item in whole:
        item.add_marker(pytest.mark.timeout(400))  # a busy machine may take minutes for a run


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through thousands of collected tests again and again.

    It takes tenths of a second, in which servers that run in threads of this process respond to nothing.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def has_chromium() -> None:
    """Skips tests where there is no browser, but not where REQUIRE_CHROMIUM is set."""
    try:
        find_chromium()
    except InputError as error:
        if "REQUIRE_CHROMIUM" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def chromium(has_chromium: None) -> Iterator[Browser]:  # noqa: ARG001 - only requested
    """A real browser."""
    with launch_chromium() as browser:
        yield browser


class Command(Protocol):
    """Runs a command in this process; returns its exit code, and what it said on stdout and stderr."""

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]: ...


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portcompare", *map(str, arguments)])
        with pytest.raises(SystemExit) as raised:
            main()
        told = capsys.readouterr()
        return int(raised.value.code or 0), told.out, told.err

    return run
