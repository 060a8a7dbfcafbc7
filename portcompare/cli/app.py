"""All commands, put together."""

from __future__ import annotations

import typer

from portcompare.cli.check import check
from portcompare.cli.diff import diff
from portcompare.cli.doctor import doctor
from portcompare.cli.history import history
from portcompare.cli.init import init
from portcompare.cli.load import load
from portcompare.cli.reference import describe_plan
from portcompare.cli.report import report
from portcompare.cli.run import run
from portcompare.cli.ui import ui
from portcompare.cli.up import up
from portcompare.cli.worker import worker

app = typer.Typer(
    name="portcompare",
    help="What does a Flask service gain from a port to Quart, and does the port still answer the same?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# "\b" keeps the lines as they are.
app.command(epilog="\b\n" + describe_plan().replace("\n\n", "\n\n\b\n"))(run)
for command in (init, check, up, ui, report, diff, history, load, worker, doctor):
    app.command()(command)
