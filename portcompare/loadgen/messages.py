"""What the leading process and its workers send each other, as Locust's custom messages.

Every message is of one Locust type and carries a record as a line of JSON. No message carries an instant: a
worker counts time by its own clock, so the clocks of machines need not agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, get_args

from portcompare.wire.protocol import (
    Captured,
    LiveSettings,
    Prepare,
    Prepared,
    RunRound,
    UiPlan,
    make_decoder,
)

TYPE: Final = "portcompare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One process's share of the load."""

    index: int  # The process's number, from 0
    processes: int  # How many there are

    def of(self, total: int) -> int:
        """How many of something this process gets."""
        return len(range(self.index, total, self.processes))

    def number(self, place: int) -> int:
        """The number, among all processes, of something that this process got."""
        return place * self.processes + self.index


WHOLE: Final = Share(index=0, processes=1)
"""The share of a process that is alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How the warm-up of one process ended."""

    failure: str | None  # Why the load is not the one that was ordered; None if it is
    steady: bool  # False if the window has to open although the rate is not steady


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePart:
    """What one process measured in a slice of the window."""

    histogram: str  # Of latencies, encoded as in PartResult
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What one process measured in the window of a round, in a form that can be added up."""

    requests: int  # Successful requests that ended in the window
    rate_rps: float  # Their rate, with smoothed window edges
    # Failed requests that ended in the window, by kind; and wrong bodies that were seen only before it
    error_kinds: dict[str, int]
    # Of the successful requests: with headers, or what a user class that is no `LeanUser` reports
    received_bytes: float
    reconnects: int  # Connections made because the server had closed the one before
    histogram: str  # The latencies as a base64 encoded HdrHistogram, in microseconds
    slices: tuple[SlicePart, ...]  # The window in slices
    handler_s: tuple[float, ...]  # The sampled `Server-Timing: app`
    lags: str | None  # Histogram of how late due requests were dispatched; None in the closed model
    dropped: int  # Requests given up because no connection became free within the time limit
    stall_max_s: float  # The greatest delay of a heartbeat of the event loop
    cpu_ratio: float  # CPU seconds per second
    machine: str  # Identifies the machine: the kernel's id of this boot
    cpus: tuple[int, ...]  # The CPUs that the process may use


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadScenarios:
    """To a worker: load these scenarios; the reply is `Prepared`."""

    number: int  # The order's, for the reply
    order: Prepare
    locustfile_text: str | None  # For a worker on a machine without the locustfile; None if there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPart:
    """To a worker: start its part of a round; the reply is `WarmUp`."""

    number: int
    order: RunRound  # The whole round
    share: Share
    captured: Captured | None  # The requests of a user class that is no `LeanUser`


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """To a worker: open the window; the reply is `PartResult`."""

    number: int
    notice_s: float  # How long from now


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortenWindow:
    """To a worker: close the open window earlier than ordered."""

    window_s: float  # Its length


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPart:
    """To a worker: stop the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginLive:
    """To a worker: get ready for a live test, whose users Locust starts and stops."""

    test: int  # The test's number
    plan: UiPlan  # All servers and scenarios
    settings: LiveSettings  # What is to be loaded, and how
    share: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """From a worker."""

    number: int  # The order's
    version: str  # Of portcompare, which must be the leader's
    content: Prepared | WarmUp | PartResult


ToWorker = LoadScenarios | StartPart | OpenWindow | ShortenWindow | EndPart | BeginLive

decode_to_worker: Callable[[str | bytes], ToWorker] = make_decoder(*get_args(ToWorker))
decode_reply: Callable[[str | bytes], Reply] = make_decoder(Reply)
