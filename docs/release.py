"""The notes of a release, from the changelog, once version, changelog and tag agree.

.venv/bin/python docs/release.py 0.1.0 > notes.md
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print the notes of the version that is named, or what is not ready for it."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the script and the version
        sys.exit("name the version to release: .venv/bin/python docs/release.py 0.1.0")
    version = sys.argv[1]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    problems = [*find_problems(version, project["version"], changelog, _read_tags())]
    if problems:
        sys.exit("\n".join(problems))
    print(find_notes(version, changelog))  # noqa: T201 - what it is for


def find_problems(version: str, of_project: str, changelog: str, tags: Mapping[str, bool]) -> Iterator[str]:
    """What is not ready for a release; `tags`: whether each is that of what is checked out."""
    if of_project != version:
        yield f"pyproject.toml: the version is {of_project}: write {version}"
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    if not re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", headings[0]):
        yield f"CHANGELOG.md: the top section is {headings[0]!r}: write '{version} - DATE', as in 2026-12-01"
    elif not find_notes(version, changelog):
        yield f"CHANGELOG.md: the section {headings[0]!r} is empty"
    if not tags.get(f"v{version}", True):
        yield f"the tag v{version} is that of another commit: check that out, or release another version"


def find_notes(version: str, changelog: str) -> str:
    """What the changelog says of a version."""
    found = re.search(rf"^## {re.escape(version)} - .*\n((?s:.*?))(?=^## |\Z)", changelog, re.MULTILINE)
    return found[1].strip() if found else ""


def _read_tags() -> dict[str, bool]:
    here, every = (
        subprocess.run(["git", "tag", *options], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for options in (["--points-at", "HEAD"], [])
    )
    return {tag: tag in here.split() for tag in every.split()}


if __name__ == "__main__":
    main()
