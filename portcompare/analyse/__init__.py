"""Analysis: pure functions from rounds to ratios, intervals, bounds and verdicts."""

from portcompare.analyse.bounds import Limits
from portcompare.analyse.comparisons import compare
from portcompare.analyse.conclusions import conclude
from portcompare.analyse.generator import GeneratorLimits, find_overload
from portcompare.analyse.judging import judge_round
from portcompare.analyse.precision import find_undecided
from portcompare.analyse.summaries import summarise
from portcompare.analyse.validity import find_invalid_reasons, find_warnings

__all__ = [
    "GeneratorLimits",
    "Limits",
    "compare",
    "conclude",
    "find_invalid_reasons",
    "find_overload",
    "find_undecided",
    "find_warnings",
    "judge_round",
    "summarise",
]
