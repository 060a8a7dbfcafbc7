"""Pages loaded by the system's Chromium."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from portcompare.browser import find_chromium, visit_page
from portcompare.errors import InputError
from portcompare.records.pages import Exchange, PageLoad
from portcompare.serve.extras import command_for_extras
from tests.parity.site import Received, Reply, serving

LIMIT_S = 60.0

HEAD = "<!doctype html><title>page</title><link rel='icon' href='data:,'>"
PAGES = {
    "/": f"""{HEAD}<h1></h1><script>
fetch('/data' + location.search).then(response => response.json()).then(data => {{
    document.querySelector('h1').textContent = data.message;
}});
</script>""",
    "/plain": f"{HEAD}<h1>Hello</h1>",
    "/blank": HEAD,
    "/faulty": f"{HEAD}<h1>Hello</h1><script>nothing.there();</script>",
    "/busy": f"""{HEAD}<h1>Hello</h1><script>
const block = () => {{ const end = performance.now() + 200; while (performance.now() < end); }};
new PerformanceObserver(list => {{
    if (list.getEntriesByName('first-contentful-paint').length) setTimeout(block);
}}).observe({{ type: 'paint', buffered: true }});
</script>""",
    "/astray": f"{HEAD}<h1>Hello</h1><script>fetch('/missing');</script>",
}


def respond(received: Received) -> Reply:
    parts = urlsplit(received.target)
    kept = ("Cache-Control", "max-age=60")
    if parts.path == "/data":
        time.sleep(float(parse_qs(parts.query)["delay"][0]))
        headers = (kept, ("Content-Type", "application/json"), ("Server-Timing", "app;dur=1.5"))
        return Reply(headers=headers, body=b'{"message": "Hello"}')
    body = PAGES.get(parts.path, "<h1>Not found</h1>").encode()
    status = 200 if parts.path in PAGES else 404
    return Reply(status=status, headers=(kept, ("Content-Type", "text/html")), body=body)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(respond) as served:
        yield served.url


def test_what_is_missing_is_reported_at_once_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        find_chromium()
    playwright, program = caught.value.problems
    assert playwright.remedy == command_for_extras("browser")
    assert "chromium" in program.found
    assert "apt-get install chromium" in program.remedy
    found = tmp_path / "chromium-browser"
    found.write_text("#!/bin/sh\n")
    found.chmod(0o755)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium() == found


def test_a_page_that_waits_for_a_response_is_painted_after_it_and_a_warm_load_takes_it_from_the_cache(
    chromium: Browser, site: str
) -> None:
    cold, warm = visit_page(chromium, f"{site}/?delay=0.5", LIMIT_S)
    assert (cold.kind, warm.kind) == ("cold", "warm")
    assert cold.failure is None
    assert cold.response is not None
    assert cold.response.target == "/data?delay=0.5"
    assert cold.response.handler_s == pytest.approx(0.0015)
    assert cold.response.received_bytes > 0
    assert cold.response.first_byte_s - cold.response.sent_s >= 0.5
    assert cold.lcp_s is not None
    assert 0.5 <= cold.response.ended_s <= cold.lcp_s < 20
    assert warm.response is not None
    assert warm.response.received_bytes == 0


def test_a_page_that_requests_nothing_has_its_own_times_and_a_script_that_blocks_is_counted(
    chromium: Browser, site: str
) -> None:
    cold, _ = visit_page(chromium, f"{site}/busy", LIMIT_S)
    assert cold.response is None
    assert cold.document is not None
    assert cold.document.target == "/busy"
    assert cold.fcp_s is not None
    assert 0 < cold.document.sent_s < cold.document.first_byte_s <= cold.document.ended_s < cold.fcp_s
    assert cold.blocking_s is not None
    assert 0.1 < cold.blocking_s < 10


def timing(path: str, start_ms: float, end_ms: float) -> dict[str, object]:
    return {
        "name": f"http://here{path}",
        "initiatorType": "fetch",
        "responseStatus": 200,
        "requestStart": start_ms,
        "responseStart": end_ms - 1,
        "responseEnd": end_ms,
        "serverTiming": [{"name": "db", "duration": 9}],
        "transferSize": 300,
    }


def test_the_last_response_before_the_largest_paint_counts_and_of_long_tasks_the_time_beyond_50_ms() -> None:
    browser = Mock()
    browser.new_context().new_page().evaluate.return_value = {
        "navigation": timing("/", 2, 10),
        "resources": [timing("/late", 11, 400), timing("/data?x=1", 12, 150), timing("/early", 13, 90)],
        "lcp": [100, 160],
        "fcp": [100],
        "tasks": [[50, 110], [200, 80]],  # 60 ms of the first are after the first paint
    }
    cold, _ = visit_page(browser, "http://here/", LIMIT_S)
    assert (cold.fcp_s, cold.lcp_s) == (0.1, 0.16)
    assert cold.blocking_s == pytest.approx(0.010 + 0.030)
    assert cold.response == Exchange(
        target="/data?x=1", sent_s=0.012, first_byte_s=0.149, ended_s=0.15, handler_s=None, received_bytes=300
    )


@pytest.mark.parametrize(
    ("path", "limit_s", "failure"),
    [
        ("/missing", LIMIT_S, "GET /missing received status 404"),
        ("/astray", LIMIT_S, "GET /missing received status 404"),
        ("/blank", LIMIT_S, "nothing was painted"),
        ("/faulty", LIMIT_S, "a script failed: nothing is not defined"),
        ("/?delay=2", 0.7, "it was not over within 0.7 s"),
    ],
)
def test_a_load_that_fails_says_why(
    chromium: Browser, site: str, path: str, limit_s: float, failure: str
) -> None:
    for load in visit_page(chromium, site + path, limit_s):
        assert load == PageLoad(kind=load.kind, failure=failure)


def test_a_server_that_is_not_there_is_a_failure(chromium: Browser) -> None:
    cold, _ = visit_page(chromium, "http://127.0.0.1:9/", LIMIT_S)
    assert "net::ERR" in str(cold.failure)
