"""The container files: what a linter says, and that they hold what the twins and the comparison need."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from portcompare.serve.servers import SERVERS
from tests.deploy.support import DEPLOY, IMAGES, ROOT

TWINS = {
    "flask": ("sync_flask", SERVERS["gunicorn"].interfaces["wsgi"]),
    "quart": ("async_quart", SERVERS["uvicorn"].interfaces["asgi"]),
}


def test_the_linter_finds_nothing() -> None:
    command = [Path(sys.executable).with_name("hadolint"), *DEPLOY.glob("*.Dockerfile")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_slim_unprivileged_and_locked(image: str) -> None:
    file = IMAGES[image]
    assert {base.split()[0] for base in file.all_of("FROM")} == {"python:3.11-slim-bookworm"}
    uv, install = file.all_of("RUN")[:2]
    assert f"UV_VERSION := {uv.partition('uv==')[2].split()[0]}\n" in (ROOT / "Makefile").read_text()
    assert "--constraints requirements.lock" in install
    assert not re.search(r"\b(pip|uv|apt|apt-get)\b", file.final.get("RUN", ""))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", file.final["USER"])  # a number: Kubernetes looks up no name
    ignored = (ROOT / ".dockerignore").read_text().split()
    for source in [rest.split()[0] for rest in file.all_of("COPY") if not rest.startswith("--from")]:
        assert (ROOT / source).exists()
        assert source not in ignored


@pytest.mark.parametrize("image", TWINS)
def test_a_twin_is_served_as_in_a_run(image: str) -> None:
    package, serving = TWINS[image]
    arguments = serving.arguments_of(serving.defaults, f"{package}.app:app", host="0.0.0.0", port=8000)  # noqa: S104
    if "--config" in arguments:  # portcompare's own file, which the image does not have
        place = arguments.index("--config")
        arguments[place : place + 2] = ["--no-control-socket"]
    assert IMAGES[image].words_of("CMD") == ["python", "-m", *arguments]


@pytest.mark.parametrize("image", TWINS)
def test_an_image_has_all_that_its_twin_imports(image: str) -> None:
    sources = "".join(path.read_text() for path in (ROOT / TWINS[image][0]).glob("*.py"))
    distributions = packages_distributions()
    modules = set(re.findall(r"^(?:from|import) (\w+)", sources, re.MULTILINE)) & distributions.keys()
    needed = {canonicalize_name(name) for module in modules for name in distributions[module]}
    waiting = IMAGES[image].all_of("RUN")[1].rpartition(" --")[2].split()[1:]
    installed: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in installed:
            installed.add(name)
            needs = map(Requirement, requires(name) or ())
            waiting += [one.name for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
    assert image in needed <= installed


def test_both_twins_are_checked_alike() -> None:
    alike = ("FROM", "WORKDIR", "ENV", "USER", "EXPOSE", "HEALTHCHECK")
    flask, quart = ([IMAGES[image].final[name] for name in alike] for image in TWINS)
    assert flask == quart
