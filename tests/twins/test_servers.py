"""Each route on each server of `loadtests/every-server.toml`: what only a real server can get wrong."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import httpx
import pytest

from portcompare.plan import load_plan
from portcompare.serve import RunningServer, assign_cpus, serve_deployments, serve_upstreams, vocabulary
from tests.twins.cases import ROUTES, SPECIAL, UPSTREAM, comparable
from tests.twins.sending import Send

PLAN = load_plan(Path(__file__).parents[2] / "loadtests" / "every-server.toml", vocabulary())
APPS = {name: PLAN.deployments[name].app for name in (PLAN.baseline, *PLAN.candidates)}


@pytest.fixture(scope="module")
def find_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], httpx.URL]]:
    """From a deployment to its address; all of an app are started together, when one is first needed."""
    folder = tmp_path_factory.mktemp("servers")
    cpus = assign_cpus(PLAN)
    with ExitStack() as stack:
        upstreams = stack.enter_context(serve_upstreams(PLAN, folder=folder, cpus=cpus))
        plan = PLAN.with_addresses({name: upstream.url for name, upstream in upstreams.items()})

        @cache
        def start(app: str) -> Mapping[str, RunningServer]:
            arms = {name: name for name in APPS if APPS[name] == app}
            return stack.enter_context(serve_deployments(plan, arms, folder=folder, cpus=cpus))

        yield lambda deployment: httpx.URL(start(APPS[deployment])[deployment].url)


@pytest.fixture(params=APPS)
def url(request: pytest.FixtureRequest, find_url: Callable[[str], httpx.URL]) -> httpx.URL:
    return find_url(str(request.param))


def test_a_server_sends_the_response_of_each_route(url: httpx.URL, senders: Mapping[str, Send]) -> None:
    with httpx.Client(base_url=url, trust_env=False) as client:
        UPSTREAM.check(UPSTREAM.send(client.request))
        for case in (*ROUTES, *SPECIAL):
            response = case.send(client.request)
            expected = case.send(senders["sync_flask"])
            case.check(response)
            assert response.content == expected.content, str(case)
            assert comparable(response) == comparable(expected), str(case)
            if case.method == "GET":
                assert comparable(case.send(client.request, "HEAD")) == comparable(expected), str(case)
