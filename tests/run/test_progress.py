import io

import pytest
from rich.table import Table
from rich.text import Text

from portcompare.run import progress
from portcompare.run.progress import PlainConsole, Progress

LATER = "block 2: quart-uvicorn, delayed, 64 users"
BRACKETS = "cases of http://[fd00::1]:8000/[/x]"  # no markup


@pytest.fixture
def text(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> io.StringIO:
    """What is shown, on a terminal or elsewhere."""
    text, is_terminal = io.StringIO(), request.param == "terminal"
    console = PlainConsole(file=text, force_terminal=is_terminal, width=100, color_system=None)
    monkeypatch.setattr(progress, "err", console)
    return text


@pytest.mark.parametrize("text", ["terminal"], indirect=True)
def test_a_terminal_shows_what_is_measured_and_how_far_it_is(text: io.StringIO) -> None:
    with Progress() as bar:
        bar.count(18)
        bar.start(BRACKETS)
        bar.count(None)
        bar.advance()
        bar.advance()
    assert BRACKETS in text.getvalue()
    assert "2/?" in text.getvalue()
    assert "2/18" not in text.getvalue()
    with Progress() as bar:
        bar.start("block 2: measuring 3 rounds")
        bar.count(10)
        bar.show(LATER)
        bar.advance()
    assert LATER in text.getvalue()
    assert "1/10" in text.getvalue()


@pytest.mark.parametrize("text", ["file"], indirect=True)
def test_elsewhere_each_step_is_a_line(text: io.StringIO) -> None:
    with Progress() as bar:
        bar.start("block 1: starting servers")
        bar.count(18)
        bar.start(BRACKETS)
        bar.show(LATER)
        bar.advance()
        bar.note("warning: it is late")
    assert text.getvalue().splitlines() == ["block 1: starting servers", BRACKETS, "warning: it is late"]


@pytest.mark.parametrize("text", ["terminal", "elsewhere"], indirect=True)
def test_what_a_server_or_a_plan_says_cannot_move_the_cursor(text: io.StringIO) -> None:
    with Progress() as bar:
        bar.start("scenario \x1b[2Jgone")
        bar.note("its log:\n\ta\x1b]0;title\x07")
    assert "\x1b[2J" not in text.getvalue()
    assert "\x1b]0" not in text.getvalue()
    assert "its log:\n        a\\x1b]0;title\\x07" in text.getvalue()


def test_no_text_controls_the_terminal_whatever_renders_it(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name\x1b[2J", title="\x9b31m")
    table.add_row(Text("a\x1b]0;b\x07\u202e"), "plain")
    PlainConsole().print(table, "\x1b[1A", Text("two\nlines"), markup=False)
    printed = capsys.readouterr().out
    assert all(char.isprintable() or char == "\n" for char in printed)
    for part in (r"name\x1", r"\x9b31m", r"a\x1b]0", r"\x1b[1A", "two\nlines"):
        assert part in printed
