"""Measuring: blocks of rounds, driven through the load-generator process."""

from portcompare.measure.blocks import order_block, plan_blocks
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.measure.rounds import MeasuredRound, Place, measure_round
from portcompare.measure.single import load_target

__all__ = [
    "LoadGenerator",
    "MeasuredRound",
    "Place",
    "load_target",
    "measure_round",
    "order_block",
    "plan_blocks",
    "start_generator",
]
