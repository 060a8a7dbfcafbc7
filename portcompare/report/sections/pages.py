"""What a visitor waits for: the tables of the pages that a browser loaded."""

from portcompare import units
from portcompare.records.pages import PageFigure, PageMetric, Pages, PageSummary, Stage, spent_s
from portcompare.records.results import Results
from portcompare.records.rounds import BASELINE
from portcompare.report.wording import NOT_KNOWN, TextTable, interval, visible, with_ends

METRIC_HEADERS: dict[PageMetric, str] = {
    "lcp": "Largest contentful paint",
    "fcp": "First contentful paint",
    "ttfb": "Page's first byte",
    "response": "Response's first byte",
    "download": "Download",
    "blocking": "Blocking",
}
STAGE_NAMES: dict[Stage, str] = {
    "handler": "server, in handlers",
    "queue": "server, around handlers",
    "server": "server",
    "network": "network",
    "client": "browser",
}

_FIGURES_NOTE = (
    "Medians of the blocks' medians with their 95% intervals, from the order of the blocks alone, which six"
    " blocks or more can give; the rating is of the 75th percentile of all loads, by the thresholds of Core"
    " Web Vitals, for the blocking time of Lighthouse. The response is the last one to a script's request"
    " that came before the largest paint, its first byte counted from that request on; the download is that"
    " response's, or the page's where there is none. The browser shares the load generator's CPUs, not the"
    " servers'."
)
_STAGES_NOTE = (
    "The load in the middle, whose largest contentful paint is the median: its parts add up to that. Time in"
    " handlers is what the responses of this load report (Server-Timing: app); around them is the rest until"
    " the first byte. Network is to connect and to receive, browser to run scripts, to lay out and to paint."
)


def page_tables(results: Results) -> tuple[TextTable, ...]:
    """The tables of the pages."""
    summaries = results.pages.summaries
    if not summaries:
        return ()
    who = ("Page", "Meanwhile", "Load", "Arm")
    return (
        TextTable(
            title="What a visitor waits for",
            note=_FIGURES_NOTE,
            header=(*who, *METRIC_HEADERS.values(), "Against the baseline", "Loads"),
            rows=tuple((*_who(one), *_figures(results.pages, one)) for one in summaries),
        ),
        TextTable(
            title="Where a page's time goes",
            note=_STAGES_NOTE,
            header=(*who, "Server, in handlers", "Server, around them", "Network", "Browser", "In words"),
            rows=tuple((*_who(one), *_stages(one)) for one in summaries if one.parts),
        ),
    )


def meanwhile(users: int) -> str:
    """What the server has to do while a page loads."""
    return units.count(users, "user") if users else "nothing"


def _who(one: PageSummary) -> tuple[str, ...]:
    return visible(one.page), meanwhile(one.users), one.kind, visible(one.arm)


def _figures(pages: Pages, one: PageSummary) -> tuple[str, ...]:
    found = {figure.metric: figure for figure in one.figures}
    loads = [f"{one.loads} in {units.count(one.blocks, 'block')}"]
    if one.users_rate_rps is not None:
        loads.append(f"{units.rate(one.users_rate_rps)} for the users")
    loads += [f"{number} failed: {visible(reason)}" for reason, number in one.failures.items()]
    figures = (_figure(found.get(metric)) for metric in METRIC_HEADERS)
    return (*figures, _against(pages, one), "; ".join(loads))


def _figure(figure: PageFigure | None) -> str:
    if figure is None:
        return NOT_KNOWN
    text = with_ends(figure.median_s, units.duration)
    return f"{text}, {figure.rating}" if figure.rating else text


def _against(pages: Pages, one: PageSummary) -> str:
    """The verdict on the largest contentful paint."""
    if one.arm == BASELINE:
        return "baseline"
    found = pages.lcp_against_baseline(one)
    if found is None or found.ratio.point is None:
        return (found and found.ratio.verdict) or NOT_KNOWN
    return f"{units.ratio(found.ratio.point)} {interval(found.ratio)} {found.ratio.verdict}"


def _stages(one: PageSummary) -> tuple[str, ...]:
    stages: tuple[Stage, ...] = ("handler", "queue", "network", "client")
    spent = [units.duration(spent_s(one.parts, stage)) for stage in stages]
    if any(part.stage == "server" for part in one.parts):
        spent[:2] = [NOT_KNOWN] * 2
    return (*spent, one.bottleneck)
