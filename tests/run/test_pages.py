from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portcompare.errors import InputError, Problem
from portcompare.measure.blocks import PagePlace, Timekeeper
from portcompare.records.pages import PageVisit
from portcompare.run import phases, session
from tests.measure.plans import ARMS, make_plan, paged

MISSING = Problem(where="browser", found="there is no Chromium", remedy="install it")


def refuse() -> None:
    raise InputError([MISSING])


def test_a_plan_with_pages_needs_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "find_chromium", refuse)
    assert session.find_browser_problems(paged()) == (MISSING,)
    assert session.find_browser_problems(make_plan()) == ()
    monkeypatch.setattr(session, "find_chromium", lambda: None)
    assert session.find_browser_problems(paged()) == ()


class Block:
    """A block of visits of three seconds each, and what comes of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, deadline_s: float = 1e6) -> None:
        self.now_s = 0.0
        self.browsers = 0
        self.visits: list[PageVisit] = []
        self.settled: list[str] = []
        self.timekeeper = Timekeeper(deadline_s, lambda: self.now_s)
        self.timekeeper.begin_block()
        self.recording = SimpleNamespace(browser="", add_visit=self.visits.append)
        monkeypatch.setattr(phases, "launch_chromium", self._launch)
        monkeypatch.setattr(phases, "measure_visit", self._measure)
        monkeypatch.setattr(phases, "expect", lambda *_: {})
        monkeypatch.setattr(phases, "wait_until_settled", self._settle)

    @contextmanager
    def _launch(self) -> Iterator[SimpleNamespace]:
        self.browsers += 1
        yield SimpleNamespace(version="1.2")

    def _measure(self, _plan: object, place: PagePlace, *_: object, **__: object) -> PageVisit:
        self.now_s += 3.0
        return PageVisit(
            block=place.block,
            order=place.order,
            arm=place.arm,
            deployment="app",
            page=place.page,
            users=place.users,
            loads=(),
        )

    def _settle(self, server: SimpleNamespace, *_: object) -> bool:
        self.settled.append(server.arm)
        return True

    def load(self, *, with_pages: bool = True) -> None:
        plan = paged() if with_pages else make_plan()
        run = phases.Run(
            session=cast("Any", SimpleNamespace(plan=plan, generator=None, check_upstreams=lambda: None)),
            recording=cast("Any", self.recording),
            progress=cast("Any", SimpleNamespace(show=lambda _: None)),
            timekeeper=self.timekeeper,
        )
        servers = {arm: SimpleNamespace(arm=arm, ready_target="/") for arm in ARMS}
        block = phases.Block(
            number=0, servers=cast("Any", servers), outcome=cast("Any", None), idle_s=dict.fromkeys(ARMS, 0.1)
        )
        phases.load_pages(run, block)


def test_every_visit_of_a_block_is_made_by_one_browser_and_servers_settle_after_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block = Block(monkeypatch)
    block.load(with_pages=False)
    assert block.browsers == 0
    block.load()
    assert (len(block.visits), block.browsers, block.recording.browser) == (12, 1, "Chromium 1.2")
    assert block.timekeeper.beside_s == 36.0
    assert len(block.settled) == 4
    assert block.settled == [visit.arm for visit in block.visits if visit.users]


def test_visits_end_with_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block(monkeypatch, deadline_s=10.0)
    for _ in range(2):
        block.load()
        assert len(block.visits) == 3
        assert block.timekeeper.is_up
