"""Work: the instructions that deployments execute for a request, counted and not timed."""

from dataclasses import dataclass, field
from typing import Literal

from portcompare.records.estimates import Estimate

# "hardware": the processors' counters, by perf_event_open(2); "callgrind": valgrind's emulation
CounterName = Literal["hardware", "callgrind"]

Part = Literal["interpreter", "event loop", "parser", "libc", "server", "extension", "unknown"]
"""Whose code it is, by the shared object; the interpreter runs all Python code: app, framework and server."""

ANY_LEVEL = 0.0
"""The level of comparisons of work, which is that of a single request whatever the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCount:
    """What one deployment executes for a request of one scenario."""

    deployment: str  # Name of the deployment
    scenario: str  # Name of the scenario
    counter: CounterName  # What counted
    requests: int  # How many requests were counted, of all slices
    # Instructions of the whole process tree in user space, without what it executes by the clock; the mean of
    # the slices, the outermost cut off
    instructions_per_request: float
    low: float  # Lower end of the 95% interval of that, from slice to slice
    high: float  # Upper end
    slices: tuple[float, ...]  # Instructions per request of each slice, in the order in which they were sent
    shares: dict[Part, float]  # The parts of them by whose code it is, from 0 to 1; empty if not known
    idle_per_s: float  # What it executes by the clock, in instructions a second; subtracted from each slice
    ratio: Estimate | None = None  # Divided by the baseline's; None for the baseline and without it


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The work of all deployments."""

    counts: tuple[WorkCount, ...] = ()  # One for each deployment and scenario that was counted
    not_counted: dict[str, str] = field(default_factory=dict)  # Why others were not, by deployment
    is_layout_fixed: bool = True  # Whether the address layout was the same at each start
