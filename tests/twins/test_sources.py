from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLASK = ROOT / "sync_flask"
QUART = ROOT / "async_quart"
MODULES = sorted(path.name for path in FLASK.glob("*.py"))
TEMPLATES = sorted(path.name for path in (FLASK / "templates").iterdir())

# What a port changes, each as Quart has it and as Flask does.
PORT = [
    *[("async def ", "def "), ("async with ", "with "), ("await ", "")],
    *[("Awaitable[str]", "str"), ("Awaitable, ", "")],
    ("import asyncio\nfrom coll", "import threading\nimport time\nfrom coll"),
    ("asyncio.Lock", "threading.Lock"),
    *[("import asyncio\nimport time\n", "import time\n"), ("asyncio.sleep", "time.sleep")],
    *[("from quart.utils import run_sync\n", ""), ("run_sync(time.sleep)", "time.sleep")],
    ("  # noqa: ASYNC251 - the mistake that this route shows", ""),
    *[("AsyncClient", "Client"), ("app.after_serving(client.aclose)", "atexit.register(client.close)")],
    *[("quart", "flask"), ("Quart", "Flask")],
    ("\nfrom itertools import cycle\n", "\nimport atexit\nfrom itertools import cycle\n"),
]


def test_both_twins_have_the_same_files() -> None:
    assert sorted(path.name for path in QUART.glob("*.py")) == MODULES
    assert sorted(path.name for path in (QUART / "templates").iterdir()) == TEMPLATES


@pytest.mark.parametrize("name", ["config.py", "parsing.py", *(f"templates/{name}" for name in TEMPLATES)])
def test_what_knows_no_framework_is_identical(name: str) -> None:
    assert (FLASK / name).read_bytes() == (QUART / name).read_bytes()


@pytest.mark.parametrize("module", [name for name in MODULES if name != "__init__.py"])
def test_nothing_but_the_port_tells_the_sources_apart(module: str) -> None:
    source = (QUART / module).read_text("utf-8")
    for quart, flask in PORT:
        source = source.replace(quart, flask)
    assert source == (FLASK / module).read_text("utf-8")
