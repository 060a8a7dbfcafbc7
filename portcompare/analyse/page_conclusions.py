"""What the pages come to: a sentence for each page, condition and candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.model import BASELINE, CONTROL, Conclusion
from portcompare.units import count, duration, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portcompare.pages import Pages, PageSummary


def conclude_pages(pages: Pages) -> Iterator[Conclusion]:
    """Say what a first visitor waits for, and what for.

    Args:
        pages: What a browser measured.

    Yields:
        A conclusion for each page, condition and candidate; on cold loads, which are the ones that are new.
    """
    cold = [one for one in pages.summaries if one.kind == "cold"]
    baselines = {(one.page, one.users): one for one in cold if one.arm == BASELINE}
    for one in cold:
        baseline = baselines.get((one.page, one.users))
        if baseline is not None and one.arm not in (BASELINE, CONTROL):
            text = _text(one, baseline, pages)
            yield Conclusion(scenario=f"page {one.page}", candidate=one.arm, text=text)


def _text(one: PageSummary, baseline: PageSummary, pages: Pages) -> str:
    condition = f"While {count(one.users, 'user')} wait as well" if one.users else "On an idle server"
    parts = [f"{condition}, the page is complete {_after(one)}, {_after(baseline)}{_against(one, pages)}"]
    parts += [f"{each.deployment}: {each.bottleneck}" for each in (one, baseline) if each.bottleneck]
    return "; ".join(parts) + "."


def _after(one: PageSummary) -> str:
    lcp = one.lcp
    if lcp is None:
        return f"never on {one.deployment}"
    return f"after {duration(lcp.median_s.value)} on {one.deployment} ({lcp.rating})"


def _against(one: PageSummary, pages: Pages) -> str:
    each = pages.lcp_against_baseline(one)
    found = None if each is None else each.ratio
    if each is None or found is None or found.low is None or found.high is None:
        return ""
    return f": {ratio(found.value)}, 95% interval {ratio(found.low)} to {ratio(found.high)}, {each.verdict}"
