import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

from portcompare.cli.app import load_command
from portcompare.plan import load_plan
from portcompare.serve.servers import vocabulary

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

SERVED = """
baseline = "old"
candidates = ["new"]
[deployments.old]
app = "app"
server = "gunicorn"
[deployments.new]
app = "app"
server = "waitress"
[apps.app]
target = "app:app"
interface = "wsgi"
"""
"""What a part of a plan needs to be a plan."""


def snippets(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        found += [(page.name, block) for block in blocks]
    return found


def write_files_of(page: str, folder: Path) -> None:
    """Write the files that a page shows: blocks with a name behind their language."""
    text = next(path for path in PAGES if path.name == page).read_text()
    for name, content in re.findall(r"^```\w+ (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("name", "describe"), [("plan.md", "describe_plan"), ("faults.md", "describe_faults")]
)
def test_what_is_generated_is_up_to_date(name: str, describe: str) -> None:
    script = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    page = (ROOT / "docs" / name).read_text()
    assert page == script["insert"](page, script[describe]()), "run `make docs`"


@pytest.mark.parametrize(("page", "snippet"), snippets("toml"))
def test_plans_in_the_docs_are_plans(page: str, snippet: str, tmp_path: Path) -> None:
    write_files_of(page, tmp_path)
    path = tmp_path / "plan.toml"
    path.write_text(snippet if "baseline =" in snippet else SERVED + snippet)
    assert load_plan(path, vocabulary()).name == "plan", page


@pytest.mark.parametrize(("page", "snippet"), snippets("python"))
def test_python_in_the_docs_compiles(page: str, snippet: str) -> None:
    compile(snippet, page, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_make_targets_named_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake (\w+)\b", page.read_text())}
    assert named - {"made", "run"} <= targets


@pytest.mark.parametrize("path", sorted((ROOT / "loadtests").glob("*.toml")), ids=lambda path: path.name)
def test_a_shipped_plan_names_only_what_exists_and_its_least_fits_into_its_budget(path: Path) -> None:
    if "baseline" not in tomllib.loads(path.read_text()):
        return  # a part of other plans
    plan = load_plan(path, vocabulary())
    levels = [] if plan.break_even or plan.searches else plan.levels
    block_s = sum(plan.window_s(name) + plan.rounds.warmup_s for name, _ in levels) * len(plan.arms)
    assert plan.rounds.min_blocks * block_s < plan.rounds.budget_s


def test_the_workflow_runs_commands_that_exist_with_options_they_have() -> None:
    workflow = yaml.safe_load((ROOT / "docs" / "ci.yml").read_text())
    assert set(workflow[True]) == {"pull_request", "push"}  # YAML reads the key `on` as true
    steps = workflow["jobs"]["compare"]["steps"]
    lines = [line.strip() for step in steps for line in step.get("run", "").splitlines()]
    assert "make setup" in lines
    called = [line.split()[1:] for line in lines if line.startswith(".venv/bin/portcompare")]
    assert [name for name, *_ in called] == ["run", "history"]
    for name, *arguments in called:
        options = {option for parameter in load_command(name).params for option in parameter.opts}
        assert {one for one in arguments if one.startswith("--")} <= options
    plans = [one for _, *arguments in called for one in arguments if one.endswith(".toml")]
    assert [plan for plan in plans if (ROOT / plan).is_file()] == ["loadtests/plan.toml"]
    kept = [step for step in steps if "uses" in step and step.get("with", {}).get("path") == "runs"]
    assert {step["uses"].split("@")[0] for step in kept} == {
        "actions/cache/restore",
        "actions/cache/save",
        "actions/upload-artifact",
    }
    shown = [step for step in steps if "report.md" in step.get("run", "")]
    assert [("GITHUB_STEP_SUMMARY" in step["run"], "gh pr comment" in step["run"]) for step in shown] == [
        (True, False),
        (False, True),
    ]
    assert all(step["if"].startswith("always()") for step in shown)
