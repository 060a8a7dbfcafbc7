"""action.yml and the workflow that uses it: by schema, by linter, and run step by step as GitHub would."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from portcompare.cli.app import load_command
from tests.e2e.conftest import write_plan

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / "docs" / "ci.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = [step["run"] for step in STEPS if "run" in step]

PROGRAMS = {
    "portcompare": """
        if [ "$1" != run ]; then exit; fi
        while [ "$1" != --out ]; do shift; done
        if [ "$STATUS" != 2 ]; then
          mkdir -p "$2"
          echo '# report' > "$2/report.md"
          printf '{"headline": "Porting\\\\nexit-code=0 pays."}' > "$2/results.json"
        fi
        exit "$STATUS"
    """,
    "gh": 'exit "$GH_STATUS"',
    "python": f'if [ "$2" != pip ]; then exec {sys.executable} "$@"; fi',
}
CALLED = 'echo "$(basename "$0") $(printf "%q " "$@")" >> "$CALLS"'


@dataclass(kw_only=True)
class Job:
    """A job with one step, which uses the action."""

    folder: Path
    status: int = 0  # that portcompare ends with
    gh_status: int = 0
    event: str = "pull_request"
    programs: dict[str, str] = field(default_factory=lambda: PROGRAMS)
    has_failed: bool = False
    outputs: dict[str, str] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)  # other actions

    def run(self, **inputs: str) -> None:
        """Run all steps whose conditions hold."""
        for name, script in self.programs.items():
            program = self.folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/bash\n{CALLED}\n{script}")
            program.chmod(0o755)
        values = {name: one.get("default", "") for name, one in ACTION["inputs"].items()}
        values |= {name.replace("_", "-"): value for name, value in inputs.items()}
        context = {f"inputs.{name}": value for name, value in values.items()} | {
            "github.action_path": "/action",
            "github.event_name": self.event,
            "github.event.pull_request.number": "7",
        }
        for step in STEPS:
            condition = step.get("if", "true")
            if (self.has_failed and "always()" not in condition) or not self._holds(condition, context):
                continue
            if "uses" in step:
                self.used.append(step["uses"].partition("@")[0])
            else:
                self._run_step(step, context)

    @staticmethod
    def _holds(condition: str, context: dict[str, str]) -> bool:
        text = condition.replace("always()", "true").replace("true &&", "").replace("&&", "and")
        if text == "true":
            return True
        names = re.sub(r"[a-z]+(?:\.[\w-]+)+", lambda name: repr(context.get(name[0], "")), text)
        return bool(eval(names))  # noqa: S307 - of this repository

    def _run_step(self, step: dict[str, Any], context: dict[str, str]) -> None:
        given = {
            name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: context.get(found[1], ""), value)
            for name, value in step.get("env", {}).items()
        }
        script, output = self.folder / "step.sh", self.folder / "output"
        script.write_text(step["run"])
        output.write_text("")
        environment = os.environ | given
        environment |= {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "owner/app",
            "GITHUB_RUN_ID": "42",
            "CALLS": str(self.folder / "calls"),
            "STATUS": str(self.status),
            "GH_STATUS": str(self.gh_status),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.folder,
            env=environment,
            check=False,
        )
        self.has_failed |= done.returncode != 0
        if step.get("id") == "run":
            self.outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
            context |= {f"steps.run.outputs.{name}": value for name, value in self.outputs.items()}

    @property
    def calls(self) -> list[list[str]]:
        """The programs that were called, with their arguments."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [shlex.split(line) for line in lines if not line.startswith("python -c")]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(folder=tmp_path)


@pytest.mark.parametrize(("schema", "path"), [("actions", "action.yml"), ("workflows", "docs/ci.yml")])
def test_what_github_reads_has_the_form_that_it_publishes(schema: str, path: str) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}"]
    subprocess.run([*checker, ROOT / path], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_sound_and_takes_inputs_from_its_environment_alone(script: str) -> None:
    linter = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "--enable=all", "-"]
    found = subprocess.run(
        [*linter, "--exclude=SC2154,SC2250"], input=script, text=True, capture_output=True, check=False
    )
    assert found.stdout == ""  # SC2154: a variable of the environment; SC2250: braces around each
    assert "${{" not in script


