import io

import pytest
from rich.console import Console

from portcompare.run import progress
from portcompare.run.progress import Progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown where standard error is no terminal."""
    text = io.StringIO()
    monkeypatch.setattr(progress, "err", Console(file=text, width=100))
    return text


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is shown on a terminal."""
    text = io.StringIO()
    monkeypatch.setattr(
        progress, "err", Console(file=text, force_terminal=True, width=100, color_system=None)
    )
    return text


def test_a_terminal_shows_what_is_measured_and_how_far_it_is(terminal: io.StringIO) -> None:
    with Progress() as bar:
        bar.start("block 2: measuring 3 rounds")
        bar.count(10)
        bar.show("block 2: quart-uvicorn, delayed, 64 users")
        bar.advance()
    assert "block 2: quart-uvicorn, delayed, 64 users" in terminal.getvalue()
    assert "1/10" in terminal.getvalue()


def test_elsewhere_each_step_is_a_line(shown: io.StringIO) -> None:
    with Progress() as bar:
        bar.start("block 1: starting servers")
        bar.count(18)
        bar.start("block 1: measuring 3 rounds")
        bar.show("block 1: quart-uvicorn, delayed, 64 users")
        bar.advance()
        bar.note("warning: it is late")
    assert shown.getvalue().splitlines() == [
        "block 1: starting servers",
        "block 1: measuring 3 rounds",
        "warning: it is late",
    ]


@pytest.mark.parametrize("where", ["shown", "terminal"])
def test_brackets_are_no_markup(request: pytest.FixtureRequest, where: str) -> None:
    text: io.StringIO = request.getfixturevalue(where)
    with Progress() as bar:
        bar.start("comparing responses, cases of http://[fd00::1]:8000/[/x]")
    assert "cases of http://[fd00::1]:8000/[/x]" in text.getvalue()


def test_parts_of_an_unknown_number_are_counted_up_to_no_number(terminal: io.StringIO) -> None:
    with Progress() as bar:
        bar.count(18)
        bar.start("block 1: searching")
        bar.count(None)
        bar.advance()
        bar.advance()
    assert "2/?" in terminal.getvalue()
    assert "2/18" not in terminal.getvalue()
