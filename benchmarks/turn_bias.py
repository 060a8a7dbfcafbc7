"""Do short turns measure what long ones do?

    .venv/bin/python -m benchmarks.turn_bias [REPEATS]

Of one server at a level, short turns and long ones alternate. A long turn is so long that its beginning and
its end do not matter. Writes docs/benchmarks.md.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.common import HERE, header, publish, row, verdict
from portcompare.measure.blocks import Place
from portcompare.measure.rounds import Side, make_order
from portcompare.measure.turns import RESPONSES_A_USER
from portcompare.plan import load_plan
from portcompare.records.rounds import BASELINE, LoadReport, Turn
from portcompare.run.phases import serve
from portcompare.run.progress import Progress
from portcompare.run.session import Session, open_session
from portcompare.serve import vocabulary
from portcompare.stats.intervals import paired_ratio
from portcompare.wire.protocol import EndTurns, JoinTurns, TakeTurn

Figures = tuple[float, float, float, float]  # rate, p50, p99 and CPU time a request

SHORT, LONG = "short", "long"
LONG_S, GROUPS, MOST_BIAS = 1.5, 3, 0.01
WIDEST = 1.1  # an interval whose ends are farther apart says nothing of a hundredth
LEVELS = [("fast", 1), ("fast", 32), ("fast", 64)]
METRICS = ("rate", "p50", "p99", "CPU time")
PLAN = f"""
baseline = "flask-gunicorn"
candidates = ["quart-uvicorn"]
include = ["{HERE.parent}/loadtests/twins.toml"]
locustfile = "{HERE.parent}/loadtests/locustfile.py"

[scenarios.fast]
user = "Fast"
load = {{ users = [1, 32, 64] }}

[scenarios.delayed]
user = "Delayed"
delay_s = 0.2
load = {{ users = [1, 64] }}
"""


def main(repeats: int) -> None:
    """Measure and publish."""
    lines = header("server", "load", *(f"{metric}, short to long" for metric in METRICS), "within 1%")
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        path = Path(folder, "plan.toml")
        path.write_text(PLAN, encoding="utf-8")
        plan = load_plan(path, vocabulary())
        with open_session(plan, Path(folder), say=progress.start) as session, serve(session) as servers:
            for arm in (BASELINE, "quart-uvicorn"):
                for scenario, users in LEVELS:
                    place = Place(block=0, order=0, arm=arm, scenario=scenario, level=users)
                    side = Side(place=place, server=servers[arm], expectations={})
                    pairs = [repeat(session, side, number) for number in range(repeats)]
                    lines.append(describe(side.server.deployment, f"{scenario}, {users} users", pairs))
                    print(lines[-1], file=sys.stderr)
    publish("turn-bias", lines)


def repeat(session: Session, side: Side, number: int) -> tuple[Figures, Figures]:
    """Measure one server by short turns and by long ones, in turn."""
    plan, generator = session.plan, session.generator
    order = make_order(plan, side)
    generator.join_turns(JoinTurns(rounds={SHORT: order, LONG: order}))
    spread_s = order.delay_s
    taken: dict[str, list[Turn]] = {SHORT: [], LONG: []}

    def take(way: str, turn_s: float, *, counts: bool = True) -> Turn:
        before_s = side.server.read_cpu_s() or {}
        cycle = len(taken[way]) if counts else -1
        reply = generator.take_turn(
            TakeTurn(arm=way, cycle=cycle, turn_s=turn_s, spread_s=spread_s), plan.rounds.timeout_s
        )
        used_s = sum((side.server.read_cpu_s() or {}).values()) - sum(before_s.values())
        turn = replace(reply.turn, cpu_s=used_s)
        if counts:
            taken[way].append(turn)
        return turn

    short_s, long_s = (plan.window_s(side.place.scenario), 2 * LONG_S) if spread_s else (0.0, LONG_S)
    for _ in range(3):
        usual_s = take(SHORT, short_s or plan.rounds.turn_s, counts=False).p50_s or 0.0
    short_s = short_s or max(plan.rounds.turn_s, RESPONSES_A_USER * usual_s)
    random = Random(number)  # noqa: S311 - an order
    for _ in range(GROUPS):
        for way in random.sample([SHORT, LONG], 2):
            if way == LONG:
                take(LONG, long_s)
            else:
                for _ in range(max(1, round(long_s / short_s))):
                    take(SHORT, short_s)
    ended = generator.end_turns(EndTurns(counting={way: tuple(range(len(taken[way]))) for way in taken}))
    short, long = (figures_of(ended.rounds[way].load, taken[way]) for way in (SHORT, LONG))
    return short, long


def figures_of(load: LoadReport, turns: list[Turn]) -> Figures:
    """What a run would report of these turns."""
    assert load.latency_s is not None
    cpu_s = sum(turn.cpu_s or 0.0 for turn in turns) / sum(turn.requests for turn in turns)
    return load.rate_rps, load.latency_s.p50, load.latency_s.p99, cpu_s


def describe(server: str, load: str, pairs: list[tuple[Figures, Figures]]) -> str:
    """One line of the table."""
    cells, is_met, is_known = [], True, True
    for short, long in np.array(pairs).transpose(2, 1, 0).tolist():  # of each metric
        ratio = paired_ratio(long, short)
        low, high = ratio.interval or (0.1, 10.0)
        cells.append(f"{ratio.point:.3f} [{low:.3f}, {high:.3f}]")
        is_met &= low <= 1 + MOST_BIAS and high >= 1 - MOST_BIAS
        is_known &= high / low <= WIDEST
    return row(server, load, *cells, verdict(met=is_met) if is_known or not is_met else "cannot tell")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
