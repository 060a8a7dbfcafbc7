"""Frozen records of pages loaded by a real browser, and of what their loads come to.

They are part of `results.json`, as those of `model.py` are. Every instant of a load counts from the moment at
which the browser was told to go to the page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from portcompare.records.metrics import Verdict
from portcompare.records.sweeps import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

LoadKind = Literal["cold", "warm"]
Stage = Literal["handler", "queue", "server", "network", "client"]
Rating = Literal["good", "needs improvement", "poor"]
PageMetric = Literal["lcp", "fcp", "ttfb", "answer", "download", "blocking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a page and its answer, as Navigation and Resource Timing tell them.

    Attributes:
        target: Path and query.
        asked_s: When the request was sent.
        first_byte_s: When the first byte of the answer came.
        ended_s: When the last one came.
        handler_s: Time in the handler, as this very answer's `Server-Timing: app` tells it; None without.
        received_bytes: Size of the answer on the wire, headers included; 0 if it came from the cache.
    """

    target: str
    asked_s: float
    first_byte_s: float
    ended_s: float
    handler_s: float | None
    received_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLoad:
    """One load of a page.

    Attributes:
        kind: "cold" in a browser that knows nothing of the site, "warm" right after that in the same one.
        failure: Why it failed, in which case nothing else is known; None if it did not.
        fcp_s: First contentful paint.
        lcp_s: Largest contentful paint.
        blocking_s: Total blocking time: what long tasks after the first paint take beyond 50 ms each.
        document: The page itself.
        answer: The last answer to a script's request that came before the largest paint: what that waited
            for; None if there is none.
    """

    kind: LoadKind
    failure: str | None = None
    fcp_s: float | None = None
    lcp_s: float | None = None
    blocking_s: float | None = None
    document: Exchange | None = None
    answer: Exchange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """The loads of one page from one arm in one block, one after the other.

    Attributes:
        block: Number of the block, from 0.
        order: The visit's place in its block, from 0.
        arm: Name of the arm.
        deployment: Name of the deployment.
        page: Name of the page.
        users: How many users of the page's scenario the server had to serve meanwhile; 0 for none.
        loads: The loads in their order.
        load_rps: What it served these users per second while the pages loaded; None without users.
        load_requests: How many of the users' requests succeeded; None without users.
        load_error_kinds: What went wrong with the others, and how often.
        void: Why the visit does not count; None if it does.
    """

    block: int
    order: int
    arm: str
    deployment: str
    page: str
    users: int
    loads: tuple[PageLoad, ...]
    load_rps: float | None = None
    load_requests: int | None = None
    load_error_kinds: dict[str, int] = field(default_factory=dict)
    void: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePart:
    """A part of the wait for the largest paint; the parts of a load follow one another without a gap.

    Attributes:
        stage: Whose it is. "handler" and "queue", which is all that is neither handler nor transfer, are the
            server's, and so is "server", where the two cannot be told apart; "network" is connecting and
            transfer, "client" the browser's own work.
        what: What happens in it, in words.
        start_s: Its start.
        end_s: Its end.
    """

    stage: Stage
    what: str
    start_s: float
    end_s: float


def spent_s(parts: Iterable[PagePart], stage: Stage) -> float:
    """How long the parts of a stage take together.

    Args:
        parts: The parts of a load.
        stage: The stage.

    Returns:
        Seconds.
    """
    return sum(part.end_s - part.start_s for part in parts if part.stage == stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigure:
    """One measure of one page.

    Attributes:
        metric: Which: "lcp", "fcp", "ttfb" (the page's first byte), "answer" (the first byte of the answer
            that the largest paint waited for, from its request on), "download" (its transfer) or "blocking".
        median_s: The median of the blocks' medians.
        p75_s: The 75th percentile of all loads.
        rating: That percentile by the thresholds of Core Web Vitals and Lighthouse; None where there are
            none.
    """

    metric: PageMetric
    median_s: Estimate
    p75_s: float
    rating: Rating | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSummary:
    """What one arm's page takes under one condition.

    Attributes:
        page: Name of the page.
        users: Users that the server had to serve meanwhile; 0 for none.
        kind: "cold" or "warm".
        arm: Name of the arm.
        deployment: Name of the deployment.
        blocks: How many blocks it rests on.
        loads: How many loads succeeded.
        failures: How many failed, by the reason.
        figures: The measures; those that are not known are left out.
        parts: The parts of the load in the middle, the one whose LCP is the median; empty without a success.
        bottleneck: Where its time goes, in words.
        load_rps: Median of what the users were served per second; None without users.
    """

    page: str
    users: int
    kind: LoadKind
    arm: str
    deployment: str
    blocks: int
    loads: int
    failures: dict[str, int]
    figures: tuple[PageFigure, ...]
    parts: tuple[PagePart, ...]
    bottleneck: str
    load_rps: float | None

    @property
    def lcp(self) -> PageFigure | None:
        """Its largest contentful paint; None if no load succeeded."""
        return next((figure for figure in self.figures if figure.metric == "lcp"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageComparison:
    """Candidate against baseline in one measure of one page.

    Attributes:
        page: Name of the page.
        users: Users that the servers had to serve meanwhile; 0 for none.
        kind: "cold" or "warm".
        metric: Which measure.
        candidate: Name of the candidate's arm; "control" for the control.
        blocks: How many blocks the interval rests on.
        ratio: Candidate divided by baseline; None where it cannot be told.
        verdict: In words.
        reason: Why the verdict is what it is, in a sentence.
    """

    page: str
    users: int
    kind: LoadKind
    metric: PageMetric
    candidate: str
    blocks: int
    ratio: Estimate | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """All that a browser has measured.

    Attributes:
        browser: Its name and version; empty if no page was loaded.
        visits: All visits, void ones too.
        summaries: One for each page, condition and arm.
        comparisons: Each candidate and the control against the baseline.
    """

    browser: str = ""
    visits: tuple[PageVisit, ...] = field(default=())
    summaries: tuple[PageSummary, ...] = ()
    comparisons: tuple[PageComparison, ...] = ()

    def lcp_against_baseline(self, one: PageSummary) -> PageComparison | None:
        """How a page's largest contentful paint compares with the baseline's.

        Args:
            one: The page under its condition, on one arm.

        Returns:
            The comparison; None for the baseline itself, and where there was none to compare with.
        """
        same = (one.page, one.users, one.kind, one.arm, "lcp")
        return next(
            (
                each
                for each in self.comparisons
                if (each.page, each.users, each.kind, each.candidate, each.metric) == same
            ),
            None,
        )
