import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from docs.release import find_notes, find_problems, main

ROOT = Path(__file__).parents[1]
CHANGELOG = (
    "# Changelog\n\n## 1.2.0 - 2026-12-01\n\n### Added\n\n- This.\n\n## 1.1.0 - 2026-11-01\n\n- That.\n"
)


@pytest.mark.parametrize(
    ("of_project", "changelog", "tags", "found"),
    [
        ("1.2.0", CHANGELOG, {"v1.1.0": False}, []),
        ("1.2.0", CHANGELOG, {"v1.2.0": True}, []),
        ("1.2.0", CHANGELOG, {"v1.2.0": False}, ["the tag v1.2.0 is that of another commit"]),
        (
            "1.2.0",
            CHANGELOG.replace("1.2.0 - 2026-12-01", "Unreleased"),
            {},
            ["the top section is 'Unreleased'"],
        ),
        ("1.1.0", "## 1.2.0 - 2026-12-01\n", {}, ["the version is 1.1.0", "is empty"]),
    ],
)
def test_a_release_is_ready_when_version_changelog_and_tag_agree(
    of_project: str, changelog: str, tags: dict[str, bool], found: list[str]
) -> None:
    problems = list(find_problems("1.2.0", of_project, changelog, tags))
    assert len(problems) == len(found)
    assert all(expected in problem for expected, problem in zip(found, problems, strict=True))


def test_its_notes_are_the_section_of_the_version() -> None:
    assert find_notes("1.2.0", CHANGELOG) == "### Added\n\n- This."
    assert find_notes("1.1.0", CHANGELOG) == "- That."
    assert find_notes("1", CHANGELOG) == ""


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version("portcompare") == project["version"]
    sources = [path.read_text() for path in (ROOT / "portcompare").rglob("*.py")]
    assert not any("__version__" in source or f'"{project["version"]}"' in source for source in sources)


def test_a_missing_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["docs/release.py"])
    with pytest.raises(SystemExit, match="name the version to release"):
        main()
