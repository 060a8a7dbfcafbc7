"""What the harness and the load-generator process say to each other about the web UI.

The harness keeps the servers and knows what they use; the load-generator process loads them and serves the
UI. Once a second the harness shows what it knows, and is told what viewers wish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from portcompare.records.manifest import Ceiling
from portcompare.records.rounds import Usage
from portcompare.units import LoadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class UiArm:
    """A server that the UI can load."""

    name: str  # What it is called
    url: str  # Where it answers
    # By scenario, how many requests it can hold in handlers at once; empty if not known
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    cpus: int = 0  # CPUs that it may use; 0 where that is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class UiScenario:
    """A scenario that can be chosen, and what the form proposes for it."""

    name: str  # Name of the scenario
    delay_s: float = 0.0  # Waiting that every answer contains by design
    delay_parameter: str = "delay"  # The query parameter that a chosen delay is written to
    model: LoadModel = "closed"  # The load model
    users: int = 1  # Users, or connections, for each arm
    rate_rps: float = 0.0  # Requests due per second on each arm; 0 in the closed model
    arrivals: Literal["poisson", "even"] = "poisson"  # How they arrive


@dataclass(frozen=True, slots=True, kw_only=True)
class UiPlan:
    """What can be chosen from."""

    name: str  # Of the plan
    arms: tuple[UiArm, ...]  # The servers, the baseline first
    scenarios: dict[str, UiScenario] = field(default_factory=dict)  # The scenarios, by name
    timeout_s: float | None = None  # Time limit of an answer; None to leave it to the user classes


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What is being loaded, and how."""

    scenarios: tuple[str, ...]  # The scenarios, by name
    arms: tuple[str, ...]  # The arms, by name
    delay_s: float | None = None  # The delay that was asked for; None for each scenario's own
    model: LoadModel = "closed"  # The load model
    users: int = 1  # Users, or connections, of each scenario on each arm
    rate_rps: float = 0.0  # Requests due per second of each scenario on each arm; 0 in the closed model


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUi:
    """Order: serve the web UI; the load is left to workers, which have been gathered before."""

    host: str  # Address to listen on
    port: int  # Port to listen on; 0 for any that is free
    password_hash: str | None  # Of the password that opens the UI, as werkzeug writes it; None for an open UI
    plan: UiPlan  # What can be chosen from
    runs: str  # The folder of finished runs
    picks_classes: bool = False  # Whether scenarios are chosen by Locust's class picker, several at once


@dataclass(frozen=True, slots=True, kw_only=True)
class UiOpened:
    """Reply to OpenUi."""

    url: str  # Where the UI answers
    problem: tuple[str, str] | None = None  # Why it cannot be served, and what to do; None if it is


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How far a run is that was started from the UI."""

    command: str  # The command line, to run it again
    state: Literal["running", "done", "failed"]  # What it is doing
    progress: str  # Its last word
    folder: str  # Name of its folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """Order: show this."""

    # What each arm's server has used; none of those that somebody else has started
    usage: dict[str, Usage]
    run: RunState | None = None  # The run that was started from the UI last; None before


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Reply to ShowState: what a viewer wishes."""

    measure: LiveSettings | None = None  # What to measure properly, by a run; None for nothing


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which nobody else reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
