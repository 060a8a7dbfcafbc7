from time import perf_counter
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portcompare.http.requests import http_request
from portcompare.loadgen.open_model import Share
from portcompare.loadgen.tallies import Recorder
from tests.loadgen.conftest import import_unpatched

session: Any = import_unpatched("portcompare.loadgen.session")
user: Any = import_unpatched("portcompare.loadgen.user")
stats_module: Any = import_unpatched("locust.stats")

ROOT = http_request("/")
KEYS = [("flask /data", "GET"), ("quart /data", "GET"), ("quart /data", "POST")]
COUNTERS = (
    *("name", "method", "num_requests", "num_none_requests", "num_failures", "response_times"),
    *("min_response_time", "max_response_time", "total_content_length"),
)

latencies_s = st.one_of(
    st.floats(1e-6, 20),
    st.integers(0, 40_000).map(lambda halves: halves / 2000),  # whole and half milliseconds: where to round
)
outcomes = st.lists(
    st.tuples(st.sampled_from(KEYS), latencies_s, st.sampled_from([None, None, "status 500", "wrong body"])),
    max_size=40,
)


def counters(stats: Any) -> dict[str, Any]:  # noqa: ANN401
    entries = [stats.total, *(stats.entries[key] for key in sorted(stats.entries))]
    return {
        "entries": [{counter: getattr(entry, counter) for counter in COUNTERS} for entry in entries],
        "per second": [
            (sum(entry.num_reqs_per_sec.values()), sum(entry.num_fail_per_sec.values())) for entry in entries
        ],
        "errors": {key: error.occurrences for key, error in stats.errors.items()},
    }


@example(batches=[[(KEYS[0], 4.1495, None), (KEYS[0], 1.0, None)]])  # 4150 would be in another bucket
@given(batches=st.lists(outcomes, min_size=1, max_size=3))
def test_locusts_own_counters_come_out_as_if_each_request_had_fired_its_event(
    batches: list[list[tuple[tuple[str, str], float, str | None]]],
) -> None:
    fed, fired = stats_module.RequestStats(), stats_module.RequestStats()
    recorder = Recorder()
    for batch in batches:
        for key, latency_s, failure in batch:
            name, method = key
            tally = recorder.tally(key)
            if failure is None:
                tally.latencies_s.append(latency_s)
                tally.received_bytes += 100
            else:
                tally.failures_s[failure].append(latency_s)
            fired.log_request(method, name, latency_s * 1e3, 0 if failure else 100)
            if failure is not None:
                fired.log_error(method, name, failure)
        session.feed_locust(fed, recorder.cut())
    assert counters(fed) == counters(fired)
    for entry, same in [(fed.total, fired.total), *((fed.entries[key], fired.entries[key]) for key in KEYS)]:
        assert entry.total_response_time == pytest.approx(same.total_response_time)
        assert entry.median_response_time == pytest.approx(same.median_response_time)


def test_a_tally_without_requests_makes_no_line() -> None:
    recorder = Recorder()
    recorder.tally(KEYS[0]).reconnects += 1
    stats = stats_module.RequestStats()
    session.feed_locust(stats, recorder.cut())
    assert dict(stats.entries) == {}
    assert stats.total.num_requests == 0


def test_the_percentiles_of_the_last_seconds_see_what_was_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    stats = stats_module.RequestStats()
    for now_s in range(1000, 1020):
        monkeypatch.setattr("time.time", lambda now_s=now_s: now_s + 0.5)
        recorder.tally(KEYS[0]).latencies_s.extend([0.02 if now_s < 1008 else 0.05] * 10)
        session.feed_locust(stats, recorder.cut())
    assert stats.total.get_response_time_percentile(0.3) == 20
    assert stats.total.get_current_response_time_percentile(0.3) == 50


def test_users_of_each_class_are_spread_over_the_targets_and_processes() -> None:
    targets = tuple(session.Target(name=name, url="") for name in ("flask", "quart"))
    places = []
    for index in range(2):
        shared = session.Session(targets=targets, share=Share(index=index, processes=2))
        one, other = type("One", (), {}), type("Other", (), {})
        # Started in turn, as Locust does.
        places.append([shared.take_place(kind) for _ in range(2) for kind in (one, other)])
    numbers = [[(number, target.name) for number, target in taken] for taken in places]
    assert numbers[0] == [(0, "flask"), (0, "quart"), (2, "quart"), (2, "flask")]
    assert numbers[1] == [(1, "quart"), (1, "flask"), (3, "flask"), (3, "quart")]


def test_all_users_are_ready_when_each_of_this_process_is() -> None:
    shared = session.Session(targets=(), users=5, share=Share(index=1, processes=2))
    shared.count_ready()
    assert not shared.all_ready.is_set()
    shared.count_ready()
    assert shared.all_ready.is_set()


def environment(*user_classes: type, host: str | None = None, **options: Any) -> Any:  # noqa: ANN401
    parsed = SimpleNamespace(**{"headless": True, "worker": False} | options)
    return SimpleNamespace(user_classes=user_classes, parsed_options=parsed, host=host)


def test_the_targets_are_the_declared_ones_that_are_given_or_else_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def targets(**options: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        found = session.targets_of(environment(**options))
        return [(target.name, target.url) for target in found]

    assert targets(host="http://there") == [("", "http://there")]
    with pytest.raises(ValueError, match=r"^no server to load: give --host$"):
        targets()
    monkeypatch.setitem(session.DECLARED_TARGETS, "old_one_url", "old-one")
    monkeypatch.setitem(session.DECLARED_TARGETS, "new_url", "new")
    given = {"host": "http://there", "old_one_url": "http://old", "new_url": ""}
    assert targets(**given) == [("old-one", "http://old")]
    with pytest.raises(ValueError, match=r"^no server to load: give --old-one-url or --new-url or --host$"):
        targets()


def test_the_run_time_of_plain_locust_begins_after_its_imports() -> None:
    loop, began_s = gevent.get_hub().loop, perf_counter()
    loop.update_now()
    seen_s = loop.now()
    while perf_counter() < began_s + 0.05:
        """As an import does, it keeps the loop from its turn."""
    assert loop.now() == seen_s
    user._prepare_plain_locust(environment())  # noqa: SLF001 - Locust calls it when it starts
    assert loop.now() > seen_s


@pytest.mark.parametrize(
    ("declared", "options", "reason"),
    [
        ({}, {"host": "http://there"}, "Data has no request: "),
        ({"request": http_request("x")}, {"host": "http://there"}, "the path 'x' does not begin with /"),
        ({"request": ROOT}, {"host": "127.0.0.1:8001"}, "write http://HOST:PORT"),
        ({"request": ROOT}, {}, "no server to load: give --host"),
        ({"request": ROOT}, {"headless": False}, None),  # the web UI's user names it later
        ({"request": ROOT}, {"worker": True}, None),  # the master does
    ],
)
def test_plain_locust_ends_with_the_reason_where_users_would_fail(
    declared: dict[str, Any], options: dict[str, Any], reason: str | None
) -> None:
    start = user._prepare_plain_locust  # noqa: SLF001 - Locust calls it when it starts
    lean = type("Data", (user.LeanUser,), declared)
    if reason is None:
        start(environment(lean, **options))
        return
    with pytest.raises(SystemExit) as ended:
        start(environment(lean, **options))
    assert reason in str(ended.value)
    start(environment(type("Other", (), {})))  # which needs no server of ours
