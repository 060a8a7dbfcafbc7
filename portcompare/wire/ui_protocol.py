"""What the harness and the load-generator process send each other about the web UI.

The harness runs the servers and knows what they use; the load-generator process loads them and serves the UI.
Once a second the harness sends what it knows, and receives what a viewer has requested.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from portcompare.records.manifest import Ceiling
from portcompare.records.rounds import Usage
from portcompare.units import LoadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class UiArm:
    """A server that the UI can load."""

    name: str
    url: str
    # By scenario, how many requests its handlers can process at once; empty if not known
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    cpus: int = 0  # CPUs that it may use; 0 if not known


@dataclass(frozen=True, slots=True, kw_only=True)
class UiScenario:
    """A scenario that can be chosen, and the defaults of the form."""

    name: str
    delay_s: float = 0.0  # Waiting that every response contains by design
    delay_parameter: str = "delay"  # The query parameter that a chosen delay is written to
    model: LoadModel = "closed"
    users: int = 1  # Users, or connections, for each arm
    rate_rps: float = 0.0  # Requests due per second on each arm; 0 in the closed model
    arrivals: Literal["poisson", "even"] = "poisson"


@dataclass(frozen=True, slots=True, kw_only=True)
class UiPlan:
    """The arms and scenarios to choose from."""

    name: str
    arms: tuple[UiArm, ...]  # The baseline first
    scenarios: dict[str, UiScenario] = field(default_factory=dict)
    timeout_s: float | None = None  # Time limit of a response; None to leave it to the user classes


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What is loaded, and how."""

    scenarios: tuple[str, ...]
    arms: tuple[str, ...]
    delay_s: float | None = None  # None for each scenario's own
    model: LoadModel = "closed"
    users: int = 1  # Users, or connections, of each scenario on each arm
    rate_rps: float = 0.0  # Requests due per second of each scenario on each arm; 0 in the closed model


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUi:
    """Order: serve the web UI; the load comes from workers, which have joined before."""

    host: str
    port: int  # 0 for any free port
    password_hash: str | None  # As werkzeug writes it; None for a UI without a login
    plan: UiPlan
    runs: str  # The folder of finished runs
    picks_classes: bool = False  # Whether Locust's class picker chooses the scenarios, several at once


@dataclass(frozen=True, slots=True, kw_only=True)
class UiOpened:
    """Reply to OpenUi."""

    url: str
    problem: tuple[str, str] | None = None  # Why it cannot be served, and the remedy; None if it is served


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The progress of a run that was started from the UI."""

    command: str  # The command line, to repeat it
    state: Literal["running", "done", "failed"]
    progress: str  # The last line that it printed
    folder: str  # Name of its folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowState:
    """Order: show this."""

    usage: dict[str, Usage]  # By arm; without the servers that portcompare did not start
    run: RunState | None = None  # The last run that was started from the UI; None before


@dataclass(frozen=True, slots=True, kw_only=True)
class UiRequest:
    """Reply to ShowState: what a viewer has requested."""

    measure: LiveSettings | None = None  # What to measure by a run; None for nothing


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
