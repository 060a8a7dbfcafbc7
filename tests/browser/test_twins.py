"""The page of both twins, on real servers."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from portcompare.browser import visit_page
from portcompare.plan import load_plan
from portcompare.serve import assign_cpus, serve_deployments, vocabulary


# Before the browser: it runs an event loop in this thread, beside which no other can run.
@pytest.fixture(scope="module")
def twins(has_chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:  # noqa: ARG001 - only requested
    shipped = load_plan(Path(__file__).parents[2] / "loadtests" / "pages.toml", vocabulary())
    plan = shipped.with_addresses(dict.fromkeys(shipped.upstreams, "http://127.0.0.1:9"))
    arms = {name: name for name in (plan.baseline, *plan.candidates)}
    folder = tmp_path_factory.mktemp("servers")
    with serve_deployments(plan, arms, folder=folder, cpus=assign_cpus(plan)) as servers:
        yield {name: server.url for name, server in servers.items()}


@pytest.mark.parametrize("name", ["flask-gunicorn", "quart-uvicorn"])
def test_the_page_of_both_twins_shows_a_slow_message_after_its_handler_and_a_kept_one_at_once(
    twins: Mapping[str, str], chromium: Browser, name: str
) -> None:
    cold, warm = visit_page(chromium, f"{twins[name]}/?path=/data/cached&delay=0.5", 60.0)
    for load in (cold, warm):
        assert load.failure is None
        assert load.response is not None
        assert load.response.handler_s is not None
        assert load.lcp_s is not None
        assert load.response.first_byte_s <= load.lcp_s
    assert cold.response is not None
    assert warm.response is not None
    # An event loop's timer may end a millisecond early.
    assert 0.498 <= (cold.response.handler_s or 0) <= (cold.lcp_s or 0)
    assert warm.response.received_bytes == 0
