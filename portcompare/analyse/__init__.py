"""Analysis: pure functions from rounds to ratios, intervals, bounds and verdicts."""

from portcompare.analyse.break_even import find_break_even, find_knees
from portcompare.analyse.capacity import find_bracket, find_capacities, find_unsure_searches, judge_objective
from portcompare.analyse.checks import judge_claims, judge_gate
from portcompare.analyse.comparisons import compare, early_precision, find_undecided
from portcompare.analyse.conclusions import (
    conclude,
    conclude_capacities,
    conclude_pages,
    find_capacity_headline,
    find_headline,
    find_unlike_controls,
)
from portcompare.analyse.diff import Run, diff_runs, find_unlike_scenarios, list_conditions
from portcompare.analyse.pages import compare_pages, summarise_pages
from portcompare.analyse.rounds import GeneratorLimits, find_overload, judge_round, judge_visit
from portcompare.analyse.summaries import Course, find_courses, find_spectra, summarise
from portcompare.analyse.validity import find_invalid_reasons, find_unknowns, find_warnings
from portcompare.stats.bounds import Limits
from portcompare.stats.change_points import find_changes

__all__ = [
    "Course",
    "GeneratorLimits",
    "Limits",
    "Run",
    "compare",
    "compare_pages",
    "conclude",
    "conclude_capacities",
    "conclude_pages",
    "diff_runs",
    "early_precision",
    "find_bracket",
    "find_break_even",
    "find_capacities",
    "find_capacity_headline",
    "find_changes",
    "find_courses",
    "find_headline",
    "find_invalid_reasons",
    "find_knees",
    "find_overload",
    "find_spectra",
    "find_undecided",
    "find_unknowns",
    "find_unlike_controls",
    "find_unlike_scenarios",
    "find_unsure_searches",
    "find_warnings",
    "judge_claims",
    "judge_gate",
    "judge_objective",
    "judge_round",
    "judge_visit",
    "list_conditions",
    "summarise",
    "summarise_pages",
]
