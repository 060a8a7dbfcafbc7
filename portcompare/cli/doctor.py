"""`portcompare doctor`: what this machine can measure."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from portcompare.cli.load import LIMITS
from portcompare.cli.options import SCHEMA_VERSION, AsJson, print_json, print_note
from portcompare.doctor.ceiling import measure_ceiling, start_null_server
from portcompare.doctor.judgement import judge_ceiling, judge_machine, why_untrusted
from portcompare.doctor.machine import examine_machine
from portcompare.errors import EXIT_DONE, EXIT_NOT_VALID
from portcompare.measure.generator import start_generator
from portcompare.run.progress import make_spinner, out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.doctor.ceiling import Ceiling
    from portcompare.doctor.judgement import Finding
    from portcompare.doctor.machine import Machine

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow"}


def doctor(*, as_json: AsJson = False) -> None:
    """Report what this machine can measure: CPUs, limits, and the load it can generate. Takes about 20 s."""
    steps = make_spinner()
    with steps:
        step = steps.add_task("examining the machine", total=None)
        machine = examine_machine()
        with (
            tempfile.TemporaryDirectory(prefix="portcompare-") as folder,
            start_generator(Path(folder, "loadgen.log"), machine.generator_cpus, Path(folder)) as generator,
            start_null_server(Path(folder, "server.log"), machine.server_cpus) as url,
        ):
            ceiling = measure_ceiling(
                generator,
                url,
                why_untrusted=lambda done: why_untrusted(done, LIMITS),
                on_step=lambda what: steps.update(step, description=what),
            )
    apart = machine.server_cpus != machine.generator_cpus
    findings = (*judge_machine(machine), *judge_ceiling(ceiling, LIMITS, apart=apart))
    if as_json:
        print_json(_describe(machine, ceiling, findings))
    else:
        out.print(_table(findings))
    reasons = [finding.found for finding in findings if finding.disqualifies]
    for reason in reasons:
        print_note(f"not valid: {reason}")
    raise typer.Exit(EXIT_NOT_VALID if reasons else EXIT_DONE)


def _describe(machine: Machine, ceiling: Ceiling, findings: Sequence[Finding]) -> dict[str, Any]:
    """The versioned machine form."""
    return {
        "schema_version": SCHEMA_VERSION,
        "trusted": not any(finding.disqualifies for finding in findings),
        "findings": [asdict(finding) for finding in findings],
        "machine": asdict(machine),
        "ceiling": asdict(ceiling),
    }


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, show_header=False)
    for finding in findings:
        table.add_row(
            Text(finding.mark, style=_STYLES[finding.mark]), Text(finding.subject), Text(finding.found)
        )
        if finding.remedy:
            table.add_row("", "", Text(f"-> {finding.remedy}"))
    return table
