import re
import subprocess
import sys
from pathlib import Path

import pytest

from portcompare.diagnose.text import find_in_text, find_tool
from portcompare.errors import MeasurementError
from portcompare.serve.extras import command_for_extras

SLEEPS = "import time\n\n\nasync def front():\n    time.sleep(1)\n"


def test_lines_that_block_are_found_with_their_rules(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "views.py").write_text(f"{SLEEPS}    open('a')\n    input()\n")
    (tmp_path / "broken.py").write_text("async def front(:\n")
    # Neither blocks: a parameter named timeout, and a loop that sleeps.
    harmless = "async def front(timeout):\n    while True:\n        await asyncio.sleep(1)\n"
    (tmp_path / "harmless.py").write_text(f"import asyncio\n{harmless}")
    found = [(one.file, one.line, one.rule) for one in find_in_text(tmp_path)]
    file = "shop/views.py"
    assert found == [(file, 5, "ASYNC251"), (file, 6, "ASYNC230"), (file, 7, "ASYNC250")]
    assert "time.sleep" in find_in_text(tmp_path)[0].message


def test_an_environment_is_left_out_and_a_folder_that_git_ignores_is_not(tmp_path: Path) -> None:
    for folder in ("env-3.11/lib/python3.11/site-packages", "ignored"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text(SLEEPS)
    (tmp_path / "env-3.11" / "pyvenv.cfg").touch()
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nexclude = ['ignored']\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert [one.file for one in find_in_text(tmp_path)] == ["ignored/a.py"]


def test_a_missing_program_is_an_error_that_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MeasurementError, match=re.escape(f"ruff is not installed: {command_for_extras('diagnose')}")
    ):
        find_in_text(tmp_path)
    (tmp_path / "py-spy").touch(mode=0o755)
    assert find_tool("py-spy") == str(tmp_path / "py-spy")
