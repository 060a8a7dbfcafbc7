"""Measuring: blocks of rounds, driven through the load-generator process."""

from portcompare.measure.blocks import Timekeeper, order_block, plan_blocks
from portcompare.measure.break_even import plan_break_even
from portcompare.measure.capacity import plan_searches
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.measure.pages import PagePlace, measure_visit, order_visits
from portcompare.measure.rounds import MeasuredRound, Place, load_target, measure_round

__all__ = [
    "LoadGenerator",
    "MeasuredRound",
    "PagePlace",
    "Place",
    "Timekeeper",
    "load_target",
    "measure_round",
    "measure_visit",
    "order_block",
    "order_visits",
    "plan_blocks",
    "plan_break_even",
    "plan_searches",
    "start_generator",
]
