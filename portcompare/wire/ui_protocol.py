"""What the harness and the load-generator process say to each other about the web UI.

The harness keeps the servers and knows what they use; the load-generator process loads them and serves the
UI. Once a second the harness shows what it knows, and is told what viewers wish.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from portcompare.records.manifest import Ceiling
from portcompare.units import LoadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class UiArm:
    """A server that the UI can load.

    Attributes:
        name: What it is called.
        url: Where it answers.
        ceilings: By scenario, how many requests it can hold in handlers at once; empty if not known.
        cpus: CPUs that it may use; 0 where that is not known.
    """

    name: str
    url: str
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    cpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UiScenario:
    """A scenario that can be chosen, and what the form proposes for it.

    Attributes:
        name: Name of the scenario.
        delay_s: Waiting that every answer contains by design.
        delay_parameter: The query parameter that a chosen delay is written to.
        model: The load model.
        users: Users, or connections, for each arm.
        rate_rps: Requests due per second on each arm; 0 in the closed model.
        arrivals: How they arrive.
    """

    name: str
    delay_s: float = 0.0
    delay_parameter: str = "delay"
    model: LoadModel = "closed"
    users: int = 1
    rate_rps: float = 0.0
    arrivals: Literal["poisson", "even"] = "poisson"


@dataclass(frozen=True, slots=True, kw_only=True)
class UiPlan:
    """What can be chosen from.

    Attributes:
        name: Of the plan.
        arms: The servers, the baseline first.
        scenarios: The scenarios, by name.
        timeout_s: Time limit of an answer; None to leave it to the user classes.
    """

    name: str
    arms: tuple[UiArm, ...]
    scenarios: dict[str, UiScenario] = field(default_factory=dict)
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What is being loaded, and how.

    Attributes:
        scenarios: The scenarios, by name.
        arms: The arms, by name.
        delay_s: The delay that was asked for; None for each scenario's own.
        model: The load model.
        users: Users, or connections, of each scenario on each arm.
        rate_rps: Requests due per second of each scenario on each arm; 0 in the closed model.
    """

    scenarios: tuple[str, ...]
    arms: tuple[str, ...]
    delay_s: float | None = None
    model: LoadModel = "closed"
    users: int = 1
    rate_rps: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUi:
    """Order: serve the web UI; the load is left to workers, which have been gathered before.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        password_hash: Of the password that opens the UI, as werkzeug writes it; None for an open UI.
        plan: What can be chosen from.
        runs: The folder of finished runs.
        picks_classes: Whether scenarios are chosen by Locust's class picker, several at once.
    """

    host: str
    port: int
    password_hash: str | None
    plan: UiPlan
    runs: str
    picks_classes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UiOpened:
    """Reply to OpenUi.

    Attributes:
        url: Where the UI answers.
        problem: Why it cannot be served, and what to do; None if it is.
    """

    url: str
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmUsage:
    """What a server has used.

    Attributes:
        cpu_s: CPU seconds since its start, and of those before that died.
        rss_bytes: Resident memory now.
        restarts: How often it died and was started again.
    """

    cpu_s: float
    rss_bytes: int
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """How far a run is that was started from the UI.

    Attributes:
        command: The command line, to run it again.
        state: What it is doing.
        progress: Its last word.
        folder: Name of its folder.
    """

    command: str
    state: Literal["running", "done", "failed"]
    progress: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """Order: show this.

    Attributes:
        usage: What each arm's server has used; none of those that somebody else has started.
        run: The run that was started from the UI last; None before.
    """

    usage: dict[str, ArmUsage]
    run: RunState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Reply to ShowState: what a viewer wishes.

    Attributes:
        measure: What to measure properly, by a run; None for nothing.
    """

    measure: LiveSettings | None = None


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which nobody else reaches.

    Args:
        host: A name or an address, an IPv6 one with its brackets or without.

    Returns:
        True for localhost and loopback addresses.
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
