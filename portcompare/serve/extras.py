"""How to install what is missing: for any interpreter, and for portcompare as it was installed itself."""

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

_NAME = "portcompare"
_OF_EXTRA = re.compile(r"""([\w.-]+).*\bextra == ["'](.+?)["']""")


def find_missing(extra: str) -> list[str]:
    """The packages of an extra of portcompare that are not installed beside it."""
    wanted = [_OF_EXTRA.match(line) for line in distribution(_NAME).requires or ()]
    return [found[1] for found in wanted if found and found[2] == extra and not _is_installed(found[1])]


def _is_installed(name: str) -> bool:
    try:
        return distribution(name) is not None
    except PackageNotFoundError:
        return False


def command_for_extras(*extras: str) -> str:
    """The shell command that adds extras to this portcompare; it keeps those that are there."""
    home, ours = Path(sys.prefix), distribution(_NAME)
    receipt, requirement = home / "uv-receipt.toml", _requirement(ours, _kept(ours, extras))
    editable = ["--editable"] if _origin(ours).get("dir_info", {}).get("editable") else []
    if receipt.exists():
        tool = tomllib.loads(receipt.read_text(encoding="utf-8"))["tool"]
        others = [_requirement_of_receipt(one) for one in tool["requirements"] if one["name"] != _NAME]
        beside = chain.from_iterable(("--with", other) for other in others)
        return shlex.join(["uv", "tool", "install", *beside, *editable, requirement])
    if (home / "pipx_metadata.json").exists():
        return shlex.join(["pipx", "install", "--force", *editable, requirement])
    if home.parent.name.startswith("archive-v"):  # made by uvx, in uv's cache
        return shlex.join(["uvx", "--from", requirement, _NAME, *sys.argv[1:]])
    return shlex.join([*_installer(sys.executable), *editable, _requirement(ours, extras)])


def command_for_packages(python: str, names: Iterable[str]) -> str:
    """The shell command that installs packages for an interpreter which serves."""
    is_ours = _home(python) == Path(sys.prefix)
    if is_ours and any(Path(sys.prefix, name).exists() for name in ("uv-receipt.toml", "pipx_metadata.json")):
        return command_for_extras("servers")  # has all that serves; others would be lost with the next update
    return shlex.join([*_installer(python), *names])


def _installer(python: str) -> list[str]:
    """The words before the packages: of pip, or of uv for a virtual environment that has no pip."""
    home = _home(python)
    if (home / "pyvenv.cfg").exists() and not any(home.glob("lib/python*/site-packages/pip")):
        return ["uv", "pip", "install", "--python", python]
    return [python, "-m", "pip", "install"]


def _home(python: str) -> Path:
    return Path(python).absolute().parent.parent  # not of what a link leads to, out of the environment


def _origin(ours: Distribution) -> dict[str, Any]:
    """Where portcompare was installed from (PEP 610); empty for a package index."""
    origin: dict[str, Any] = json.loads(ours.read_text("direct_url.json") or "{}")
    return origin


def _requirement(ours: Distribution, extras: Iterable[str]) -> str:
    names, origin = f"[{','.join(sorted(extras))}]", _origin(ours)
    url = str(origin.get("url", ""))
    if url.startswith("file:") and "vcs_info" not in origin:
        return url2pathname(url.removeprefix("file://")) + names
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"{_NAME}{names}" + (f" @ {url}" if url else "")


def _requirement_of_receipt(other: dict[str, Any]) -> str:
    """A package that was added by `uv tool install --with`."""
    place = next(
        (str(other[key]) for key in ("path", "directory", "editable", "url", "git") if key in other), ""
    )
    return place or other["name"] + other.get("specifier", "")


def _kept(ours: Distribution, extras: Iterable[str]) -> set[str]:
    """The extras, and those that are there: a tool's environment is made of what its last command names."""
    there = ours.metadata.get_all("Provides-Extra") or ()
    return {*extras, *(extra for extra in there if not find_missing(extra))}
