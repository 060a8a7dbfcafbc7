"""A diagnosis in lines of text: what blocks, what waits, what is wrong, and where the time goes."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from portcompare.records.diagnosis import (
    Blocking,
    CpuDifference,
    Diagnosis,
    Leak,
    LostConnections,
    Mistake,
    RouteTime,
    Site,
    Subject,
    Unseen,
    Waiting,
    Watched,
)
from portcompare.report.wording import advice_cells, visible
from portcompare.units import count, duration, rate, share

_NOTHING = "Nothing was seen to block, to queue or to leak under this load."
_BUSY = (
    "Yet a request for nothing waits as long as others (below): the CPU is busy, or the loop with steps that "
    "are too short to be named."
)
_BAR = 40
_PARTS = {
    "q": "queued before the handler",
    "b": "ready, as the loop or the CPU was busy",
    "w": "waiting for locks, pools and threads",
    "u": "waiting for upstreams, timers and files",
    "c": "computing",
    "n": "network and client",
}
_LEGEND = "Server processing: " + ", ".join(f"{letter} {text}" for letter, text in _PARTS.items())


def diagnosis_lines(found: Diagnosis) -> Iterator[str]:
    """What was found, what costs most first; a heading has no indent."""
    yield from _part("What to do", (f"{text} ({why})" for text, why in advice_cells(found.advice)))
    parts = (found.blocking, found.waiting, found.mistakes, found.isolation, found.connections)
    if not any(parts):
        yield _NOTHING
    if not found.blocking and any(one.is_blocked for one in found.watched):
        yield _BUSY
    yield from _part(
        "Blocks the event loop, so that no other request goes on", map(_blocking, found.blocking)
    )
    yield from _part("Requests queue", map(_waiting, found.waiting))
    yield from _part("Mistakes", map(_mistake, found.mistakes))
    yield from _part("Responses that belong to another user", map(_leak, found.isolation))
    yield from _part("Connections that the server ended", map(_lost, found.connections))
    loads = (list(routes) for _, routes in groupby(found.routes, _of))
    yield from _part("Which routes to port first", filter(None, map(_first, loads)))
    yield from _part(f"Where the time of a response goes ({_LEGEND})", map(_route, found.routes))
    yield from _part("CPU time of a request beside the baseline's, by what runs", map(_cpu, found.cpu))
    yield from _part("Blocks by its text, and was not seen under this load", map(_unseen, found.unseen))
    yield from _part("Watched", map(_watched, found.watched))
    yield from _part("Notes", map(visible, found.warnings))


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    texts = [f"  {line}" for line in lines]
    if texts:
        yield from (title, *texts)


def _place(one: Site) -> str:
    if not one.file:
        return visible(one.call)
    inside = f" in {one.function}" if one.function else ""
    return visible(f"{one.file}:{one.line}{inside}: {one.call}")


def _of(one: Subject, route: str = "") -> str:
    return visible(", ".join(filter(None, (one.deployment, one.scenario, route))))


def _blocking(one: Blocking) -> str:
    often = f"{count(one.count, 'time')}, too short to be timed"
    if one.total_s:
        often = (
            f"{count(one.count, 'time')}, {duration(one.total_s)} in all, {duration(one.longest_s)} at most"
        )
    text = f" (ruff: {one.rule})" if one.rule else ""
    return f"{_place(one)}: {visible(one.reason)}: {often}{text} [{_of(one, one.route)}]"


def _waiting(one: Waiting) -> str:
    often = f"{share(one.share)} of the time in the server"
    often += f", {duration(one.longest_s)} at most" if one.longest_s is not None else ""
    return f"{_place(one)}: {visible(one.reason)}: {often} [{_of(one, one.route)}]"


def _mistake(one: Mistake) -> str:
    return f"{_place(one)}: {visible(one.reason)} [{_of(one)}]"


def _leak(one: Leak) -> str:
    whose = f"{one.user} received what belongs to {one.other}"
    times = f"{one.count:,} of {count(one.requests, 'response')}"
    return visible(f"{one.request}: {whose}: {times}: {one.example}") + f" [{_of(one)}]"


def _lost(one: LostConnections) -> str:
    times = f"{one.count:,} {one.kind} in {count(one.requests, 'request')}"
    return visible("; ".join(filter(None, (times, one.limit, one.remedy)))) + f" [{_of(one)}]"


def _first(routes: list[RouteTime]) -> str:
    """The routes of a load that hold most of the waiting, where there are several."""
    first = [one for one in routes if one.is_first]
    if not first or len(routes) == 1:
        return ""
    held = share(sum(one.waiting_share for one in first))
    of = f"{len(first)} of {count(len(routes), 'route')} hold {held} of the waiting"
    return visible(f"{of}: {', '.join(one.route for one in first)}") + f" [{_of(first[0])}]"


def _route(one: RouteTime) -> str:
    parts, total_s = one.parts_s, one.response_s or 1.0
    ends = [round(sum(parts[: index + 1]) / total_s * _BAR) for index in range(len(parts))]
    letters = zip(_PARTS, [0, *ends], ends, strict=False)
    bar = "".join(letter * (end - begin) for letter, begin, end in letters)
    largest = [
        f"{letter} {duration(part)}"
        for part, letter in sorted(zip(parts, _PARTS, strict=True), reverse=True)[:3]
        if part > 0
    ]
    held = one.waiting_share
    of = f"; {share(held)} of all waiting" if 0.01 <= held < 1 else ""  # noqa: PLR2004 - else nothing new
    parts_text = ", ".join(largest) + of
    return f"{bar:<{_BAR}} {duration(one.response_s)}: {parts_text} [{_of(one, one.route)}]"


def _cpu(one: CpuDifference) -> str:
    more = f"{one.us_per_request:+,.0f} us a request"
    return visible(f"{more} in {one.function} ({one.group})") + f" [{_of(one)}]"


def _unseen(one: Unseen) -> str:
    return visible(f"{one.file}:{one.line}: {one.message} ({one.rule}) [{one.deployment}]")


def _watched(one: Watched) -> str:
    cost = one.not_watched or f"{rate(one.watched_rps)} while it was watched"
    probe = ""
    if one.probe_idle_s is not None and one.probe_loaded_s is not None:
        loaded = f"{duration(one.probe_loaded_s)} beside the load"
        probe = f"; a request for nothing: {duration(one.probe_idle_s)}, {loaded}"
        probe += ", as long as the others: the server is busy throughout" if one.is_blocked else ""
    slots = f"; {count(one.slots, 'request')} at a time" if one.slots is not None else ""
    return f"{rate(one.plain_rps)}, {visible(cost)}{slots}{probe} [{_of(one)}, {one.level}]"
