"""`portcompare port`: the port of a Flask project to Quart, by rule."""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from portcompare.cli.options import ProjectPath, find_project, print_line, print_next, writing
from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, refuse
from portcompare.port.helper import HELPER
from portcompare.port.project import write_port
from portcompare.port.records import Port
from portcompare.report.formats.terminal import text_table
from portcompare.report.templating import render_template
from portcompare.report.wording import TextTable
from portcompare.run.progress import make_spinner, out
from portcompare.serve.copies import copy_project, list_project
from portcompare.serve.extras import command_for_extras
from portcompare.units import count

REPORT = "PORT.md"


def port(
    project: ProjectPath = Path(),
    *,
    out_folder: Annotated[
        Path | None,
        Option("--out", metavar="DIR", help="where to write the port", show_default="beside FOLDER"),
    ] = None,
    write: Annotated[
        bool, Option("--write", help="change FOLDER itself, if git has all of it and it is clean")
    ] = False,
) -> None:
    """Port a Flask project to Quart by rule, and say what is left by hand."""
    folder = find_project(project)
    target = _choose_target(folder, out_folder, write=write)
    require_libcst()
    from portcompare.port.make import port_project  # noqa: PLC0415 - its libcst is installed by an extra

    with make_spinner() as steps:
        steps.add_task("reading the project and porting it", total=None)
        made = port_project(folder)
    if made is None:
        print_line(f"{folder.name} is Quart already: nothing to port")
        return
    tables = _tables(made)
    # A package keeps its name within the port.
    home = target / folder.name if (folder / "__init__.py").exists() and not write else target
    with writing(str(target)):
        if not write:
            copy_project(folder, home)
        write_port(made, home)
        (target / REPORT).write_text(_report(folder.name, made, tables), encoding="utf-8")
    for table in tables:
        out.print(text_table(table))
    removed, added = (sum(numbers[side] for numbers in made.lines.values()) for side in (0, 1))
    print_line(f"{removed} lines removed, {added} added in {count(len(made.lines), 'file')}")
    print_line(f"written: {target / REPORT}")
    if made.left:
        print_line("next: resolve each TODO(port)")
    elif target.parent == folder.parent:  # both are found from there
        print_next(folder.parent, "portcompare init")
    raise typer.Exit(EXIT_COMPARISON_SAYS_NO if made.left else EXIT_DONE)


def require_libcst(*others: str) -> None:
    """Refuse to port without the library that an extra installs; `others`: extras that are needed besides."""
    if find_spec("libcst") is None:
        raise refuse("a port", "libcst is not installed", command_for_extras("port", *others))


def _choose_target(folder: Path, out_folder: Path | None, *, write: bool) -> Path:
    """The folder to write to; refuses one that holds anything that could be lost."""
    if write:
        if out_folder is not None:
            raise refuse("--write", "cannot be combined with --out", "leave one of them out")
        git = ["git", "-C", str(folder)]
        status, listed = (
            subprocess.run([*git, *arguments], capture_output=True, text=True, check=False)
            for arguments in (("status", "--porcelain", "--", "."), ("ls-files", "-z", "--", "."))
        )
        # Files that git ignores, it does not have either.
        names = {file.relative_to(folder).as_posix() for file in list_project(folder) if file.suffix == ".py"}
        unknown = sorted(names - {*listed.stdout.split("\0")})
        if status.returncode or status.stdout or unknown:
            found = "has changes that git does not have" if status.stdout else "is not in a git repository"
            if unknown and not (status.returncode or status.stdout):
                found = f"has files that git ignores: {', '.join(unknown[:5])}"
            raise refuse("--write", f"{folder} {found}", "commit all of it, or leave --write out")
        return folder
    target = (out_folder or folder.with_name(f"{folder.name}-quart")).resolve()
    if target.is_relative_to(folder):
        raise refuse("--out", f"{target} is within the project", "name a folder outside of it")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise refuse(
            "--out" if out_folder else str(target),
            f"{target} exists and is not an empty folder",
            "remove it, or name another by --out",
        )
    return target


def _tables(made: Port) -> list[TextTable]:
    routes = tuple(
        (f"{','.join(each.methods)} {each.rule}", each.outcome, each.why or each.place)
        for each in made.routes
    )
    found = [
        TextTable(
            title="Routes",
            note="async: awaits what it waits for. In a thread: waits as on Flask, in one thread a request.",
            header=("route", "in the port", "why, or where it is"),
            rows=routes,
        )
    ]
    if made.left:
        found.append(
            TextTable(
                title="Left by hand",
                note="A comment TODO(port) stands at each place that could be read.",
                header=("place", "why"),
                rows=tuple((each.place, each.why) for each in made.left),
            )
        )
    return found


def _report(name: str, made: Port, tables: list[TextTable]) -> str:
    """PORT.md."""
    changed = TextTable(
        title="Files",
        note=f"{HELPER}.py is new: it keeps what Quart does otherwise, and says what that is.",
        header=("file", "lines removed", "lines added"),
        rows=tuple((path, *map(str, numbers)) for path, numbers in made.lines.items()),
    )
    text = render_template(
        "port.md.j2",
        project=name,
        needs=" ".join(made.requirements),
        app=made.app,
        tests=any(b"async def test_" in text for text in made.files.values()),
        tables=[*tables, changed],
    )
    return text.rstrip("\n") + "\n"
