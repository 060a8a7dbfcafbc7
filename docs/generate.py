"""Write the parts of the docs that come from the code: commands, plan's keys, faults and JSON Schemas.

Run it by `make docs` after a change of one of them; a test fails until it is done.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import create_model

from portcompare.cli.app import COMMANDS, load_command
from portcompare.history import trends
from portcompare.plan import plan_keys
from portcompare.records import (
    diagnosis,
    estimates,
    manifest,
    pages,
    parity,
    results,
    rounds,
    run_summary,
    sweeps,
    work,
)
from portcompare.report.formats.results_file import Envelope
from portcompare.serve import vocabulary
from tests.faults.table import EVERY_SERVER, FAULTS, Fault

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).parent
SCHEMAS: dict[str, tuple[type, tuple[ModuleType, ...], int]] = {
    "results": (
        results.Results,
        (results, rounds, estimates, parity, sweeps, pages, manifest, work, diagnosis),
        results.SCHEMA_VERSION,
    ),
    "diff": (estimates.RunDiff, (estimates,), estimates.DIFF_SCHEMA_VERSION),
    "diagnosis": (diagnosis.Diagnosis, (diagnosis, estimates), diagnosis.DIAGNOSIS_SCHEMA_VERSION),
    "history": (trends.History, (trends, run_summary), trends.HISTORY_SCHEMA_VERSION),
}
"""By the name of a published schema: its record, the modules of the records in it, and its version."""

BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"


def describe_commands() -> str:
    """List the commands, with their arguments and options, as Markdown tables."""
    lines = []
    for title in COMMANDS:
        command = load_command(title)
        context = command.context_class(command, info_name=title)
        lines += [f"## {title}", "", command.help, "", "| argument or option | meaning |", "|---|---|"]
        for written, meaning in (parameter.get_help_record(context) for parameter in command.params):
            name = written.partition(" <")[0].replace(" | ", "` or `")  # a pipe would end the cell
            lines.append(f"| `{name}` | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def describe_plan() -> str:
    """List the plan's keys and the servers as Markdown tables."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in plan_keys():
        default = f"`{key.default}`" if key.default else "required"
        lines.append(f"| `{key.path}` | {key.type} | {default} | {key.description} |")
    lines += ["", "| server | serves | settings |", "|---|---|---|"]
    for server, interfaces in vocabulary().items():
        for interface, knobs in interfaces.items():
            lines.append(f"| `{server}` | {interface} | {', '.join(sorted(knobs))} |")
    return "\n".join(lines) + "\n"


def describe_faults() -> str:
    """List the faults, and how a run ends with each, as a Markdown table."""
    lines = ["| fault | exit code | it says | kept | on |", "|---|---|---|---|---|"]
    for one in FAULTS:
        when = f", {one.when}" if one.action else ""
        codes = " or ".join("killed" if code < 0 else str(code) for code in one.exit_codes)
        says = f"`{one.says}`" if one.says else ""
        validity = " (valid)" if one.is_valid else ""
        lines.append(f"| {one.name}{when} | {codes}{validity} | {says} | {one.kept} | {_list_servers(one)} |")
    return "\n".join(lines) + "\n"


def _list_servers(fault: Fault) -> str:
    return "every server" if len(fault.servers) == len(EVERY_SERVER) else ", ".join(fault.servers)


PAGES = {"commands.md": describe_commands, "plan.md": describe_plan, "faults.md": describe_faults}


def insert(page: str, text: str) -> str:
    """Put a text between the marks of a page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + text + END + after


def record_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record, described by its classes' docstrings and comments."""
    record, homes, version = SCHEMAS[name]
    envelope: Any = create_model("Envelope", __config__=Envelope.model_config, record=(record, ...))
    records: dict[str, Any] = envelope.model_json_schema()["$defs"]
    for title, one in records.items():
        cls = next(vars(home)[title] for home in homes if title in vars(home))
        one["description"] = " ".join((inspect.getdoc(cls) or "").split())
        for described in one["properties"].values():
            described.pop("title", None)  # made of the property's name, which says as much
        for field, comment in field_comments(cls).items():
            one["properties"][field]["description"] = comment
    root = records.pop(record.__name__)
    root["properties"]["schema_version"]["const"] = version
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:portcompare:{name}:{version}",
        **root,
        "title": f"portcompare {name}",
        "$defs": records,
    }


FIELD = re.compile(r"    (?:(\w+): |]).*?(?:  # (.*))?")
"""A field, or the last line of one that takes several."""
COMMENT = re.compile(r"    # (.*)")


def field_comments(cls: type) -> dict[str, str]:
    """The comments of a record's fields by name: at the end of the field's line, or in the lines above it."""
    found: dict[str, list[str]] = {}
    above: list[str] = []
    name = ""
    for line in inspect.getsource(cls).splitlines():
        if comment := COMMENT.fullmatch(line):
            above.append(comment[1])
        elif field := FIELD.fullmatch(line):
            name = field[1] or name
            found[name] = [*above, *filter(None, [field[2]])]
            above = []
    return {name: " ".join(lines) for name, lines in found.items() if lines}


def main() -> None:
    """Write them all."""
    for name, describe in PAGES.items():
        page = DOCS / name
        page.write_text(insert(page.read_text(encoding="utf-8"), describe()), encoding="utf-8")
    for name in SCHEMAS:
        text = json.dumps(record_schema(name), indent=2) + "\n"
        (DOCS / f"{name}.schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
