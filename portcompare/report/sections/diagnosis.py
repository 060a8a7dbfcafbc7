"""A diagnosis in words: what blocks, what waits, what is wrong, and where the time goes."""

from portcompare.records.diagnosis import Blocking, Diagnosis, Mistake, RouteTime, Site, Waiting, Watched
from portcompare.report.wording import TextTable, visible
from portcompare.units import duration, rate, share

_NOTHING = "Nothing was seen to hold up an event loop under this load."
_PARTS = ("queued", "loop busy", "waiting", "upstream", "computing", "network")


def diagnosis_tables(found: Diagnosis) -> tuple[TextTable, ...]:
    """What was found, what costs most first."""
    tables = (
        TextTable(
            title="What blocks the event loop",
            note="Meanwhile no other request goes on.",
            header=("Place", "Deployment, scenario", "Route", "Call", "Times", "In all", "Longest", "Why"),
            rows=tuple(map(_blocking, found.blocking)),
        ),
        TextTable(
            title="What requests queue for",
            note="",
            header=("Place", "Deployment, scenario", "Route", "Call", "Share of the time", "Longest", "Why"),
            rows=tuple(
                (
                    _place(one),
                    _where(one),
                    visible(one.route),
                    visible(one.call),
                    share(one.share),
                    duration(one.longest_s),
                    visible(one.reason),
                )
                for one in found.waiting
            ),
        ),
        TextTable(
            title="Mistakes",
            note="",
            header=("Place", "Deployment, scenario", "Call", "Why"),
            rows=tuple(
                (_place(one), _where(one), visible(one.call), visible(one.reason)) for one in found.mistakes
            ),
        ),
        TextTable(
            title="Where the time of a response goes",
            note="Means. A request is queued until its handler begins; all but network is the server's.",
            header=("Route", "Deployment, scenario", "Response", *_PARTS),
            rows=tuple(map(_route, found.routes)),
        ),
        TextTable(
            title="What was watched",
            note="The rate beside instruments shows what watching costs.",
            header=(
                "Deployment",
                "Scenario",
                "Load",
                "Rate",
                "Watched",
                "Probe, idle",
                "under load",
            ),
            rows=tuple(map(_watched, found.watched)),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _place(one: Site) -> str:
    return visible(f"{one.file}:{one.line}" + (f" in {one.function}" if one.function else ""))


def _where(one: Blocking | Mistake | Waiting) -> str:
    return visible(f"{one.deployment}, {one.scenario}")


def _blocking(one: Blocking) -> tuple[str, ...]:
    if not one.count:
        return (_place(one), _where(one), "", visible(one.call), "not seen", "", "", visible(one.reason))
    times = (f"{one.count:,}", duration(one.total_s), duration(one.longest_s))
    return (_place(one), _where(one), visible(one.route), visible(one.call), *times, visible(one.reason))


def _route(one: RouteTime) -> tuple[str, ...]:
    parts = (one.queued_s, one.blocked_s, one.waited_s, one.upstream_s, one.computed_s, one.network_s)
    total_s = one.response_s
    shown = (f"{duration(part)} ({share(part / total_s)})" if total_s else "" for part in parts)
    return (visible(one.route), visible(f"{one.deployment}, {one.scenario}"), duration(total_s), *shown)


def _watched(one: Watched) -> tuple[str, ...]:
    slower = f"{rate(one.watched_rps)} ({share(one.watched_rps / one.plain_rps)})" if one.plain_rps else ""
    idle, loaded = (
        duration(each) if each is not None else "" for each in (one.probe_idle_s, one.probe_loaded_s)
    )
    return (
        visible(one.deployment),
        visible(one.scenario),
        one.level,
        rate(one.plain_rps),
        one.not_watched or slower,
        idle,
        loaded,
    )
