from pathlib import Path

import pytest

from portcompare.parity.logs import ServerLog, compare_logs
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve.copies import find_copies

NEVER_AWAITED = "/srv/app.py:12: RuntimeWarning: coroutine 'save' was never awaited\n  save(note)\n"
UNCLOSED = "/srv/app.py:30: ResourceWarning: unclosed file <_io.TextIOWrapper name='{}' mode='r'>\n"
TRACEBACK = """Traceback (most recent call last):
  File "/srv/app.py", line 7, in show
    return notes[key]
  File "/usr/lib/python3.11/json/decoder.py", line 1, in loads
    raise KeyError
KeyError: 'x'
"""


def logs(tmp_path: Path, **texts: str) -> dict[str, ServerLog]:
    for arm, text in texts.items():
        (tmp_path / f"{arm}.log").write_text(text)
    return {arm: ServerLog(tmp_path / f"{arm}.log") for arm in (BASELINE, CONTROL, *texts)}


@pytest.mark.parametrize(
    ("text", "severity", "place"),
    [
        (NEVER_AWAITED, "breaks", "app.py:12"),
        ("RuntimeWarning: coroutine 'Db.write' was never awaited\n", "breaks", ""),
        (UNCLOSED.format("data.txt"), "harmless", "app.py:30"),
        ("sys:1: ResourceWarning: unclosed <socket.socket fd=9>\n", "harmless", "sys:1"),
    ],
)
def test_a_warning_of_the_candidate_alone_is_a_difference_of_its_own(
    tmp_path: Path, text: str, severity: str, place: str
) -> None:
    [found] = compare_logs(logs(tmp_path, new=f"started\n{text}{text}" + "GET /\n" * 100_000))
    assert (found.kind, found.deployment, found.severity, found.pointer) == ("log", "new", severity, place)
    assert found.cause == "new.log"


def test_what_the_baseline_logs_too_is_none_whatever_its_addresses_and_numbers(tmp_path: Path) -> None:
    known = logs(tmp_path, baseline=UNCLOSED.format("a1"), control=NEVER_AWAITED, new=UNCLOSED.format("a22"))
    assert list(compare_logs(known)) == []
    text = "/opt/lib/site-packages/db.py:3: ResourceWarning: unclosed connection\n"  # left open by a library
    text += "/srv/app.py:3: DeprecationWarning: old\n"
    assert list(compare_logs(logs(tmp_path, new=text))) == []


def test_the_cause_of_an_error_is_the_last_line_of_the_app_and_the_name_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logs(tmp_path, new="KeyError: 'before'\n")["new"]
    log.set_mark()
    assert log.find_cause() == ""
    with log.path.open("a") as file:
        file.write(TRACEBACK)
    assert log.find_cause() == "app.py:7 in show: KeyError: 'x' (new.log)"
    monkeypatch.chdir(tmp_path)
    log.set_mark()
    with log.path.open("a") as file:
        file.write(TRACEBACK.replace("/srv", str(tmp_path / "views")))
    assert log.find_cause() == "views/app.py:7 in show: KeyError: 'x' (new.log)"


def test_copies_of_an_app_are_named_by_their_originals_wherever_a_log_has_them(tmp_path: Path) -> None:
    copied = f"{find_copies(tmp_path, 'new')}/srv"
    text = TRACEBACK.replace("/srv", copied).replace("'x'", f"no file: '{copied}/a b.txt'")
    log = logs(tmp_path, new=text + UNCLOSED.format("/srv/x").replace("/srv", copied))["new"]
    assert log.find_traceback().splitlines()[1:] == [
        '  File "/srv/app.py", line 7, in show',
        "    return notes[key]",
        "KeyError: no file: '/srv/a b.txt'",
    ]
    ((warning, place),) = log.find_warnings().items()
    assert "name='/srv/x'" in warning
    assert place == "/srv/app.py:30"
