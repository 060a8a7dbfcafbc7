"""`portcompare doctor`: what this machine can measure."""

import tempfile
from dataclasses import asdict
from pathlib import Path

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

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow"}


def doctor(*, as_json: AsJson = False) -> None:
    """Report what this machine can measure: CPUs, limits, and the load it can generate. Takes about 20 s."""
    with make_spinner() as steps:
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
    reasons = [finding.found for finding in findings if finding.disqualifies]
    if as_json:
        print_json(
            {
                "schema_version": SCHEMA_VERSION,
                "trusted": not reasons,
                "findings": [asdict(finding) for finding in findings],
                "machine": asdict(machine),
                "ceiling": asdict(ceiling),
            }
        )
    else:
        table = Table(box=None, show_header=False)
        for one in findings:
            table.add_row(Text(one.mark, style=_STYLES[one.mark]), Text(one.subject), Text(one.found))
            if one.remedy:
                table.add_row("", "", Text(f"-> {one.remedy}"))
        out.print(table)
    for reason in reasons:
        print_note(f"not valid: {reason}")
    raise typer.Exit(EXIT_NOT_VALID if reasons else EXIT_DONE)
