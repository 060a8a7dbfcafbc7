import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("sync_flask", "async_flask", "async_quart", "loadtests")


def _build(kind: str, source: Path, folder: Path) -> Path:
    """A wheel or an sdist of a folder."""
    call = f"import sys, hatchling.build; hatchling.build.build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", call, folder], cwd=source, check=True)
    (built,) = (path for path in folder.iterdir() if path.suffix == (".whl" if kind == "wheel" else ".gz"))
    return built


def _contents(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def _sources(folder: str, prefix: str = "") -> dict[str, bytes]:
    """The files of a folder of the checkout by their path in the wheel."""
    return {
        f"{prefix}{path.relative_to(ROOT).as_posix()}": path.read_bytes()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return _contents(_build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


def test_the_wheel_has_the_tool_and_what_the_demo_copies_and_no_more(wheel: dict[str, bytes]) -> None:
    expected = _sources("portcompare")
    for folder in SHIPPED:
        expected |= _sources(folder, "portcompare/demo_data/")
    assert {name: text for name, text in wheel.items() if ".dist-info" not in name} == expected


def test_the_sdist_has_what_its_tests_need_and_makes_the_same_wheel(
    wheel: dict[str, bytes], tmp_path: Path
) -> None:
    with tarfile.open(_build("sdist", ROOT, tmp_path)) as file:
        file.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = {PurePosixPath(name) for name in listed.stdout.split("\0")[:-1] if (ROOT / name).exists()}
    assert not [name for name in names if not (source / name).is_file()]
    (tmp_path / "wheel").mkdir()
    assert _contents(_build("wheel", source, tmp_path / "wheel")) == wheel
