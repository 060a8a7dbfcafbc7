"""The turns of one level in one block: all arms connected, one at a time under load, over many cycles."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from math import ceil, inf
from random import Random
from statistics import fmean

from portcompare.errors import Problem
from portcompare.measure.blocks import Level
from portcompare.measure.generator import LoadGenerator
from portcompare.measure.rounds import MeasuredRound, Side, make_order
from portcompare.plan import Generator, OpenLoad, Plan
from portcompare.records.rounds import Turn
from portcompare.serve.watchdog import open_files_limit
from portcompare.units import count, duration, share
from portcompare.wire.protocol import EndTurns, JoinTurns, TakeTurn, TurnTaken

LONGEST_TURN_S = 0.5
"""Where a turn would have to be longer, one window an arm measures as well: fewer responses are cut short."""

RESPONSES_A_USER = 3
"""Each user has about so many responses in a turn: the first comes while others are not yet under way."""

DELAYS_A_TURN = 4
"""Where users wait most of the time: over the first two they start, and in the last moments not all do."""

REQUESTS_A_TURN = 30  # In the open model, where fewer say nothing of a turn

LEAST_CYCLES = 4

LEAST_WARM_UP = 2
BURST = 4
"""An arm warms up in so many turns at least, and the fastest counts: a burst or a cold start makes one slow,
but hardly by more than this factor."""

IDLE_SHARE = 0.1  # In the open model, where so large a part of the requests may find its connection closed

SPARE_DESCRIPTORS = 200  # For what a process has open beside its connections

_OPEN_TURN_S = 0.3  # In the open model a queue must settle in each turn


class TurnsNotPossible(Exception):  # noqa: N818 - no error: the level is measured in windows
    """Why a level cannot be measured by turns."""


def find_why_window(plan: Plan, can_take_turns: Collection[str], level: Level) -> str:
    """Why turns cannot measure a level, as far as that is known before; empty if they can."""
    scenario, users_or_rate = level
    load = plan.scenarios[scenario].load
    if not plan.rounds.turn_s:
        return "the plan sets rounds.turn_s = 0"
    if scenario not in can_take_turns:
        return "its users cannot wait between two requests, or belong to load workers"
    if plan.break_even is not None or scenario in plan.searches:
        return "which level comes next depends on the one before"
    if isinstance(load, OpenLoad) and REQUESTS_A_TURN / users_or_rate > LONGEST_TURN_S:
        return f"{users_or_rate:g} requests per second are too few for short turns"
    return ""


def find_descriptor_problems(plan: Plan, *, in_turns: bool = True) -> Iterator[Problem]:
    """Check that load generator and servers may open a file descriptor for each connection.

    `in_turns`: whether users can take turns; those of load workers cannot.
    """
    allowed = open_files_limit()
    # Whatever rate a search tries, and beside the levels the users that pages meet.
    levels = [*plan.levels, *((name, 0.0) for name in plan.searches)]
    levels += [(page.scenario, page.users) for page in plan.pages.values() if page.scenario and page.users]
    for scenario, level in dict.fromkeys(levels):
        connections, at_once = plan.scenarios[scenario].load.concurrency(level), 1
        if (
            connections + SPARE_DESCRIPTORS <= allowed
            and (scenario, level) in plan.levels
            and not find_why_window(plan, [scenario] if in_turns else (), (scenario, level))
        ):
            at_once = len(plan.arms)
        needed = connections * at_once + SPARE_DESCRIPTORS
        if needed > allowed:
            found = (
                f"{count(connections, 'connection')} to {count(at_once, 'deployment')} need {needed:,} open "
                f"files, and {allowed:,} are allowed"
            )
            remedy = "raise the limit (ulimit -Hn), or load fewer"
            if at_once > 1:
                remedy += ", or set rounds.turn_s = 0, which connects one deployment at a time"
            yield plan.problem(("scenarios", scenario, "load"), found, remedy)


def measure_turns(
    plan: Plan, sides: Mapping[str, Side], generator: LoadGenerator, left_s: Callable[[], float]
) -> list[MeasuredRound]:
    """Measure all arms at one level in one block; `left_s`: the time left for it.

    Raises TurnsNotPossible: responses take too long, or a server closes connections.
    Raises ServerError or LoadGeneratorError: a process died.
    """
    turns = _Turns(plan, sides, generator)
    try:
        turns.join(left_s())
        turns.warm_up()
        turns.measure(left_s)
    except TurnsNotPossible:
        generator.end_turns(EndTurns(counting={}))
        raise
    return turns.end()


class _Turns:
    def __init__(self, plan: Plan, sides: Mapping[str, Side], generator: LoadGenerator) -> None:
        self._plan = plan
        self._sides = sides
        self._generator = generator
        self._taking = list(sides)  # The arms that take turns: all but those that failed
        place = next(iter(sides.values())).place
        self._scenario = place.scenario
        self._random = Random(f"{plan.rounds.seed}/{place.block}/{place.at}/turns")  # noqa: S311 - an order
        self._users = place.level
        self._is_open = isinstance(plan.scenarios[place.scenario].load, OpenLoad)
        delay_s = plan.scenarios[place.scenario].delay_s
        self._waits = not self._is_open and RESPONSES_A_USER * delay_s > LONGEST_TURN_S
        self._spread_s = 0.0
        turn_s = plan.rounds.turn_s
        if self._is_open:
            turn_s = max(turn_s, _OPEN_TURN_S, REQUESTS_A_TURN / place.level)
        elif self._waits and place.level == 1:
            turn_s = RESPONSES_A_USER * delay_s
        elif self._waits:
            self._spread_s, turn_s = delay_s, DELAYS_A_TURN * delay_s
        self._turn_s = dict.fromkeys(sides, turn_s)  # By arm
        self._turns: dict[str, list[Turn]] = {arm: [] for arm in sides}

    def join(self, left_s: float) -> None:
        """Connect the users of all arms."""
        for side in self._sides.values():
            side.server.check_alive()
        order = JoinTurns(
            rounds={arm: make_order(self._plan, side, left_s) for arm, side in self._sides.items()}
        )
        for arm in self._generator.join_turns(order).failures:
            self._taking.remove(arm)

    def warm_up(self) -> None:
        """Let each arm take turns that do not count, and choose how long those that count are."""
        if self._waits:
            return  # a server that waits most of the time is as fast at the beginning
        turn_s = min(self._turn_s.values())
        usual_s = dict.fromkeys(self._turn_s, inf)
        for number in range(max(ceil(self._plan.rounds.warmup_s / turn_s), LEAST_WARM_UP)):
            for arm in list(self._taking):
                turn = self._take(arm, -1)
                if turn.p50_s is None:
                    continue
                usual_s[arm] = min(usual_s[arm], turn.p50_s)
                needed_s = RESPONSES_A_USER * usual_s[arm]
                if not self._is_open:
                    self._turn_s[arm] = min(max(turn_s, needed_s), LONGEST_TURN_S)
                longest_s = _OPEN_TURN_S if self._is_open else LONGEST_TURN_S
                if needed_s > longest_s * (1 if number else BURST):
                    raise TurnsNotPossible(f"a response of {arm} takes {duration(usual_s[arm])}")

    def measure(self, left_s: Callable[[], float]) -> None:
        """Let the arms take turns in random order until each has had its time."""
        fitting = self._plan.window_s(self._scenario) / fmean(self._turn_s.values())
        cycles = int(fitting) if self._waits else round(fitting)
        least = 1 if self._waits else LEAST_CYCLES
        for side in self._sides.values():
            side.server.begin_watch()
        for cycle in range(max(least, cycles)):
            if cycle >= least and left_s() < 0:
                return
            self._random.shuffle(self._taking)
            for arm in list(self._taking):
                turn = self._take(arm, cycle)
                limits = self._plan.generator
                overload = describe_overload(turn.generator_cpu_ratio, turn.stall_max_s, limits)
                self._turns[arm].append(replace(turn, discarded=overload))
                self._sides[arm].server.look()

    def _take(self, arm: str, cycle: int) -> Turn:
        """Let an arm take its turn."""
        server = self._sides[arm].server
        before_s = server.read_cpu_s()
        order = TakeTurn(arm=arm, cycle=cycle, turn_s=self._turn_s[arm], spread_s=self._spread_s)
        taken = self._generator.take_turn(order, self._plan.rounds.timeout_s)
        after_s = server.read_cpu_s()
        server.check_alive()
        if taken.failure is not None:
            self._taking.remove(arm)
        else:
            self._check_connections(arm, taken)
        cpu_s = None
        if before_s is not None and after_s is not None and before_s.keys() <= after_s.keys():
            cpu_s = sum(after_s.values()) - sum(before_s.values())
        return replace(taken.turn, cpu_s=cpu_s)

    def _check_connections(self, arm: str, taken: TurnTaken) -> None:
        """Raise TurnsNotPossible if a server closes each connection, or those that wait for their turn.

        In the open model most connections may not be needed in a turn.
        """
        requests = taken.turn.requests
        if taken.closed_unannounced * 2 > (requests * IDLE_SHARE if self._is_open else self._users):
            raise TurnsNotPossible(f"{arm} closes connections that wait for their turn")
        if taken.reconnects * 2 > requests > 0:
            raise TurnsNotPossible(f"{arm} closes each connection")

    def end(self) -> list[MeasuredRound]:
        """Disconnect all users, and make each arm's round of its turns."""
        usages = {arm: side.server.usage() for arm, side in self._sides.items()}
        counting = {
            arm: tuple(turn.cycle for turn in turns if turn.discarded is None)
            for arm, turns in self._turns.items()
        }
        ended = self._generator.end_turns(EndTurns(counting=counting))
        rounds = []
        for arm, side in self._sides.items():
            done, turns, usage = ended.rounds[arm], self._turns[arm], usages[arm]
            cpu_s = _find_cpu_s([turn for turn in turns if turn.discarded is None])
            usage = None if usage is None or cpu_s is None else replace(usage, cpu_s=cpu_s)
            rounds.append(side.make_round(done, usage, _find_too_few(turns), turns=tuple(turns)))
        return rounds


def describe_overload(cpu_ratio: float, stall_s: float, limits: Generator) -> str | None:
    """How the load generator was the limit of a turn or a round; None if it was not."""
    if cpu_ratio > limits.max_cpu_ratio:
        return f"the load generator was at {share(cpu_ratio)} of its CPU and may be the limit"
    if stall_s > limits.max_stall_s:
        still, most = duration(stall_s), duration(limits.max_stall_s)
        return f"the load generator stood still for {still}, more than {most}"
    return None


def _find_cpu_s(turns: Collection[Turn]) -> float | None:
    """The CPU time of turns, those in which a process ended taken to be as the others; None if not known."""
    known = [(turn.cpu_s, turn.requests) for turn in turns if turn.cpu_s is not None]
    requests = sum(number for _, number in known)
    if not requests:
        return None
    return sum(cpu_s for cpu_s, _ in known) / requests * sum(turn.requests for turn in turns)


def _find_too_few(turns: list[Turn]) -> str | None:
    reasons = Counter(turn.discarded for turn in turns if turn.discarded is not None)
    if 2 * reasons.total() <= len(turns):
        return None
    return f"{reasons.total()} of {len(turns)} turns were discarded, as {reasons.most_common(1)[0][0]}"
