import re
import runpy
import tomllib
from pathlib import Path

import pytest

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
