"""The table of commands; a command's module is imported when the command is used."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

COMMANDS = {
    "run": "Compare baseline and candidates: responses first, then speed.",
    "demo": "Compare two apps that come along, Flask and Quart.",
    "try": "Port a Flask project by rule, and compare the port with it.",
    "init": "Write a first plan and locustfile for a project.",
    "port": "Port a Flask project to Quart by rule.",
    "check": "Compare the responses only.",
    "diagnose": "Find out why: what blocks, what waits, and what to try.",
    "work": "Count the instructions of a request, of each deployment.",
    "up": "Serve all deployments until Ctrl-C, and show what they use.",
    "ui": "Serve all deployments, and Locust's web UI beside them.",
    "report": "Write a run's reports again, and show them.",
    "diff": "Compare two finished runs.",
    "history": "List finished runs, or the trend of one metric.",
    "load": "Load one target, as wrk does.",
    "worker": "Generate a share of the load of a run on another machine.",
    "doctor": "Report what this machine can measure.",
}
"""The line of each command in the list. A command is the function of its name."""

_SHARED = dict.fromkeys(("diff", "history", "report"), "results")
_MODULES = _SHARED | {"try": "try_", "ui": "up", "work": "diagnose", "worker": "load"}
"""The modules of the commands that have none of their own name."""


def load_command(name: str) -> Any:  # noqa: ANN401 - a command, of a class that typer does not publish
    """Import a command's module, and make the command."""
    module = import_module(f"portcompare.cli.{_MODULES.get(name, name)}")
    function = getattr(module, name, None) or getattr(module, f"{name}_")
    epilog = "\b\n" + module.describe_plan().replace("\n\n", "\n\n\b\n") if name == "run" else None
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name, epilog=epilog)(function)
    return typer.main.get_command(single)


class _LazyCommand(TyperCommand):
    """Stands for a command in lists of commands, until it is used."""

    def make_context(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as its base class
        return load_command(str(self.name)).make_context(*args, **options)


class _LazyGroup(TyperGroup):
    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as its base class
        commands = {name: _LazyCommand(name, help=text) for name, text in COMMANDS.items()}
        super().__init__(**options | {"commands": commands})


app = typer.Typer(
    name="portcompare",
    cls=_LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"portcompare {version('portcompare')}")
        raise typer.Exit


_Version = Annotated[
    bool, Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
]


@app.callback()
def _portcompare(*, _: _Version = False) -> None:
    """What does a Flask service gain from a port to Quart, and does the port respond alike?"""
