from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.browser import visit_page
from portcompare.records.pages import PageLoad
from tests.browser.site import serve_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

LIMIT_S = 30.0


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serve_site() as url:
        yield url


def test_a_page_that_waits_for_its_answer_is_painted_after_it(chromium: Browser, site: str) -> None:
    cold, _ = visit_page(chromium, f"{site}/?delay=1", LIMIT_S)
    assert cold.failure is None
    assert cold.response is not None
    assert cold.response.target == "/data?delay=1"
    assert cold.response.handler_s == pytest.approx(0.0015)
    assert cold.response.first_byte_s - cold.response.sent_s >= 1
    assert cold.lcp_s is not None
    assert 1 <= cold.response.ended_s <= cold.lcp_s < 20


def test_a_warm_load_takes_from_the_cache_what_a_cold_one_kept(chromium: Browser, site: str) -> None:
    cold, warm = visit_page(chromium, f"{site}/?delay=1&kept", LIMIT_S)
    assert (cold.kind, warm.kind) == ("cold", "warm")
    assert cold.response is not None
    assert cold.response.received_bytes > 0
    assert warm.response is not None
    assert warm.response.received_bytes == 0
    assert warm.lcp_s is not None
    assert warm.lcp_s < 1


def test_a_page_that_asks_for_nothing_has_its_own_times(chromium: Browser, site: str) -> None:
    cold, _ = visit_page(chromium, f"{site}/plain", LIMIT_S)
    assert cold.response is None
    assert cold.document is not None
    assert cold.document.target == "/plain"
    assert cold.fcp_s is not None
    assert 0 < cold.document.sent_s < cold.document.first_byte_s <= cold.document.ended_s < cold.fcp_s


def test_a_script_that_blocks_is_counted_beyond_fifty_milliseconds(chromium: Browser, site: str) -> None:
    cold, _ = visit_page(chromium, f"{site}/busy", LIMIT_S)
    assert cold.blocking_s is not None
    assert 0.1 < cold.blocking_s < 10


@pytest.mark.parametrize(
    ("path", "limit_s", "failure"),
    [
        ("/missing", LIMIT_S, "GET /missing was answered 404"),
        ("/astray", LIMIT_S, "GET /missing was answered 404"),
        ("/blank", LIMIT_S, "nothing was painted"),
        ("/faulty", LIMIT_S, "a script failed: nothing is not defined"),
        ("/?delay=5", 1.5, "it was not over within 1.5 s"),
    ],
)
def test_a_load_that_fails_says_why(
    chromium: Browser, site: str, path: str, limit_s: float, failure: str
) -> None:
    for load in visit_page(chromium, site + path, limit_s):
        assert load == PageLoad(kind=load.kind, failure=failure)


def test_a_server_that_is_not_there_is_a_failed_load(chromium: Browser) -> None:
    cold, _ = visit_page(chromium, "http://127.0.0.1:9/", LIMIT_S)
    assert cold.failure is not None
    assert "net::ERR" in cold.failure
