from __future__ import annotations

import sys
from pathlib import Path

from portcompare.discover.records import Place
from portcompare.discover.routes import find_python, import_places
from tests.discover.projects import write_project


def places(project: Path, name: str, *others: str) -> list[tuple[str, list[str], str]]:
    write_project(project, dict.fromkeys([name, *others], ""))
    found = import_places(project / name, project)
    return [
        (
            place.directory.relative_to(project).as_posix(),
            [path.relative_to(project).as_posix() for path in place.pythonpath],
            place.module,
        )
        for place in found
    ]


def test_a_file_in_the_projects_folder(tmp_path: Path) -> None:
    assert places(tmp_path, "app.py") == [(".", [], "app")]


def test_a_package(tmp_path: Path) -> None:
    assert places(tmp_path, "pkg/sub/app.py", "pkg/__init__.py", "pkg/sub/__init__.py") == [
        (".", [], "pkg.sub.app")
    ]
    assert places(tmp_path, "pkg/__init__.py") == [(".", [], "pkg")]


def test_a_src_folder_is_imported_from_and_not_worked_in(tmp_path: Path) -> None:
    assert places(tmp_path, "src/pkg/app.py", "src/pkg/__init__.py")[0] == (".", ["src"], "pkg.app")


def test_a_folder_that_is_no_package_is_worked_in_first(tmp_path: Path) -> None:
    assert places(tmp_path, "backend/app.py") == [
        ("backend", [], "app"),
        (".", [], "backend.app"),
        (".", ["backend"], "app"),
    ]


def test_a_folder_whose_name_cannot_be_imported_is_not(tmp_path: Path) -> None:
    assert [place[2] for place in places(tmp_path, "my-service/app.py")] == ["app", "app"]


def test_a_project_that_is_a_package_itself_is_imported_from_above(tmp_path: Path) -> None:
    project = write_project(tmp_path / "pkg", {"__init__.py": "", "app.py": ""})
    assert import_places(project / "app.py", project) == (Place(directory=tmp_path, module="pkg.app"),)


def make_environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    write_project(folder, {"bin/python": ""})
    return python


def test_without_a_virtual_environment_it_is_portcompares_own(tmp_path: Path) -> None:
    assert find_python(tmp_path, tmp_path, {}) == Path(sys.executable)


def test_the_projects_environment(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "venv")
    assert find_python(tmp_path / "pkg", tmp_path, {}) == python


def test_the_active_environment_comes_before_the_projects(tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv")
    python = make_environment(tmp_path / "active")
    assert find_python(tmp_path, tmp_path, {"VIRTUAL_ENV": str(tmp_path / "active")}) == python


def test_a_sides_own_environment_comes_before_the_active_one(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "old" / ".venv")
    make_environment(tmp_path / "active")
    environment = {"VIRTUAL_ENV": str(tmp_path / "active")}
    assert find_python(tmp_path / "old" / "pkg", tmp_path, environment) == python


def test_portcompares_own_environment_being_active_says_nothing_of_the_app(tmp_path: Path) -> None:
    python = make_environment(tmp_path / ".venv")
    assert find_python(tmp_path, tmp_path, {"VIRTUAL_ENV": sys.prefix}) == python


def test_an_environment_that_portcompare_itself_runs_in_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    assert find_python(tmp_path, tmp_path, {}) == Path(sys.executable)
