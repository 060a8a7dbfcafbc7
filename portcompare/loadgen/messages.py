"""What the leading process and its workers say to each other, as Locust's own custom messages.

Every message is of one Locust type and carries a record as a line of JSON. No message carries an instant: a
worker counts time by its own clock, so the clocks of machines need not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from portcompare.loadgen.arrivals import Share
from portcompare.loadgen.figures import PartDone, Warm
from portcompare.wire.protocol import Captured, Prepare, Prepared, RunRound, make_decoder
from portcompare.wire.ui_protocol import LiveSettings, UiPlan

if TYPE_CHECKING:
    from collections.abc import Callable

TYPE: Final = "portcompare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """To a worker: load these scenarios."""

    order: Prepare  # Which
    locustfile_text: str | None  # The locustfile, for a worker on a machine without it; None without one


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenariosLoaded:
    """From a worker: what the scenarios ask for, and its version of portcompare."""

    prepared: Prepared
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPart:
    """To a worker: begin its part of a round, and end that of any other."""

    number: int  # The round's
    order: RunRound  # The whole round
    share: Share  # The worker's part
    captured: Captured | None  # What the scenario's user class asks for, if it is no `LeanUser`


@dataclass(frozen=True, slots=True, kw_only=True)
class PartWarm:
    """From a worker: how its warm-up ended."""

    number: int
    warm: Warm


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """To a worker: open the window so long from now."""

    number: int
    notice_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortenWindow:
    """To a worker: close the window that is open when it has been so for so long."""

    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed:
    """From a worker: what happened inside the window."""

    number: int
    done: PartDone


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPart:
    """To a worker: stop the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginLive:
    """To a worker: make ready for a live test, whose users Locust will start and stop."""

    test: int  # The test's number
    plan: UiPlan  # The servers and scenarios there are
    settings: LiveSettings  # What is to be loaded, and how
    share: Share  # The worker's part


ToWorker = Scenarios | BeginPart | OpenWindow | ShortenWindow | EndPart | BeginLive
FromWorker = ScenariosLoaded | PartWarm | WindowClosed

decode_to_worker: Callable[[str | bytes], ToWorker] = make_decoder(
    Scenarios, BeginPart, OpenWindow, ShortenWindow, EndPart, BeginLive
)
decode_from_worker: Callable[[str | bytes], FromWorker] = make_decoder(
    ScenariosLoaded, PartWarm, WindowClosed
)