def test_the_workflow_uses_this_version_with_inputs_that_it_has_and_may_comment() -> None:
    _, step = WORKFLOW["jobs"]["compare"]["steps"]
    assert step["uses"].endswith(f"/portcompare@v{version('portcompare')}")
    assert step["with"].keys() <= ACTION["inputs"].keys()
    assert (ROOT / step["with"]["plan"]).is_file()
    assert WORKFLOW["permissions"]["pull-requests"] == "write"


@pytest.mark.parametrize(("status", "gh_status"), [(0, 0), (1, 0), (3, 1)])
def test_a_pull_request_is_compared_commented_and_kept_whatever_the_result_is(
    job: Job, status: int, gh_status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    job.status, job.gh_status = status, gh_status
    job.run(install="touch installed")
    assert job.has_failed == bool(status)
    run = job.outputs["run"]
    assert job.outputs == {
        "run": run,
        "exit-code": str(status),
        "report": f"{run}/report.md",
        "verdict": "Porting exit-code=0 pays.",
    }
    pip, compare, comment, history = job.calls
    assert pip[-1] == "/action[servers]"
    assert compare == ["portcompare", "run", "loadtests/plan.toml", "--ci", "--out", run, "--quick"]
    assert comment[:4] == ["gh", "pr", "comment", "7"]
    assert comment[-2:] == ["--body-file", f"{run}/report.md"]
    assert ("::warning::" in capfd.readouterr().out) == bool(gh_status)
    assert history == ["portcompare", "history", "--html"]
    assert (job.folder / "installed").exists()
    cache = ["actions/cache/restore", "actions/cache/save"]
    assert job.used == ["actions/setup-python", *cache, "actions/upload-artifact"]


def test_a_push_is_not_commented_and_without_a_history_only_its_run_is_kept(job: Job) -> None:
    job.event = "push"
    job.run(history="false", quick="false", python_version="", budget="5m", args="--arm a  --arm b")
    assert [call[0] for call in job.calls] == ["python", "portcompare"]
    options = job.calls[1][5:]
    assert options[1:] == ["--budget", "5m", "--arm", "a", "--arm", "b"]
    known = {option for parameter in load_command("run").params for option in parameter.opts}
    assert {one for one in job.calls[1] if one.startswith("--")} <= known
    assert job.used == ["actions/upload-artifact"]


def test_a_run_without_a_report_keeps_and_comments_nothing(job: Job) -> None:
    job.status = 2
    job.run()
    assert job.has_failed
    assert job.outputs["exit-code"] == "2"
    assert [call[0] for call in job.calls] == ["python", "portcompare"]


def test_a_plan_is_really_compared_and_its_report_the_summary_of_the_step(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = job.folder / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write_plan(job.folder / "loadtests")
    job.programs = PROGRAMS | {"portcompare": f'exec {sys.executable} -P -m portcompare "$@"'}
    job.run(plan="loadtests/short.toml", budget="60s")
    # So short a run may find nothing on a busy machine, and says so.
    assert job.outputs["exit-code"] in {"0", "3"}
    report = (job.folder / job.outputs["report"]).read_text()
    assert summary.read_text() == report
    assert "a quick run: quart-uvicorn was compared by fast at 2 users" in report
    assert (
        json.loads((job.folder / job.outputs["run"] / "results.json").read_text())["parity"]["verdict"]
        == "alike"
    )
    assert (job.folder / "runs" / "index.html").exists()


def test_an_input_is_no_command(job: Job) -> None:
    evil = "$(touch evil) `touch evil` \"; touch evil; '* ${HOME}"
    job.run(plan=evil, budget=evil, args=evil, extras=evil, quick=evil)
    assert not (job.folder / "evil").exists()
    compare = job.calls[1]
    assert compare[2] == evil
    assert compare[-len(evil.split()) :] == evil.split()
