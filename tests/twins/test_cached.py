import asyncio
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import async_quart.cached
import sync_flask.cached
from tests.twins.sending import MakeSender

TASKS = 100
THREADS = 8


@pytest.mark.parametrize(("ttl_s", "computed_s"), [("60", [1.0, 2.0]), ("0", [1.0, 1.0, 2.0, 1.0])])
def test_a_result_is_cached_for_as_long_as_the_environment_says(
    make_sender: MakeSender, sleeps: list[tuple[str, float]], ttl_s: str, computed_s: list[float]
) -> None:
    send = make_sender({"DATA_CACHE_TTL_S": ttl_s})
    for delay in ("1", "1.0", "2", "1"):
        response = send("GET", f"/data/cached?delay={delay}")
        assert (response.status_code, response.headers["Cache-Control"]) == (200, f"max-age={ttl_s}")
    assert [seconds for _, seconds in sleeps] == computed_s


def test_many_threads_wait_for_one_computation() -> None:
    cache = sync_flask.cached.ResultCache(60)
    started = itertools.count(1)
    all_started = threading.Event()
    computed: list[float] = []

    def compute(key: float) -> str:
        computed.append(key)
        assert all_started.wait(60)
        return "result"

    def get() -> str:
        if next(started) == THREADS:
            all_started.set()
        return cache.get(1.0, compute)

    with ThreadPoolExecutor(THREADS) as pool:
        results = [pool.submit(get) for _ in range(THREADS)]

    assert {one.result() for one in results} == {"result"}
    assert computed == [1.0]


def test_many_tasks_wait_for_one_computation() -> None:
    computed: list[float] = []

    async def compute(key: float) -> str:
        computed.append(key)
        await asyncio.sleep(0)
        return "result"

    async def get_all() -> list[str]:
        cache = async_quart.cached.ResultCache(60)
        return await asyncio.gather(*(cache.get(1.0, compute) for _ in range(TASKS)))

    assert set(asyncio.run(get_all())) == {"result"}
    assert computed == [1.0]


def test_a_result_does_not_wait_for_another_one() -> None:
    cache = sync_flask.cached.ResultCache(60)
    cache.get(2.0, lambda _: "known")

    def get_the_other(_: float) -> str:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(cache.get, 2.0, lambda _: "computed again").result(20)

    assert cache.get(1.0, get_the_other) == "known"


def test_failures_are_not_cached_and_the_size_of_the_cache_is_limited() -> None:
    cache = sync_flask.cached.ResultCache(60)

    def fail(_: float) -> str:
        raise OSError

    with suppress(OSError):
        cache.get(1.0, fail)
    assert cache.get(1.0, lambda _: "result") == "result"
    for key in range(2 * sync_flask.cached.LOCKS * sync_flask.cached.RESULTS_PER_LOCK):
        cache.get(float(key), lambda _: "first")
    assert cache.get(0.0, lambda _: "second") == "second"
