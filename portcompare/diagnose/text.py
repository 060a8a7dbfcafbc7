"""What blocks an event loop by the text of an app, whether it is ever run or not: ruff's rules."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import run

from portcompare.errors import MeasurementError
from portcompare.serve.extras import command_for_extras

# Calls that block: ASYNC210 to ASYNC251. The others of ruff's ASYNC are about cancelling and timeouts.
_RULES = "ASYNC2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line that blocks by its text."""

    file: str  # Relative to the app's directory
    line: int
    rule: str  # `ASYNC251`
    message: str


def find_tool(name: str) -> str:
    """A program that was installed beside portcompare, or any other; raises MeasurementError for none."""
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=folders)
    if found is None:
        raise MeasurementError(f"{name} is not installed: {command_for_extras('diagnose')}")
    return found


def find_in_text(directory: Path) -> list[Place]:
    """The lines below a directory that block; raises MeasurementError if ruff is missing.

    Virtual environments are left out.
    """
    # What git ignores is looked at all the same: an app may lie in a folder that it ignores.
    command = [
        find_tool("ruff"),
        "check",
        "--isolated",
        "--no-cache",
        "--no-respect-gitignore",
        "--exit-zero",
    ]
    command += ["--quiet", "--select", _RULES, "--output-format", "json", "."]
    done = run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasurementError(f"ruff could not read {directory}: {done.stderr.strip().splitlines()[-1:]}")
    found = set()
    for each in json.loads(done.stdout):
        path = Path(each["filename"]).relative_to(directory.resolve())
        in_environment = any((directory / parent / "pyvenv.cfg").exists() for parent in path.parents)
        if not in_environment and str(each["code"]).startswith(_RULES):  # Else its syntax is wrong
            found.add((str(path), each["location"]["row"], each["code"], each["message"]))
    return [
        Place(file=file, line=line, rule=rule, message=message) for file, line, rule, message in sorted(found)
    ]
