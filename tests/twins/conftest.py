"""The apps within this process; test_servers.py has them on real servers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from types import SimpleNamespace

import pytest

from tests.twins.sending import TWINS, MakeSender, Send, serve_in_process


@pytest.fixture(scope="session")
def senders() -> Iterator[Mapping[str, Send]]:
    """What sends requests to each app with its default settings."""
    with ExitStack() as stack:
        apps = (*TWINS, "async_flask")
        yield {package: stack.enter_context(serve_in_process(package, {})) for package in apps}


@pytest.fixture(params=TWINS)
def twin(request: pytest.FixtureRequest) -> str:
    """The name of the twin's package."""
    return str(request.param)


@pytest.fixture
def send(twin: str, senders: Mapping[str, Send]) -> Send:
    return senders[twin]


@pytest.fixture
def make_sender(twin: str) -> Iterator[MakeSender]:
    with ExitStack() as stack:
        yield lambda environ: stack.enter_context(serve_in_process(twin, environ))


@pytest.fixture
def sleeps(twin: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Record what each sleep holds, and for how many seconds, instead of sleeping."""
    recorded: list[tuple[str, float]] = []

    def block(seconds: float) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            recorded.append(("thread", seconds))
        else:
            recorded.append(("event loop", seconds))

    async def wait(seconds: float) -> None:
        recorded.append(("nothing", seconds))

    for module in (f"{twin}.data", f"{twin}.cached"):
        for name, sleep in (("time", block), ("asyncio", wait)):
            if hasattr(import_module(module), name):
                monkeypatch.setattr(f"{module}.{name}", SimpleNamespace(sleep=sleep, Lock=asyncio.Lock))
    return recorded
