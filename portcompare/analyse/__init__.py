"""Analysis: pure functions from rounds to ratios, intervals, bounds and verdicts."""

from portcompare.analyse.break_even import find_break_even
from portcompare.analyse.capacity import find_bracket, find_capacities, find_unsure_searches
from portcompare.analyse.capacity_conclusions import (
    conclude_capacities,
    find_capacity_headline,
    find_unlike_controls,
)
from portcompare.analyse.change_points import find_changes
from portcompare.analyse.claims import judge_claims
from portcompare.analyse.comparisons import compare
from portcompare.analyse.conclusions import conclude
from portcompare.analyse.conditions import list_conditions
from portcompare.analyse.gates import judge_gate
from portcompare.analyse.generator import GeneratorLimits, find_overload
from portcompare.analyse.headline import find_headline
from portcompare.analyse.judging import judge_round, judge_visit
from portcompare.analyse.knees import find_knees
from portcompare.analyse.multiplicity import HEADLINE_METRICS
from portcompare.analyse.objective import judge_objective
from portcompare.analyse.page_conclusions import conclude_pages
from portcompare.analyse.pages import compare_pages, summarise_pages
from portcompare.analyse.precision import early_precision, find_undecided
from portcompare.analyse.quantities import find_quantities
from portcompare.analyse.run_diff import Run, diff_runs, find_unlike_scenarios
from portcompare.analyse.spectra import find_spectra
from portcompare.analyse.summaries import summarise
from portcompare.analyse.timelines import Course, find_courses
from portcompare.analyse.unknowns import find_unknowns
from portcompare.analyse.usl import find_scalability
from portcompare.analyse.validity import find_invalid_reasons, find_warnings
from portcompare.bounds import Limits

__all__ = [
    "HEADLINE_METRICS",
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
    "find_quantities",
    "find_scalability",
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
