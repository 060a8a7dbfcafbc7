"""`portcompare demo`: the comparison of the twins, which come with portcompare."""

import shlex
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from portcompare.cli.options import DEFAULT_PLAN, AsJson, print_line, print_note, writing
from portcompare.cli.run import run
from portcompare.errors import refuse
from portcompare.run.comparison import name_run_folder
from portcompare.serve.extras import command_for_extras, find_missing

_PACKAGE = Path(__file__).parents[1]


def demo(
    *,
    out_folder: Annotated[Path, Option("--out", metavar="DIR", help="where to copy the twins to")] = Path(
        "portcompare-demo"
    ),
    budget: Annotated[str | None, Option(metavar="TIME", help="longest duration; default: 120s")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a Flask app, its Quart port and their load tests into a folder, and compare them."""
    if missing := find_missing("servers"):
        found = f"cannot be served: not installed: {', '.join(missing)}"
        raise refuse("the demo", found, command_for_extras("servers"))
    with writing(str(out_folder)):
        is_new = _copy(out_folder)
    parts = ", ".join(f"{name}/" for name in sorted(_sources()))
    print_note(f"{'written to' if is_new else 'already there, in'} {out_folder}/: {parts}")
    try:
        folder = out_folder / name_run_folder("demo", datetime.now(UTC))
        run([str(out_folder / DEFAULT_PLAN)], out_folder=folder, budget=budget, as_json=as_json)
    except typer.Exit:  # the comparison was made
        if not as_json:
            print_line(_NEXT.format(folder=shlex.quote(str(out_folder))))
        raise


_NEXT = """
next: cd {folder}
  portcompare run               # the same again; loadtests/ has more plans
  portcompare ui                # both, live in a browser
  portcompare try sync_flask    # makes a port of its own; then try your app: portcompare try FOLDER"""


def _sources() -> dict[str, Path]:
    """The folders that are copied, by name: shipped in the wheel, or the originals in a checkout."""
    if (shipped := _PACKAGE / "demo_data").exists():
        return {folder.name: folder for folder in shipped.iterdir()}
    project = tomllib.loads((_PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    names = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return {name: _PACKAGE.parent / name for name in names}


def _copy(target: Path) -> bool:
    """Copy all files, unless they are there already; refuses to write where anything else is."""
    files = {
        target / name / path.relative_to(source): path.read_bytes()
        for name, source in _sources().items()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        for path, content in files.items():
            if not path.is_file() or path.read_bytes() != content:
                found = f"exists, and {path.relative_to(target)} is not as the demo has it"
                raise refuse(f"--out {target}", found, "name a folder that does not exist yet by --out")
        return False
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return True
