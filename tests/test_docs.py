import re
import runpy
import subprocess
import tomllib
from itertools import chain
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, expect
from selectolax.lexbor import LexborHTMLParser

from benchmarks.gallery import LIVE, PICTURES
from portcompare.cli.app import COMMANDS, load_command
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


def test_what_is_generated_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    pages = {name: (ROOT / "docs" / name).read_text() for name in script["PAGES"]}
    made = {name: script["insert"](pages[name], describe()) for name, describe in script["PAGES"].items()}
    assert made == pages, "run `make docs`"


@pytest.mark.parametrize(("page", "snippet"), snippets("toml"))
def test_plans_in_the_docs_are_plans(page: str, snippet: str, tmp_path: Path) -> None:
    write_files_of(page, tmp_path)
    path = tmp_path / "plan.toml"
    path.write_text(snippet if "baseline =" in snippet else SERVED + snippet)
    assert load_plan(path, vocabulary()).name == "plan", page


def unknown_options(name: str, arguments: list[str]) -> set[str]:
    known = {option for parameter in load_command(name).params for option in parameter.opts}
    return {one for one in arguments if re.match("--?[a-zA-Z]", one)} - known - {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_exist_with_their_options(page: Path) -> None:
    called = r"^(?:\$ |`|    )?(?:\.venv/bin/)?portcompare ([a-z]+)\b([^`\n#]*)"
    for code in re.findall(r"(?sm)^```.*?^```|^    [^\n]*|`[^`\n]+`", page.read_text()):
        for name, arguments in re.findall(called, code, re.MULTILINE):
            assert name in COMMANDS
            assert not unknown_options(name, re.findall(r"[\w.,:/-]+", arguments)), (name, arguments)


@pytest.mark.parametrize(("page", "snippet"), snippets("python"))
def test_python_in_the_docs_compiles(page: str, snippet: str) -> None:
    compile(snippet, page, "exec")


def test_each_picture_in_the_docs_is_made_by_the_gallery() -> None:
    made = {LIVE, *chain(*PICTURES.values())}
    assert {path.stem for path in (ROOT / "docs" / "images").iterdir()} == made


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


@pytest.fixture(scope="module")
def site() -> list[Path]:
    """The pages of the docs' site. Its build fails where a link between them leads nowhere."""
    command = ["make", "--old-file", ".venv/.ready", "site"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, re.sub(r"\x1b\[[0-9;]*m", "", made.stdout + made.stderr)
    pages = set((ROOT / "site" / "html").rglob("*.html"))
    return sorted(pages - {ROOT / "site" / "html" / "404.html"})  # only servers show it, at any address


def test_all_that_the_site_loads_and_links_to_is_in_the_site(site: list[Path]) -> None:
    pages = {path: LexborHTMLParser(path.read_text()) for path in site}
    navigation = (ROOT / "zensical.toml").read_text()
    assert not [page for page in PAGES if f'"{page.relative_to(ROOT)}"' not in navigation]
    missing = []
    for path, page in pages.items():
        for node in page.css("[href], [src]"):
            target = node.attributes.get("href") or node.attributes.get("src") or ""
            url = urlsplit(target)
            if node.tag == "a" and url.scheme in {"http", "https"}:
                continue
            file = (path.parent / unquote(url.path)).resolve() if url.path else path
            anchor = f'[id="{url.fragment}"]' if url.fragment and file in pages else "html"
            if url.scheme or not file.is_file() or (file in pages and not pages[file].css(anchor)):
                missing.append(f"{path.name}: {target}")
    assert not missing
    styles = (ROOT / "site" / "html").rglob("*.css")
    assert not [path for path in styles if re.search(r"url\([\"']?https?:", path.read_text())]


def test_the_site_needs_no_network_and_no_server_and_fits_on_a_phone(
    site: list[Path], chromium: Browser
) -> None:
    page = chromium.new_page(viewport={"width": 400, "height": 800}, color_scheme="dark")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    for path in site:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path.name
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_role("button", name="Search").first.click()
    page.get_by_placeholder("Search").fill("censored request")
    page.get_by_text("What is measured").click()
    expect(page).to_have_title(re.compile("Glossary"))
    page.close()
    assert not [url for url in loaded if urlsplit(url).scheme not in {"file", "data", "blob", "about"}]
