"""Runs of which servers and load are made up."""

import itertools
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from portcompare.measure.blocks import Place
from portcompare.measure.rounds import MeasuredRound, Side
from portcompare.measure.turns import TurnsNotPossible
from portcompare.parity.outcome import ParityOutcome
from portcompare.plan import Plan
from portcompare.records.parity import Parity
from portcompare.records.requests import RequestSpec
from portcompare.records.results import Results
from portcompare.records.rounds import Round
from portcompare.run import phases
from portcompare.run.recording import recall_run
from portcompare.run.session import Session
from tests.analyse.samples import PARITY
from tests.measure.plans import make_plan
from tests.run.test_recording import NOTHING, record

IDLE_S = 0.003
OTHER_LOAD_S: dict[int, float] = {}  # what other load generators use meanwhile


def with_subject(subject: Mapping[str, Any], **rounds: float) -> Plan:
    fields = {"scenarios": {}} | dict(make_plan(**rounds)) | {"candidates": ["new"]}
    del fields["scenarios"]
    return Plan.model_validate(fields | dict(subject))


class Run:
    """A run whose rounds are made up, and whether an arm settles after one within a limit."""

    def __init__(
        self,
        plan: Plan,
        make_round: Callable[[Place], Round],
        folder: Path,
        settle: Callable[[str, float], bool] = lambda *_: True,
        *,
        requests: tuple[RequestSpec, ...] = (),
        parities: tuple[Parity, Parity] = (PARITY, PARITY),
        too_slow: tuple[str, float] | None = None,
        is_resumed: bool = False,
    ) -> None:
        """Measure a plan.

        `parities`: what the checks before the load and after it find.
        `too_slow`: the level that turns cannot measure; None if there are no turns at all.
        """
        self.in_turns: list[list[str]] = []  # the arms that took turns
        self._too_slow = too_slow
        self.places: list[Place] = []  # what was measured
        self.settled: list[str] = []  # the arms that were waited for
        self.checked_after: list[int] = []  # after how many rounds the responses were compared
        self.rechecked = 0
        self._make_round, self._settle, self._parities = make_round, settle, parities
        servers = {
            arm.name: SimpleNamespace(
                arm=arm.name, deployment=arm.deployment, url="http://h", ready_target="/"
            )
            for arm in plan.arms
        }
        session = SimpleNamespace(
            plan=plan,
            generator=None,
            requests=dict.fromkeys(plan.scenarios, requests),
            check_upstreams=lambda: None,
            can_take_turns=() if too_slow is None else tuple(plan.scenarios),
        )
        recording = recall_run(folder) if is_resumed else record(plan, folder)
        instead = {
            "serve": lambda _: nullcontext(servers),
            "capture_requests": lambda session, *_: session,
            "check_parity": self._check_parity,
            "recheck_differences": self._recheck,
            "measure_round": self._measure_round,
            "measure_turns": self._measure_turns,
            "measure_idle": lambda *_: IDLE_S,
            "wait_until_settled": self._wait_until_settled,
            "read_other_generators": Mock(side_effect=itertools.chain([{}], itertools.repeat(OTHER_LOAD_S))),
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in instead.items():
                patch.setattr(phases, name, value)
            recording.resume() if is_resumed else recording.begin()
            phases.measure(cast("Session", session), recording, Mock())
        self.results: Results = recording.results(partial=False)

    def _measure_turns(self, plan: Plan, sides: Mapping[str, Side], *_: object) -> list[MeasuredRound]:
        self.in_turns.append(list(sides))
        if any(side.place.at == self._too_slow for side in sides.values()):
            raise TurnsNotPossible("a response takes 1 s")
        return [self._measure_round(plan, side, None, "") for side in sides.values()]

    def _measure_round(
        self, _plan: Plan, side: Side, _generator: object, why_window: str, _left_s: float = 0.0
    ) -> MeasuredRound:
        place, server = side.place, side.server
        self.places.append(place)
        made = replace(
            self._make_round(place),
            block=place.block,
            arm=place.arm,
            deployment=server.deployment,
            scenario=place.scenario,
            level=float(place.level),
            order=place.order,
            why_window=why_window,
        )
        return MeasuredRound(round=made, histogram=NOTHING)

    def _check_parity(self, *_: object) -> ParityOutcome:
        self.checked_after.append(len(self.places))
        return ParityOutcome(parity=self._parities[bool(self.places)], cases={}, expectations={})

    def _recheck(self, _session: object, outcome: ParityOutcome, _progress: object) -> Parity:
        self.rechecked += 1
        return outcome.parity

    def _wait_until_settled(self, server: SimpleNamespace, _path: str, idle_s: float, limit_s: float) -> bool:
        assert idle_s == IDLE_S
        self.settled.append(server.arm)
        return self._settle(server.arm, limit_s)
