"""Pages loaded by a real browser, and what their loads come to.

Every instant of a load counts from the moment at which the browser was sent to the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from portcompare.records.estimates import Estimate
from portcompare.records.rounds import LoadReport

LoadKind = Literal["cold", "warm"]
Stage = Literal["handler", "queue", "server", "network", "client"]
Rating = Literal["good", "needs improvement", "poor"]
PageMetric = Literal["lcp", "fcp", "ttfb", "response", "download", "blocking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a page and its response, as Navigation and Resource Timing report them."""

    target: str  # Path and query
    sent_s: float  # When the request was sent
    first_byte_s: float  # When the first byte of the response was received
    ended_s: float  # When the last one was received
    handler_s: float | None  # Time in the handler, as the response's `Server-Timing: app` says; None without
    received_bytes: int  # Size of the response on the wire, headers included; 0 if it came from the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLoad:
    """One load of a page."""

    kind: LoadKind  # "cold" in a browser that knows nothing of the site, "warm" right after that
    failure: str | None = None  # Why it failed, in which case nothing else is known; None if it did not
    fcp_s: float | None = None  # First contentful paint
    lcp_s: float | None = None  # Largest contentful paint
    blocking_s: float | None = None  # What long tasks after the first paint take beyond 50 ms each
    document: Exchange | None = None  # The page itself
    response: Exchange | None = None  # The last one to a script before the largest paint, which waited for it


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """The loads of one page from one arm in one block, one after the other."""

    block: int  # Number of the block, from 0
    order: int  # The visit's place in its block, from 0
    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    page: str  # Name of the page
    users: int  # How many users of the page's scenario the server had to serve meanwhile; 0 for none
    loads: tuple[PageLoad, ...]  # The loads in their order
    users_load: LoadReport | None = None  # What the load generator reported of the users; None without
    discarded: str | None = None  # Why the visit does not count; None if it does


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePart:
    """A part of the wait for the largest paint; the parts of a load follow one another without a gap."""

    # Whose it is: the server's are "handler" and "queue" (neither handler nor transfer), or "server" where
    # these cannot be distinguished; "network" is connecting and transfer, "client" the browser's own work
    stage: Stage
    what: str  # What happens in it, in words
    start_s: float  # Its start
    end_s: float  # Its end


def spent_s(parts: Iterable[PagePart], stage: Stage) -> float:
    """How long the parts of a stage take together."""
    return sum(part.end_s - part.start_s for part in parts if part.stage == stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigure:
    """One measure of one page."""

    # Which: "lcp", "fcp", "ttfb" (the page's first byte), "response" (the first byte of the response that
    # the largest paint waited for, from its request on), "download" (its transfer) or "blocking"
    metric: PageMetric
    median_s: Estimate  # The median of the blocks' medians
    p75_s: float  # The 75th percentile of all loads
    rating: Rating | None  # Of that, by Core Web Vitals and Lighthouse; None where they have no thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSummary:
    """What one arm's page takes under one condition."""

    page: str  # Name of the page
    users: int  # Users that the server had to serve meanwhile; 0 for none
    kind: LoadKind  # "cold" or "warm"
    arm: str  # Name of the arm
    deployment: str  # Name of the deployment
    blocks: int  # How many blocks it rests on
    loads: int  # How many loads succeeded
    failures: dict[str, int]  # How many failed, by the reason
    figures: tuple[PageFigure, ...]  # The measures; those that are not known are left out
    parts: tuple[PagePart, ...]  # Of the load whose LCP is the median; empty without a success
    bottleneck: str  # Where its time goes, in words
    users_rate_rps: float | None  # Median of what the users were served per second; None without users

    @property
    def lcp(self) -> PageFigure | None:
        """Its largest contentful paint; None if no load succeeded."""
        return next((figure for figure in self.figures if figure.metric == "lcp"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageComparison:
    """Candidate against baseline in one measure of one page."""

    page: str  # Name of the page
    users: int  # Users that the servers had to serve meanwhile; 0 for none
    kind: LoadKind  # "cold" or "warm"
    metric: PageMetric  # Which measure
    candidate: str  # Name of the candidate's arm; "control" for the control
    ratio: Estimate  # Candidate divided by baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """All that a browser has measured."""

    browser: str = ""  # Its name and version; empty if no page was loaded
    visits: tuple[PageVisit, ...] = ()  # All visits, discarded ones too
    summaries: tuple[PageSummary, ...] = ()  # One for each page, condition and arm
    comparisons: tuple[PageComparison, ...] = ()  # Each candidate and the control against the baseline

    def lcp_against_baseline(self, one: PageSummary) -> PageComparison | None:
        """The comparison of a page's largest contentful paint; None for the baseline, and without one."""
        same = (one.page, one.users, one.kind, one.arm)
        lcps = (each for each in self.comparisons if each.metric == "lcp")
        found = (each for each in lcps if (each.page, each.users, each.kind, each.candidate) == same)
        return next(found, None)
