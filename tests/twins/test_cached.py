"""A result is computed once and kept, by the service and by its clients."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import async_quart.cached
import sync_flask.cached
from tests.twins.sending import MakeSender, Send

MANY = 1000


def test_an_answer_says_how_to_keep_it(send: Send) -> None:
    answer = send("GET", "/data/cached")

    assert answer.headers["Cache-Control"] == "max-age=60"
    assert answer.headers["ETag"].startswith('"')  # a strong one


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ["{etag}", '"other", {etag}', "W/{etag}", "*"])
def test_who_has_the_answer_is_told_so(send: Send, method: str, known: str) -> None:
    etag = send("GET", "/data/cached").headers["ETag"]

    answer = send(method, "/data/cached", headers={"If-None-Match": known.format(etag=etag)})

    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["ETag"] == etag
    assert answer.headers["Cache-Control"] == "max-age=60"
    assert "Content-Type" not in answer.headers


def test_who_has_another_answer_gets_this_one(send: Send) -> None:
    answer = send("GET", "/data/cached", headers={"If-None-Match": '"other"'})

    assert answer.status_code == 200
    assert answer.content == b'{"message":"Hello"}\n'


def test_a_result_is_kept(make_sender: MakeSender, naps: list[float]) -> None:
    send = make_sender({}, {})

    for delay in ("1", "1.0", "2", "1"):
        assert send("GET", f"/data/cached?delay={delay}").status_code == 200

    assert naps == [1.0, 2.0]


def test_a_result_is_kept_for_no_longer_than_the_environment_says(
    make_sender: MakeSender, naps: list[float]
) -> None:
    send = make_sender({"DATA_CACHE_TTL_S": "0"}, {})

    for _ in range(2):
        assert send("GET", "/data/cached?delay=1").headers["Cache-Control"] == "max-age=0"

    assert naps == [1.0, 1.0]


def test_many_threads_wait_for_one_computation() -> None:
    kept = sync_flask.cached.ResultCache(60)
    all_ask = threading.Barrier(MANY)
    computed: list[float] = []

    def compute(key: float) -> str:
        computed.append(key)
        return "result"

    def ask() -> str:
        all_ask.wait()
        return kept.get(1.0, compute)

    with ThreadPoolExecutor(MANY) as pool:
        results = [pool.submit(ask) for _ in range(MANY)]

    assert {one.result() for one in results} == {"result"}
    assert computed == [1.0]


def test_many_tasks_wait_for_one_computation() -> None:
    computed: list[float] = []

    async def compute(key: float) -> str:
        computed.append(key)
        await asyncio.sleep(0)
        return "result"

    async def ask_all() -> list[str]:
        kept = async_quart.cached.ResultCache(60)
        return await asyncio.gather(*(kept.get(1.0, compute) for _ in range(MANY)))

    assert set(asyncio.run(ask_all())) == {"result"}
    assert computed == [1.0]


def test_a_result_does_not_wait_for_another_one() -> None:
    kept = sync_flask.cached.ResultCache(60)
    kept.get(2.0, lambda _: "known")

    def ask_for_the_other(_: float) -> str:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(kept.get, 2.0, lambda _: "computed again").result(20)

    assert kept.get(1.0, ask_for_the_other) == "known"


def test_a_failure_is_not_kept() -> None:
    kept = sync_flask.cached.ResultCache(60)

    def fail(_: float) -> str:
        raise OSError

    with suppress(OSError):
        kept.get(1.0, fail)

    assert kept.get(1.0, lambda _: "result") == "result"


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept = sync_flask.cached.ResultCache(60)
    computed: list[float] = []

    def compute(key: float) -> str:
        computed.append(key)
        return "result"

    for key in range(2 * sync_flask.cached.LOCKS * sync_flask.cached.RESULTS_PER_LOCK):
        kept.get(float(key), compute)
    before = len(computed)
    kept.get(0.0, compute)

    assert len(computed) == before + 1
