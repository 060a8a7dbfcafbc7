"""Where a page's time goes: the wait for the largest paint, cut into parts, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.pages import PagePart, spent_s
from portcompare.units import count, duration, share, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portcompare.manifest import Ceiling
    from portcompare.pages import Exchange, PageLoad, Stage

_SERVER: tuple[Stage, ...] = ("handler", "queue", "server")


def find_parts(load: PageLoad) -> tuple[PagePart, ...]:
    """Cut a load into its parts.

    The page is asked for, answered and received; then its script asks for what is to be shown, which is
    answered and received; then it is painted. Where the largest paint waited for no such answer, the middle
    is left out.

    Args:
        load: A load.

    Returns:
        The parts from its start to its largest paint, in their order and without a gap; those of no length
        are left out. Empty if the load failed.
    """
    if load.document is None or load.lcp_s is None:
        return ()
    parts: list[PagePart] = []
    reached_s = 0.0
    for stage, what, until_s in _boundaries(load.document, load.answer, load.lcp_s):
        end_s = min(max(until_s, reached_s), load.lcp_s)
        if end_s > reached_s:
            parts.append(PagePart(stage=stage, what=what, start_s=reached_s, end_s=end_s))
        reached_s = end_s
    return tuple(parts)


def _boundaries(
    document: Exchange, answer: Exchange | None, lcp_s: float
) -> Iterator[tuple[Stage, str, float]]:
    """Each part's stage, name and end; a browser may do things at once, so an end may lie before another."""
    yield "network", "connect", document.asked_s
    yield from _exchanged(document, "page")
    if answer is not None:
        yield "client", "run the script", answer.asked_s
        yield from _exchanged(answer, "answer")
    yield "client", "render", lcp_s


def _exchanged(exchange: Exchange, name: str) -> Iterator[tuple[Stage, str, float]]:
    if exchange.handler_s is None:
        yield "server", f"wait for the {name}", exchange.first_byte_s
    else:
        yield "queue", f"wait for the {name}'s handler", exchange.first_byte_s - exchange.handler_s
        yield "handler", f"handle the {name}", exchange.first_byte_s
    yield "network", f"download the {name}", exchange.ended_s


def find_bottleneck(parts: Sequence[PagePart], load: PageLoad, users: int, ceiling: Ceiling) -> str:
    """Say where most of a page's time goes.

    Args:
        parts: The parts of the load.
        load: The load.
        users: How many users the server had to serve meanwhile; 0 for none.
        ceiling: How many requests the server holds in handlers at once.

    Returns:
        A sentence; empty without parts.
    """
    if not parts or load.lcp_s is None:
        return ""
    took_s = {stage: spent_s(parts, stage) for stage in ("handler", "queue", "server", "network", "client")}
    server_s = sum(took_s[stage] for stage in _SERVER)
    whose, most_s = max(
        (
            ("the server's", server_s),
            ("the network's", took_s["network"]),
            ("the browser's", took_s["client"]),
        ),
        key=lambda one: one[1],
    )
    told = f"{share(most_s / load.lcp_s)} of the wait of {duration(load.lcp_s)} is {whose}"
    if whose == "the network's":
        received = sum(one.received_bytes for one in (load.document, load.answer) if one is not None)
        return f"{told}: to connect and to transfer {size(received)}"
    if whose == "the browser's":
        return f"{told}: to run scripts, to lay out and to paint"
    if took_s["handler"] == took_s["queue"] == 0:
        return f"{told}: in its queue or its handler, which it does not tell apart"
    handler, queue = duration(took_s["handler"]), duration(took_s["queue"])
    if took_s["handler"] >= took_s["queue"]:
        return f"{told}: {handler} in handlers, {queue} around them"
    return f"{told}: {queue} around the handlers{_who_waits(users, ceiling)}, {handler} in them"


def _who_waits(users: int, ceiling: Ceiling) -> str:
    if not users:
        return ""
    if ceiling.slots is None:
        return f", while {count(users, 'user')} wait as well"
    waiting = f", as {count(users, 'user')} wait for {count(ceiling.slots, ceiling.noun)}"
    return waiting if users >= ceiling.slots else ""
