"""Measuring: blocks of rounds, driven through the load-generator process."""

from portcompare.measure.blocks import order_block, plan_blocks
from portcompare.measure.generator import LoadGenerator, start_generator
from portcompare.measure.rounds import MeasuredRound, Place, measure_round

__all__ = [
    "LoadGenerator",
    "MeasuredRound",
    "Place",
    "measure_round",
    "order_block",
    "plan_blocks",
    "start_generator",
]
