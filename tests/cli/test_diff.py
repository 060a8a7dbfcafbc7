import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import refused
from tests.conftest import Command
from tests.runs import NEW, make_run, store

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "diff.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    store(make_run(1, blocks=8), tmp_path / "old")
    store(make_run(2, blocks=8, slower=1.3), tmp_path / "new")


def test_a_slow_down_is_reported_with_exit_code_0(command: Command) -> None:
    code, out, err = command("diff", "old", "new")
    assert code == 0, err
    words = " ".join(out.split())
    assert f"{NEW} is slower (delayed, 1 user; delayed, 64 users)" in words
    assert "Unpaired: the rounds of two runs share no block" in words
    assert "what the machine did then or does now cancels" in words
    assert max(map(len, out.splitlines())) <= 80


def test_the_machine_form_satisfies_the_published_schema(command: Command) -> None:
    code, out, _ = command("diff", "old", "new", "--json")
    assert code == 0
    data = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert {one["ratio"]["verdict"] for one in data["changes"] if one["deployment"] == NEW} >= {"slower"}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(data | {"schema_version": 1})


def test_the_files_are_written_to_the_named_folder(command: Command, tmp_path: Path) -> None:
    code, out, _ = command("diff", "old", "new", "--out", tmp_path / "a" / "b")
    assert code == 0
    assert out.rstrip().endswith(f"{tmp_path}/a/b/diff.html")
    for name in ("diff.md", "diff.html"):
        assert "slower" in (tmp_path / "a" / "b" / name).read_text(encoding="utf-8")
    (tmp_path / "file").touch()
    assert f"--out {tmp_path}/file: cannot be written" in refused(
        command, "diff", "old", "new", "--out", tmp_path / "file"
    )


def test_runs_of_other_machines_are_refused_unless_the_option_allows_them(
    command: Command, tmp_path: Path
) -> None:
    run = make_run(2, blocks=8)
    store(replace(run, manifest=replace(run.manifest, cpu_count=64, kernel="Linux 9")), tmp_path / "far")
    code, out, err = command("diff", "old", "far")
    assert (code, out) == (2, "")
    assert "old, far: the machines differ: cpu_count 2 and 64" in err
    assert "--across-machines compares them all the same" in err
    code, out, _ = command("diff", "old", "far", "--across-machines")
    assert code == 0
    assert "ANOTHER MACHINE: cpu_count was 2 and is 64" in " ".join(out.split())
    assert "kernel" in out


def test_runs_that_are_missing_or_have_nothing_in_common_are_refused_with_the_reason(
    command: Command, tmp_path: Path
) -> None:
    err = refused(command, "diff", "nowhere", "neither")
    assert "nowhere/results.json: there is no such file" in err
    assert "neither/results.json: there is no such file" in err
    run = make_run(2, blocks=8)
    run.plan["scenarios"]["delayed"]["delay_s"] = 0.5
    store(run, tmp_path / "other")
    assert (
        "have nothing in common to compare; delayed: it does not send the same: delay_s was 0.2"
        in refused(command, "diff", "old", "other")
    )
