"""What is not known of servers that somebody else started is said in every format, never shown as zero."""

from dataclasses import replace

import pytest
from rich.console import Console

from portcompare.records.results import Results
from portcompare.report import EXPORTERS
from portcompare.report.formats.terminal import render_table
from portcompare.report.sections.measured import ROUND_HEADER, arm_rows, round_rows
from portcompare.report.sections.method import deployment_settings
from tests.altered import altered

RUNNING, COMMAND = 0, 1


@pytest.fixture
def run(results: Results) -> Results:
    """The baseline was already running, and a command of its own serves the first candidate."""
    running, command, *others = results.manifest.deployments
    running = replace(
        running, kind="url", server="at http://h:1, already running", command=(), environment={}, settings={},
        slots=None, cpus=(), versions={},
    )  # fmt: skip
    command = replace(command, kind="command", server="by its own command", settings={}, slots=None)
    others = [replace(one, python="CPython 3.11.7") for one in others]
    return replace(
        results,
        manifest=replace(results.manifest, deployments=(running, command, *others)),
        rounds=tuple(
            altered(one, cpu_s_per_request=None, rss_peak_bytes=None)
            if one.deployment == running.name
            else one
            for one in results.rounds
        ),
        summaries=tuple(
            replace(one, cpu_s_per_request=None, rss_peak_bytes=None)
            if one.deployment == running.name
            else one
            for one in results.summaries
        ),
    )


def test_cpu_time_and_memory_are_not_known_and_why_is_said(run: Results) -> None:
    first, *_, last = arm_rows(run)
    assert (first.server["CPU"], first.server["memory"], first.unknown) == (
        "not known",
        "not known",
        "already running",
    )
    assert last.unknown == ""
    row = dict(zip(ROUND_HEADER, round_rows(run)[0], strict=True))
    assert row["CPU per request"] == row["Memory, peak"] == "not known: already running"


def test_settings_are_not_known_and_never_called_none(run: Results) -> None:
    settings = {name: tuple(values) for name, *values in deployment_settings(run)}
    elsewhere = "not known: already running"
    assert settings["command"][RUNNING] == elsewhere
    assert settings["environment"][RUNNING] == elsewhere
    assert settings["CPUs"][RUNNING] == elsewhere
    assert settings["requests in handlers at once"] == ("not known", "not known", "no limit")
    assert settings["keep_alive_s"] == ("not known", "not known", "75")
    assert settings["Python"] == ("not known", "not known", "CPython 3.11.7")


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_every_report_says_so(run: Results, name: str) -> None:
    before, after = (
        str(EXPORTERS[name](one)).count("already running") for one in (replace(run, summaries=()), run)
    )
    assert after >= before + 4  # the baseline and its control, at each of the levels


def test_the_terminal_says_so(run: Results) -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(render_table(run))
    assert "CPU not known" in capture.get()
    assert "(already running)" in capture.get()
