"""The page about bringing one's own app says what happens."""

import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import ROOT, Start, read_results

PAGE = (ROOT / "docs" / "bring-your-own.md").read_text(encoding="utf-8")
APP, PORT = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ portcompare (.*)$", PAGE, re.MULTILINE)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a command to end well; returns what it has printed."""
    out, err = process.communicate(timeout=300)
    assert process.returncode in (0, 3), err  # 3: so short a run may be too noisy, and says so
    return out


def shorten(project: Path) -> None:
    """Have a run of the plan take seconds."""
    plan = project / "loadtests" / "plan.toml"
    text = plan.read_text()
    assert "seconds = 1.0" in text
    shorter = text.replace("seconds = 1.0", "seconds = 0.3\nmin_blocks = 2\nmax_blocks = 2")
    plan.write_text(shorter.replace("users = [1, 32]", "users = [2]"))


def test_it_takes_under_ten_lines() -> None:
    assert COMMANDS[:2] == ["init", "run"]
    lines = [line for line in APP.splitlines() if line]
    assert len(lines) + 2 < 10


def test_an_app_and_its_port_get_their_verdict(start: Start, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "port.py").write_text(PORT)
    said = finish(start("init"))
    assert said.endswith("next: portcompare run\n")
    shorten(tmp_path)
    finish(start("run", "--out", tmp_path / "run"))
    results = read_results(tmp_path / "run")
    assert results["parity"]["verdict"] == "alike"
    assert results["parity"]["cases"] > 5
    assert not results["partial"]
    assert {one["scenario"] for one in results["rounds"]} == {"hello"}
    assert not any(one["load"]["error_kinds"] for one in results["rounds"])
    compared = [one for one in results["comparisons"] if one["candidate"] == "quart-uvicorn"]
    verdicts = {one["ratio"]["verdict"] for one in compared}
    assert verdicts
    assert verdicts <= {"faster", "slower", "equivalent", "inconclusive"}
