from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.discover import project as files
from portcompare.discover.project import list_files
from tests.discover.projects import write_project

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_modules_come_the_nearest_first(tmp_path: Path) -> None:
    names = ["b.py", "z.py", "a/deep/c.py", "a/c.py"]
    project = write_project(tmp_path, dict.fromkeys(names, ""))
    found = list_files(project)
    assert [str(path.relative_to(project)) for path in found.python] == [
        "b.py",
        "z.py",
        "a/c.py",
        "a/deep/c.py",
    ]
    assert found.complete


def test_tests_environments_and_what_others_wrote_are_left_out(tmp_path: Path) -> None:
    left_out = [
        "tests/app.py",
        "test_app.py",
        "app_test.py",
        "conftest.py",
        ".hidden/app.py",
        ".venv/lib/app.py",
        "node_modules/app.py",
        "lib/site-packages/app.py",
        "loadtests/app.py",
        "mine/lib/app.py",
        "notes.txt",
    ]
    project = write_project(tmp_path, dict.fromkeys([*left_out, "mine/pyvenv.cfg", "kept.py"], ""))
    assert list_files(project).python == (project / "kept.py",)


def test_openapi_documents_are_listed(tmp_path: Path) -> None:
    project = write_project(tmp_path, dict.fromkeys(["docs/openapi.json", "openapi.yml", "openapi.txt"], ""))
    assert list_files(project).openapi == (project / "openapi.yml", project / "docs" / "openapi.json")


def test_a_huge_project_is_looked_at_in_part_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 2)
    project = write_project(tmp_path, dict.fromkeys(["a.py", "b.py", "deep/c.py"], ""))
    found = list_files(project)
    assert found.python == (project / "a.py", project / "b.py")
    assert not found.complete


def test_a_folder_that_leads_back_does_no_harm(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app.py": ""})
    (project / "again").symlink_to(project)
    assert list_files(project).python == (project / "app.py",)
