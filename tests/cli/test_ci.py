from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portcompare.analyse.checks import judge_gates
from portcompare.cli import run
from portcompare.cli.ci import find_line
from portcompare.errors import ServerError
from portcompare.plan import Plan
from portcompare.records.parity import CaseCoverage, Coverage, Parity, RequestFault
from portcompare.records.results import Results
from portcompare.run.comparison import RunOptions
from tests.conftest import Command
from tests.parity import clients
from tests.runs import NEW, make_run

GATE = '[[gates]]\nmetric = "throughput"\nscenario = "delayed"\ncandidate = "quart-uvicorn"\nlevel = 64\n'
PLAN = f"""baseline = "flask-gunicorn"
candidates = ["quart-uvicorn"]
include = ["{Path(__file__).parents[2] / "loadtests" / "twins.toml"}"]

[scenarios.delayed]
request = {{ path = "/data" }}
load = {{ users = [1, 64] }}

{GATE}min_ratio = 7

{GATE}min_ratio = 100

{GATE}min_ratio = 8.01
inconclusive = "pass"
"""
REPORT = "# portcompare: recorded\n"
DIFFERENCE = replace(
    clients.DIFFERENCE,
    case="GET /data",
    deployment=NEW,
    cause="app/views.py:7 in data: KeyError: '100%\n::error::x' (new.log)",
)
PARITY = Parity(verdict="alike", cases=2, deployments=(NEW,), differences=())


@pytest.fixture
def in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of a step's summary, in a job of GitHub's whose workspace has a plan in a folder."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "views.py").touch()
    (tmp_path / "plan.toml").write_text(PLAN)
    summary = tmp_path / "summary.md"
    summary.write_text("what other steps say\n")
    for name, value in {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(tmp_path.parent),
    }.items():
        monkeypatch.setenv(name, value)
    return summary


def return_run(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    """Have `portcompare run` find something without measuring."""

    def compare(plan: Plan, options: RunOptions, _: object) -> Results:
        options.folder.mkdir()
        (options.folder / "report.md").write_text(REPORT)
        results = replace(make_run(1), **changes)
        return replace(results, gates=judge_gates(plan, results, {}))

    monkeypatch.setattr(run, "compare", compare)


NOT_COMPARED = CaseCoverage(case="GET /y", status=None, compared="not compared", reason="late")
FAULT = RequestFault(case="GET /x", found="status 500", remedy="correct it")
ANNOTATED = (
    r"::error file={folder}/app/views.py,line=7,title=Responses differ::GET /data: status "
    r"(app/views.py:7 in data: KeyError: '100%25\n::error::x' (new.log)): 200 on the baseline, 500 on"
)
DIFFERENT = replace(PARITY, verdict="different", differences=(DIFFERENCE,))
FAULTY = replace(
    PARITY, verdict="not compared", faults=(FAULT,), coverage=Coverage(not_compared=(NOT_COMPARED,))
)


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        (
            {},
            1,
            """
            ::error file={folder}/plan.toml,line=16,title=Gate not passed::Throughput of quart-uvicorn (delay
            ::warning file={folder}/plan.toml,line=23,title=Gate not decided::Throughput of quart-uvicorn (del
            """,
        ),
        (
            {"valid": False, "invalid_reasons": ("noise", "more\nnoise")},
            3,
            "::error title=The measurement is not valid::",
        ),
        ({"parity": DIFFERENT, "valid": False}, 1, ANNOTATED),
        (
            {"parity": FAULTY},
            2,
            """
            ::error file={folder}/plan.toml,title=Fault of the plan::the plan's request GET /x does not work
            ::error file={folder}/plan.toml,title=Responses not compared::
            """,
        ),
    ],
)
def test_what_fails_a_run_is_annotated_where_it_is_and_the_report_is_the_summary(  # noqa: PLR0917
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    in_ci: Path,
    changes: dict[str, Any],
    code: int,
    expected: str,
) -> None:
    return_run(monkeypatch, changes)
    found, out, _ = command("run", "plan.toml", "--ci", "--out", "run")
    assert found == code
    annotations = [line for line in out.splitlines() if line.startswith("::")]
    starts = [line.strip() for line in expected.format(folder=in_ci.parent.name).strip().splitlines()]
    for line, start in zip(annotations, starts, strict=True):
        assert line.startswith(start)
    assert "report: run/report.html" in out
    assert in_ci.read_text() == f"what other steps say\n{REPORT}"


@pytest.mark.usefixtures("in_ci")
def test_outside_of_github_the_report_is_printed_and_nothing_annotated(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name)
    return_run(monkeypatch, {})
    assert command("run", "plan.toml", "--ci", "--out", "run")[1] == REPORT


def test_a_summary_that_cannot_be_written_changes_no_result(
    command: Command, monkeypatch: pytest.MonkeyPatch, in_ci: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(in_ci.parent))
    return_run(monkeypatch, {})
    code, _, err = command("run", "plan.toml", "--ci", "--out", "run")
    assert code == 1
    assert "the summary of the step cannot be written" in err


@pytest.mark.parametrize(
    ("error", "code", "annotation"),
    [
        (
            ServerError("new died\n  its log: 100%"),
            3,
            "::error title=No result::new died%0A  its log: 100%25",
        ),
        (ValueError("a bug"), 3, "::error title=No result::a bug"),
        (
            None,
            2,
            "::error file={folder}/plan.toml,line=7,title=Wrong input::plan.toml: scenarios.delayed.load",
        ),
    ],
)
def test_a_run_that_comes_to_no_result_says_so_too(  # noqa: PLR0917
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    in_ci: Path,
    error: Exception | None,
    code: int,
    annotation: str,
) -> None:
    def compare(*_: object) -> None:
        assert error is not None
        raise error

    monkeypatch.setattr(run, "compare", compare)
    if error is None:
        in_ci.with_name("plan.toml").write_text(PLAN.replace("[1, 64]", "[0]"))
    found, out, _ = command("run", "plan.toml", "--ci")
    assert found == code
    assert out.startswith(annotation.format(folder=in_ci.parent.name))
    assert "# portcompare: no result\n\n```\n" in in_ci.read_text()


def test_json_for_programs_and_text_for_a_ci_system_do_not_go_together(command: Command) -> None:
    assert "--ci, --json: both are given" in command("run", "--ci", "--json")[2]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("gates.1", 5),
        ("gates.1.level", 6),
        ("apps.a b.python", 8),
        ("baseline", 1),
        ("apps.c", None),
        ("", None),
    ],
)
def test_a_key_is_found_on_its_line_or_that_of_its_table(key: str, line: int | None, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'baseline = "x"\n[[gates]]\nlevel = 1\n\n[[ gates ]]\nlevel = 2\n[apps."a b"]\npython = ""\n'
    )
    assert find_line(plan, key) == line
