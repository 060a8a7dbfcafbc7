from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from portcompare.cli import main

if TYPE_CHECKING:
    from pathlib import Path


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
