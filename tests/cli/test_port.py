import os
import re
import subprocess
from pathlib import Path

import pytest

from portcompare.cli import port
from portcompare.serve.extras import command_for_extras
from tests.cli.conftest import refused
from tests.conftest import Command
from tests.discover.projects import FLASK, QUART, write_project

SOCKET = (
    "\n\n@app.get('/socket')\ndef socket():\n    from flask import request as r\n    return r.stream.read()\n"
)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@y.z"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def read(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_port_is_written_beside_the_project_with_a_report(command: Command, tmp_path: Path) -> None:
    files = {"shop/app.py": FLASK, "shop/static/a.css": "a {}", "shop/.venv/pyvenv.cfg": ""}
    project = write_project(tmp_path, files) / "shop"
    before = read(project)
    code, out, err = command("port", "shop")
    assert (code, err.strip()) == (0, "")
    assert "GET /" in out
    assert "3 lines removed, 3 added in 1 file" in out
    assert out.endswith("\nnext: portcompare init\n")
    written = read(tmp_path / "shop-quart")
    assert written.keys() == {"app.py", "static/a.css", "as_flask.py", "PORT.md"}
    assert "async def index():" in written["app.py"]
    assert "| GET / | async | app.py:8 |" in written["PORT.md"]
    assert "| app.py | 3 | 3 |" in written["PORT.md"]
    assert "`hypercorn 'app:app'`" in written["PORT.md"]
    assert read(project) == before


def test_the_report_says_how_to_serve_a_factory_and_how_to_run_tests(
    command: Command, tmp_path: Path
) -> None:
    factory = "from flask import Flask\ndef create():\n    app = Flask(__name__)\n    return app\n"
    tests = "import shop\ndef test_it():\n    assert shop.create().test_client().get('/').data\n"
    write_project(tmp_path, {"all/shop.py": factory, "all/tests/test_shop.py": tests})
    assert command("port", "all")[0] == 0
    report = (tmp_path / "all-quart" / "PORT.md").read_text()
    assert "`hypercorn 'shop:create()'`" in report
    assert "`python -m pytest -o asyncio_mode=auto`" in report


def test_a_package_keeps_its_name_within_the_port(command: Command, tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/__init__.py": FLASK})
    assert command("port", "shop", "--out", "ported")[0] == 0
    assert read(tmp_path / "ported").keys() == {"shop/__init__.py", "shop/as_flask.py", "PORT.md"}


def test_what_is_left_by_hand_is_listed_and_fails(command: Command, tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/app.py": FLASK + SOCKET})
    code, out, _ = command("port", "shop")
    assert code == 1
    assert re.search(r"app\.py:15 +Quart has no stream", out.partition("Left by hand")[2])
    assert out.endswith("\nnext: resolve each TODO(port)\n")
    assert "Left by hand" in (tmp_path / "shop-quart" / "PORT.md").read_text()
    assert "    # TODO(port): Quart has no stream" in (tmp_path / "shop-quart" / "app.py").read_text()


def test_a_project_on_quart_has_nothing_to_port(command: Command, tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/app.py": QUART})
    code, out, _ = command("port", "shop")
    assert (code, out) == (0, "shop is Quart already: nothing to port\n")
    assert not (tmp_path / "shop-quart").exists()


def test_a_project_is_changed_itself_only_if_git_has_all_of_it(command: Command, tmp_path: Path) -> None:
    project = write_project(tmp_path / "shop", {"app.py": FLASK})
    assert "is not in a git repository" in refused(command, "port", "shop", "--write")
    git(project, "init")
    assert "has changes that git does not have" in refused(command, "port", "shop", "--write")
    git(project, "add", ".")
    git(project, "commit", "-m", "x")
    assert "cannot be combined with --out" in refused(command, "port", "shop", "--write", "--out", "x")
    assert command("port", "shop", "--write")[0] == 0
    assert "async def index():" in (project / "app.py").read_text()
    assert (project / "PORT.md").exists()


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({}, ["shop"], "there is no such folder"),
        ({"shop/app.py": "x = 1"}, ["shop"], "there is no Flask app"),
        ({"shop/app.py": FLASK}, ["shop", "--out", "shop/port"], "is within the project"),
        ({"shop/app.py": FLASK, "to/x": ""}, ["shop", "--out", "to"], "exists and is not an empty folder"),
        ({"shop/app.py": FLASK, "shop-quart/x": ""}, ["shop"], "exists and is not an empty folder"),
    ],
)
def test_input_that_cannot_be_ported_is_refused(
    command: Command, tmp_path: Path, files: dict[str, str], arguments: list[str], message: str
) -> None:
    before = read(write_project(tmp_path, files))
    assert message in refused(command, "port", *arguments)
    assert read(tmp_path) == before


def test_a_missing_libcst_is_named_with_the_command(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {"shop/app.py": FLASK})
    monkeypatch.setattr(port, "find_spec", lambda _: None)
    words = " ".join(refused(command, "port", "shop").split())
    assert words == f"portcompare: a port: libcst is not installed {command_for_extras('port')}"


@pytest.mark.parametrize("in_place", [False, True])
def test_what_links_lead_to_is_not_changed(command: Command, tmp_path: Path, *, in_place: bool) -> None:
    write_project(tmp_path, {"shop/app.py": FLASK, "shared.py": FLASK, "pages/a.html": "page"})
    shop, made = tmp_path / "shop", tmp_path / ("shop" if in_place else "shop-quart")
    (shop / "soft.py").symlink_to("../shared.py")
    (shop / "hard.py").hardlink_to(tmp_path / "shared.py")
    (shop / "templates").symlink_to("../pages")
    (shop / "nothing").symlink_to("nowhere")
    (shop / "app.py").chmod(0o755)
    if in_place:
        git(shop, "init")
        git(shop, "add", ".")
        git(shop, "commit", "-m", "all")
    else:
        os.mkfifo(shop / "pipe")
    assert command("port", "shop", *(["--write"] if in_place else []))[0] == 0
    assert (tmp_path / "shared.py").read_text() == FLASK != (made / "app.py").read_text()
    assert [(made / name).read_text() for name in ("soft.py", "hard.py")] == [
        (made / "app.py").read_text()
    ] * 2
    assert (made / "templates" / "a.html").read_text() == "page"
    assert (made / "app.py").stat().st_mode & 0o777 == 0o755
    assert not (made / "pipe").exists()


def test_files_that_git_ignores_are_not_written_over(command: Command, tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": FLASK, "local.py": "import flask\n", ".gitignore": "local.py\n"})
    for arguments in (["init"], ["add", "."], ["commit", "-m", "all"]):
        git(tmp_path, *arguments)
    assert "has files that git ignores: local.py" in refused(command, "port", ".", "--write")
    assert (tmp_path / "local.py").read_text() == "import flask\n"
