"""How large is an installation, how long does it take, and how soon is there a first verdict?

    .venv/bin/python -m benchmarks.install [--dry]

Builds the wheel, installs it with uv into new virtual environments, and takes two commands from an empty
folder to a verdict. Needs the network, and takes four minutes. Writes docs/install.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import header, publish, row, verdict

ROOT = Path(__file__).parents[1]
EXTRAS = ("servers", "port", "diagnose", "browser", "openapi")
MOST_MIB, MOST_PACKAGES, MOST_INSTALL_S, MOST_VERDICT_S = 200, 60, 30, 300
BLOCK_BYTES = 512  # of which st_blocks counts
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an installation came to."""

    size_mib: float
    packages: int  # portcompare included
    install_s: float


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry", action="store_true", help="only print the figures")
    with TemporaryDirectory() as folder:
        publish("install", measure(Path(folder)), ROOT / "docs" / "install.md", dry=parser.parse_args().dry)


def measure(folder: Path) -> list[str]:
    """Install the base, with an empty and a filled cache, and with each extra; then run the demo."""
    run([UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("*.whl")
    cold = install(folder, str(wheel), {"UV_CACHE_DIR": str(folder / "cache")})
    base = install(folder, str(wheel))
    compiled = install(folder, str(wheel), {"UV_COMPILE_BYTECODE": "1"})
    lines = [*header("figure", "now", "at most", "")]
    demo_s = to_a_verdict(folder, wheel)
    for name, now, most, unit in (
        ("base install", base.size_mib, MOST_MIB, "MiB"),
        ("its packages, with portcompare", base.packages, MOST_PACKAGES, ""),
        ("its installation by uv, all downloaded", cold.install_s, MOST_INSTALL_S, "s"),
        ("the same, all in uv's cache", base.install_s, MOST_INSTALL_S, "s"),
        ("a wheel in an empty folder to a verdict, by two commands", demo_s, MOST_VERDICT_S, "s"),
    ):
        lines.append(
            row(name, f"{now:.4g} {unit}".strip(), f"{most} {unit}".strip(), verdict(met=now <= most))
        )
    lines.append(row("base install with bytecode, as pip leaves it", f"{compiled.size_mib:.4g} MiB", "", ""))
    lines += ["", *header("extra", "adds to the base", "packages")]
    for extra in EXTRAS:
        more = install(folder, f"{wheel}[{extra}]")
        lines.append(
            row(f"`{extra}`", f"{more.size_mib - base.size_mib:.3g} MiB", more.packages - base.packages)
        )
    return lines


def install(folder: Path, what: str, variables: dict[str, str] | None = None) -> Installed:
    """Install something into a new environment; only the installation is timed."""
    environment = folder / "environment"
    run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], folder)
    empty_mib, began_s = size_mib(environment), time.monotonic()
    python = str(environment / "bin/python")
    run([UV, "pip", "install", "--quiet", "--python", python, what], folder, variables)
    return Installed(
        install_s=time.monotonic() - began_s,
        size_mib=size_mib(environment) - empty_mib,
        packages=len(list(environment.glob("lib/python*/site-packages/*.dist-info"))),
    )


def size_mib(folder: Path) -> float:
    """What a folder takes on the disk; programs stand beside the packages."""
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * BLOCK_BYTES / 2**20


def to_a_verdict(folder: Path, wheel: Path) -> float:
    """How long the two commands of somebody take who has a wheel, in seconds."""
    empty = folder / "empty"
    empty.mkdir()
    tools = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    began_s = time.monotonic()
    run([UV, "tool", "install", "--quiet", f"{wheel}[servers]"], empty, tools)
    run([str(folder / "bin" / "portcompare"), "demo"], empty, tools)
    return time.monotonic() - began_s


def run(command: list[str], folder: Path, variables: dict[str, str] | None = None) -> None:
    """Run a command in a folder; raises CalledProcessError if it fails."""
    subprocess.run(command, cwd=folder, env=os.environ | (variables or {}), check=True)


if __name__ == "__main__":
    main()
