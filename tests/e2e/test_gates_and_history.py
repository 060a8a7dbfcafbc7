"""A gate on real servers, and what remains of the run: in the history, and to be compared with."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from portcompare.records.run_summary import read_summary

GATES = """
[[gates]]
metric = "throughput"
scenario = "delayed"
candidate = "quart-uvicorn"
min_ratio = 1.2

[[gates]]
metric = "throughput"
scenario = "delayed"
candidate = "quart-uvicorn"
min_ratio = 100
"""


def test_a_broken_gate_ends_in_1_and_the_run_is_found_again(
    start: Callable[..., subprocess.Popen[str]], plan: Path, tmp_path: Path
) -> None:
    text = plan.read_text()
    fast = text[text.index("[scenarios.fast]") : text.index("[scenarios.delayed]")]
    plan.write_text(text.replace(fast, "") + GATES)
    process = start("run", plan)
    out, err = process.communicate(timeout=100)
    (folder,) = [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    results = json.loads((folder / "results.json").read_text())
    # On a machine that is too noisy for it the run is not valid, and then no gate is passed.
    assert process.returncode == (1 if results["valid"] else 3), err
    kept, broken = results["gates"]
    assert not broken["passed"]
    assert kept["passed"] == (kept["check"]["outcome"] == "kept")
    assert "Gates: " in out
    assert "Gates: " in (folder / "report.html").read_text()

    summary = read_summary(folder)
    assert summary is not None
    found, _ = start("history", "--json").communicate(timeout=100)
    (indexed,) = json.loads(found)["runs"]
    assert (indexed["folder"], indexed["gates"]) == (folder.name, 2)
    assert indexed == json.loads(json.dumps(asdict(summary)))

    again = shutil.copytree(folder, tmp_path / "again")
    found, _ = start("diff", folder, again, "--json").communicate(timeout=100)
    changes = json.loads(found)["changes"]
    assert {one["deployment"] for one in changes} == {"flask-gunicorn", "control", "quart-uvicorn"}
    assert all(one["ratio"]["point"] in (None, 1.0) for one in changes)
