import ast
from pathlib import Path

import pytest

from tests.twins.sending import SENDER_MAKERS

ROOT = Path(__file__).parents[2]
FLASK = ROOT / "sync_flask"
QUART = ROOT / "async_quart"
MODULES = sorted(path.name for path in FLASK.glob("*.py"))

TEMPLATES = sorted(path.name for path in (FLASK / "templates").iterdir())

# What a port changes, each as Quart has it and as Flask does.
PORT = [
    *[("async def ", "def "), ("async with ", "with "), ("await ", "")],
    *[("Awaitable[str]", "str"), ("Awaitable, ", "")],
    *[
        ("asyncio.Lock", "threading.Lock"),
        ("import asyncio\nfrom coll", "import threading\nimport time\nfrom coll"),
    ],
    *[("import asyncio\nimport time\n", "import time\n"), ("asyncio.sleep", "time.sleep")],
    *[("from quart.utils import run_sync\n", ""), ("run_sync(time.sleep)", "time.sleep")],
    ("  # noqa: ASYNC251 - the mistake that this route shows", ""),
    *[("AsyncClient", "Client"), ("app.after_serving(client.aclose)", "atexit.register(client.close)")],
    *[("quart", "flask"), ("Quart", "Flask")],
    ("\nfrom itertools import cycle\n", "\nimport atexit\nfrom itertools import cycle\n"),
]

REQUESTS = [
    *[
        (method, "/data")
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
    ],
    *[
        ("GET", f"/data?delay={delay}")
        for delay in ("0", "1e-3", "-1", "nan", "1e309", "", "x", "+1", "%ff", "11")
    ],
    *[("HEAD", "/data?delay=x"), ("POST", "/data?delay=x"), ("GET", "/data?delay=0&delay=0")],
    *[
        ("GET", path)
        for path in ("/", "/healthz", "/data/", "/data//", "/data%20", "/%64ata", "/nothing?delay=x")
    ],
    *[
        ("GET", f"/data/{name}")
        for name in ("blocking", "cached", "computed", "dict", "offloaded", "upstream")
    ],
    *[("GET", f"/data?padding={padding}") for padding in ("0", "5", "1000001", "-1", "1.5", "1" * 5000)],
    *[("GET", f"/data/computed?work={work}") for work in ("3", "003", "1e3", "", "1000001")],
    *[("GET", f"/?{query}") for query in ("path=/data/dict", "path=/x", "path=/data&delay=%22%3E%ff&work=")],
    *[("GET", f"/page?rows={rows}") for rows in ("0", "100", "-1", "10001")],
    *[("GET", "http://twin.test//data"), ("GET", "http://twin.test///"), ("OPTIONS", "/nothing")],
]


def functions(path: Path) -> list[str]:
    """Return the names of a module's functions, nested ones too, in the order of the source."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)]
    return [node.name for node in sorted(found, key=lambda node: node.lineno)]


@pytest.mark.parametrize(("method", "target"), REQUESTS)
def test_both_twins_give_the_same_answer(method: str, target: str) -> None:
    flask, quart = (make({}, {})(method, target) for make in SENDER_MAKERS.values())

    assert flask.status_code == quart.status_code
    assert flask.content == quart.content
    assert sorted(flask.headers) == sorted(quart.headers)
    for name in (
        "Content-Type",
        "Content-Length",
        "Location",
        "ETag",
        "Cache-Control",
        "Content-Security-Policy",
    ):
        assert flask.headers.get(name) == quart.headers.get(name)
    # The order of the methods is that of a set, which changes from process to process.
    assert set(flask.headers.get("Allow", "").split(", ")) == set(quart.headers.get("Allow", "").split(", "))


def test_both_twins_have_the_same_files() -> None:
    assert sorted(path.name for path in QUART.glob("*.py")) == MODULES
    assert sorted(path.name for path in (QUART / "templates").iterdir()) == TEMPLATES


@pytest.mark.parametrize("module", MODULES)
def test_both_twins_have_the_same_functions_in_the_same_order(module: str) -> None:
    assert functions(FLASK / module) == functions(QUART / module)


@pytest.mark.parametrize("module", ["config.py", "parsing.py"])
def test_what_knows_no_framework_is_identical(module: str) -> None:
    assert (FLASK / module).read_bytes() == (QUART / module).read_bytes()


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_templates_are_identical(name: str) -> None:
    assert (FLASK / "templates" / name).read_bytes() == (QUART / "templates" / name).read_bytes()


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__.py"])
def test_nothing_but_the_port_tells_the_sources_apart(module: str) -> None:
    source = (QUART / module).read_text("utf-8")
    for quart, flask in PORT:
        source = source.replace(quart, flask)

    assert source == (FLASK / module).read_text("utf-8")
