"""The page of both twins, on real servers: how long a person waits for each pattern."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portcompare.browser import visit_page
from portcompare.plan import find_upstreams, load_plan, with_addresses
from portcompare.serve import assign_cpus, serve_deployments, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser

    from portcompare.records.pages import PageLoad

NOBODY = "http://127.0.0.1:9"
"""Where the upstream would be, which no page here asks."""

SHIPPED = load_plan(Path(__file__).parents[2] / "loadtests" / "pages.toml", vocabulary())
PLAN = with_addresses(SHIPPED, dict.fromkeys(find_upstreams(SHIPPED), NOBODY))
DEPLOYMENTS = (PLAN.baseline, *PLAN.candidates)


@pytest.fixture(scope="module")
def urls(has_chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:  # noqa: ARG001 - only asked for
    arms = {name: name for name in DEPLOYMENTS}
    folder = tmp_path_factory.mktemp("servers")
    with serve_deployments(PLAN, arms, folder=folder, cpus=assign_cpus(PLAN)) as servers:
        yield {name: server.url for name, server in servers.items()}


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def loads(
    request: pytest.FixtureRequest, urls: Mapping[str, str], chromium: Browser
) -> dict[str, tuple[PageLoad, ...]]:
    """A cold and a warm load of each page that is asked about."""
    url = urls[str(request.param)]
    return {
        name: visit_page(chromium, url + path, 30.0)
        for name, path in {
            "fast": PLAN.pages["fast"].path,
            "slow": PLAN.pages["slow"].path,
            "cached": "/?path=/data/cached&delay=2",
        }.items()
    }


def lcp_s(load: PageLoad) -> float:
    assert load.failure is None
    assert load.lcp_s is not None
    return load.lcp_s


def test_nobody_sees_the_message_of_a_route_of_two_seconds_before_that(
    loads: dict[str, tuple[PageLoad, ...]],
) -> None:
    for load in loads["slow"]:
        assert lcp_s(load) >= 2
        assert load.response is not None
        assert load.response.handler_s is not None
        # An event loop's timer may end a millisecond early.
        assert 1.998 <= load.response.handler_s <= load.response.first_byte_s


def test_the_message_of_the_fast_route_is_there_at_once(loads: dict[str, tuple[PageLoad, ...]]) -> None:
    # 80 to 140 ms on a machine that does nothing else; the bound is for one that does.
    assert all(lcp_s(load) < 1.5 for load in loads["fast"])


def test_a_kept_result_is_waited_for_once(loads: dict[str, tuple[PageLoad, ...]]) -> None:
    cold, warm = loads["cached"]
    assert lcp_s(cold) >= 2
    assert lcp_s(warm) < 1.5
