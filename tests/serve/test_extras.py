import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from portcompare.serve.extras import command_for_extras, command_for_packages, find_missing

METADATA = """\
Metadata-Version: 2.4
Name: portcompare
Version: 1.0
Provides-Extra: port
Provides-Extra: servers
Provides-Extra: browser
Requires-Dist: rich>=13
Requires-Dist: libcst>=1.5; extra == 'port'
Requires-Dist: flask[async]>=3.1; extra == "servers"
Requires-Dist: quart>=0.20; extra == "servers"
Requires-Dist: playwright; extra == 'browser'
"""
WHEEL = {"url": "file:///pack%20ages/portcompare-1.0-py3-none-any.whl", "archive_info": {}}
CHECKOUT = {"url": "file:///src/portcompare", "dir_info": {"editable": True}}
FOLDER = {"url": "file:///src/portcompare", "dir_info": {}}
WEB = {"url": "https://example.org/portcompare-1.0-py3-none-any.whl", "archive_info": {}}
GIT = {"url": "file:///srv/tool.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}
PIP = {"pyvenv.cfg": "", "lib/python3.11/site-packages/pip/__init__.py": ""}
UV = {"pyvenv.cfg": ""}
BARE_TOOL = UV | {"uv-receipt.toml": "[tool]\nrequirements = []"}
TOOL = UV | {
    "uv-receipt.toml": "[tool]\nrequirements = [{name = 'portcompare', extras = ['port']}, "
    "{name = 'my-auth', specifier = '<2'}, {name = 'own', editable = '/own'}]"
}
PIPX = UV | {"pipx_metadata.json": "{}"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with portcompare and libcst."""
    info = tmp_path / "env/portcompare.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)

    def find(name: str) -> Distribution:
        if name not in ("portcompare", "libcst", "rich", "flask"):
            raise PackageNotFoundError(name)
        return Distribution.at(info)

    monkeypatch.setattr("portcompare.serve.extras.distribution", find)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env/bin/python"))
    return tmp_path / "env"


def _install(home: Path, files: dict[str, str], origin: dict[str, Any] | None) -> None:
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    if origin is not None:
        (home / "portcompare.dist-info/direct_url.json").write_text(json.dumps(origin))


@pytest.mark.parametrize(
    ("files", "origin", "command"),
    [
        (PIP, None, "PYTHON -m pip install 'portcompare[servers]'"),
        ({}, None, "PYTHON -m pip install 'portcompare[servers]'"),
        (UV, None, "uv pip install --python PYTHON 'portcompare[servers]'"),
        (PIP, WHEEL, "PYTHON -m pip install '/pack ages/portcompare-1.0-py3-none-any.whl[servers]'"),
        (UV, CHECKOUT, "uv pip install --python PYTHON --editable '/src/portcompare[servers]'"),
        (PIP, CHECKOUT, "PYTHON -m pip install --editable '/src/portcompare[servers]'"),
        (PIP, FOLDER, "PYTHON -m pip install '/src/portcompare[servers]'"),
        (UV, WEB, f"uv pip install --python PYTHON 'portcompare[servers] @ {WEB['url']}'"),
        (PIP, GIT, "PYTHON -m pip install 'portcompare[servers] @ git+file:///srv/tool.git@c0ffee'"),
        (TOOL, None, "uv tool install --with 'my-auth<2' --with /own 'portcompare[port,servers]'"),
        (BARE_TOOL, CHECKOUT, "uv tool install --editable '/src/portcompare[port,servers]'"),
        (PIPX, FOLDER, "pipx install --force '/src/portcompare[port,servers]'"),
    ],
)
def test_a_command_adds_an_extra_in_the_way_that_portcompare_was_installed(
    home: Path, files: dict[str, str], origin: dict[str, Any] | None, command: str
) -> None:
    _install(home, files, origin)
    assert command_for_extras("servers") == command.replace("PYTHON", sys.executable)


@pytest.mark.usefixtures("home")
def test_a_command_of_uvx_is_given_again_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/cache/uv/archive-v0/Xy12")
    monkeypatch.setattr(sys, "argv", ["portcompare", "demo", "--out", "a b"])
    assert (
        command_for_extras("servers") == "uvx --from 'portcompare[port,servers]' portcompare demo --out 'a b'"
    )


@pytest.mark.parametrize(
    ("files", "theirs", "command"),
    [
        (PIP, None, "PYTHON -m pip install quart waitress"),
        (UV, None, "uv pip install --python PYTHON quart waitress"),
        (BARE_TOOL, None, "uv tool install 'portcompare[port,servers]'"),
        (PIPX, None, "pipx install --force 'portcompare[port,servers]'"),
        (TOOL, PIP, "PYTHON -m pip install quart waitress"),
        (PIP, UV, "uv pip install --python PYTHON quart waitress"),
    ],
)
def test_packages_are_installed_for_the_interpreter_that_serves(
    home: Path, files: dict[str, str], theirs: dict[str, str] | None, command: str
) -> None:
    _install(home, files, None)
    other = home.parent / "other env"
    _install(other, theirs or {}, None)
    python = sys.executable if theirs is None else f"{other}/bin/python"
    assert command_for_packages(python, ("quart", "waitress")) == command.replace(
        "PYTHON", python if theirs is None else f"'{python}'"
    )


@pytest.mark.usefixtures("home")
def test_the_missing_packages_of_an_extra_are_named() -> None:
    assert [find_missing(extra) for extra in ("port", "servers", "browser")] == [
        [],
        ["quart"],
        ["playwright"],
    ]
