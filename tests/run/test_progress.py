from __future__ import annotations

import io

import pytest
from rich.console import Console

from portcompare.measure import Place
from portcompare.run import progress
from portcompare.run.progress import Progress

BLOCK = tuple(
    Place(block=1, order=order, arm="quart-uvicorn", scenario="delayed", level=64) for order in range(3)
)


def show(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100, color_system=None)
    monkeypatch.setattr(progress, "err", console)
    with Progress(least_rounds=10) as shown:
        shown.start_servers(0)
        shown.start_parity(18)
        shown.advance()
        shown.start_block(1, 3)
        shown.start_round(BLOCK[0], "64 users")
        shown.advance()
    return text.getvalue()


def test_a_terminal_shows_what_is_measured_and_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = show(monkeypatch, terminal=True)
    assert "block 2: quart-uvicorn, delayed, 64 users" in text
    assert "1/10" in text


def test_elsewhere_each_step_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show(monkeypatch, terminal=False).splitlines() == [
        "block 1: starting servers",
        "comparing answers, 18 cases",
        "block 2: measuring 3 rounds",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_brackets_are_no_markup(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100, color_system=None)
    monkeypatch.setattr(progress, "err", console)
    with Progress(least_rounds=0) as shown:
        shown.start_exploring("http://[fd00::1]:8000/[/x]")
    assert "comparing answers, cases of http://[fd00::1]:8000/[/x]" in text.getvalue()


def test_a_search_does_not_say_how_many_rounds_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    monkeypatch.setattr(progress, "err", Console(file=text, width=100))
    with Progress(least_rounds=0) as shown:
        shown.start_block(4, None)
    assert text.getvalue() == "block 5: searching\n"


def test_a_search_on_a_terminal_counts_its_rounds_up_to_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(progress, "err", console)
    with Progress(least_rounds=10) as shown:
        shown.start_block(0, None)
        for place in BLOCK[:2]:
            shown.start_round(place, "400 requests/s")
            shown.advance()
    assert "2/?" in text.getvalue()
    assert "/10" not in text.getvalue()
