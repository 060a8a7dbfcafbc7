"""The command line: one file a command; the only place that prints, and that composes the stages."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import typer

from portcompare.cli.check import check
from portcompare.cli.console import err
from portcompare.cli.reference import describe_plan
from portcompare.cli.report import report
from portcompare.cli.run import run
from portcompare.cli.up import up
from portcompare.errors import EXIT_DONE, PortcompareError

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
for command in (check, up, report):
    app.command()(command)


def main() -> NoReturn:
    """Run the command line; every deliberate error ends in its message and its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except PortcompareError as error:
        err.print(f"portcompare: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    sys.exit(EXIT_DONE)
