"""The suite runs once for each twin in this process, and what goes over a socket on every real server too.

A test that takes `send` runs on both twins and on each deployment of `loadtests/every-server.toml`; one that
takes `make_sender` needs an application of its own and runs on the twins alone.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from portcompare.plan import load_plan, with_addresses
from portcompare.serve import assign_cpus, serve_deployments, serve_upstreams, vocabulary
from tests.twins.sending import SENDER_MAKERS, MakeSender, Send, client_sender

PLAN = load_plan(Path(__file__).parents[2] / "loadtests" / "every-server.toml", vocabulary())
DEPLOYMENTS = (PLAN.baseline, *PLAN.candidates)


@pytest.fixture(scope="session")
def server_senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Send]]:
    """Every deployment, really served, and what sends requests to it."""
    arms = {name: name for name in DEPLOYMENTS}
    folder = tmp_path_factory.mktemp("servers")
    cpus = assign_cpus(PLAN)
    with ExitStack() as stack:
        upstreams = stack.enter_context(serve_upstreams(PLAN, folder=folder, cpus=cpus))
        plan = with_addresses(PLAN, {name: upstream.url for name, upstream in upstreams.items()})
        servers = stack.enter_context(serve_deployments(plan, arms, folder=folder, cpus=cpus))
        clients = {
            name: stack.enter_context(httpx.Client(base_url=server.url, trust_env=False))
            for name, server in servers.items()
        }
        yield {name: client_sender(client) for name, client in clients.items()}


@pytest.fixture(params=list(SENDER_MAKERS))
def twin(request: pytest.FixtureRequest) -> str:
    """The name of the twin's package."""
    return str(request.param)


@pytest.fixture
def make_sender(twin: str) -> MakeSender:
    return SENDER_MAKERS[twin]


@pytest.fixture(params=[*SENDER_MAKERS, *DEPLOYMENTS])
def send(request: pytest.FixtureRequest) -> Send:
    name = str(request.param)
    if name in SENDER_MAKERS:
        return SENDER_MAKERS[name]({}, {})
    senders: Mapping[str, Send] = request.getfixturevalue("server_senders")
    return senders[name]


@pytest.fixture
def naps(twin: str, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the seconds that the routes sleep instead of sleeping."""
    seconds: list[float] = []

    async def nap(delay: float) -> None:
        seconds.append(delay)

    blocking, waiting = SimpleNamespace(sleep=seconds.append), SimpleNamespace(sleep=nap, Lock=asyncio.Lock)
    monkeypatch.setattr(f"{twin}.data.time", blocking)
    if twin == "sync_flask":
        monkeypatch.setattr("sync_flask.cached.time", blocking)
    else:
        monkeypatch.setattr("async_quart.cached.asyncio", waiting)
        monkeypatch.setattr("async_quart.data.asyncio", waiting)
    return seconds
