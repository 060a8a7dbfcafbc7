from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from portcompare.browser import find_chromium
from portcompare.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


def test_a_page_is_loaded_by_the_system_s_chromium(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<p>Hello</p>")
    assert page.inner_text("p") == "Hello"
    page.close()


def test_what_is_missing_is_told_at_once_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(InputError) as caught:
        find_chromium()

    playwright, program = caught.value.problems
    assert playwright.remedy == "pip install 'portcompare[browser]'"
    assert "chromium" in program.found
    assert "apt-get install chromium" in program.remedy


def test_the_program_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "chromium-browser"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_chromium() == program
