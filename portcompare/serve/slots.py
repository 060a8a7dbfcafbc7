"""How many requests a server handles at once: several are sent together, and each one's end is looked at."""

import asyncio
from collections import Counter
from http import HTTPStatus
from math import inf

from portcompare.errors import MeasurementError
from portcompare.http.sending import Sender
from portcompare.records.requests import RequestSpec
from portcompare.serve.running import RunningServer

MOST_TOGETHER = 64
LEAST_HELD_S = 0.02  # a shorter request ends too soon to tell which ended together

# Of the time of a request alone: until then those end that were handled at once, the next only after that.
_TOGETHER, _LATER = 1.4, 1.6
_TRIES = 3  # of which two must agree on a limit
_SERIAL = 0.9  # of the time of all one after the other

_MOST_CPU_SHARE = 0.5  # of one CPU; above it, that may be why requests wait


def observe_slots(
    server: RunningServer, request: RequestSpec, *, most: int = MOST_TOGETHER, limit_s: float = 10.0
) -> int | None:
    """Find how many of a request an idle server handles at once: fewer than `most`, and than `MOST_TOGETHER`.

    Sends 1, 2, 4 and so on together, until not all end in about the time of one. A limit is one only if it is
    seen twice, with the others one such time later, and the server's CPU idle for the most part.

    `limit_s`: how long that may take. Returns None if there is no limit, or it is not clear.
    """
    most = min(most, MOST_TOGETHER)
    return asyncio.run(_observe(server, request, most, limit_s)) if most > 1 else None


async def _observe(server: RunningServer, request: RequestSpec, most: int, limit_s: float) -> int | None:
    try:
        async with asyncio.timeout(limit_s):
            held_s = min([(await _send_together(server, request, 1))[0] for _ in range(3)])
            number = 1
            while held_s >= LEAST_HELD_S and number < most:
                number = min(2 * number, most)
                limit = await _find_limit(server, request, number, held_s)
                if limit != number:
                    return limit
    except (TimeoutError, OSError, MeasurementError):
        pass
    return None


async def _find_limit(server: RunningServer, request: RequestSpec, number: int, held_s: float) -> int | None:
    """How many of several requests are handled at once; None if that is not clear."""
    seen = Counter[int]()
    for _ in range(_TRIES):
        first = await _count_first(server, request, number, held_s)
        seen[first] += 1
        if first == number or (seen[first] > 1 and first >= number // 2):
            return first
    return None


async def _count_first(server: RunningServer, request: RequestSpec, number: int, held_s: float) -> int:
    """How many of several requests end in about the time of one; 0 if that is not clear."""
    before = server.usage()
    took_s = sorted(await _send_together(server, request, number))
    after = server.usage()
    first = sum(each <= _TOGETHER * held_s for each in took_s)
    if first == number:
        return number
    if before is None or after is None or after.cpu_s - before.cpu_s > _MOST_CPU_SHARE * took_s[-1]:
        return 0
    # One after the other; an event loop that is blocked may send the responses later than it has them.
    if took_s[-1] >= _SERIAL * number * held_s:
        return 1
    return first if took_s[first] >= _LATER * held_s else 0


async def _send_together(server: RunningServer, request: RequestSpec, number: int) -> list[float]:
    """Send a request over several new connections at once; returns how long each took, in seconds.

    Raises OSError: it cannot connect. Raises MeasurementError: a response is an error, malformed or missing.
    """
    senders = [Sender(server.url, timeout_s=inf) for _ in range(number)]
    try:
        for sender in senders:
            await sender.connect()
        clock = asyncio.get_running_loop().time
        began_s = clock()

        async def take(sender: Sender) -> float:
            response = await sender.send(request)
            if (response.status or 0) >= HTTPStatus.BAD_REQUEST:
                raise MeasurementError(f"the status was {response.status}")
            return clock() - began_s

        return list(await asyncio.gather(*map(take, senders)))
    finally:
        for sender in senders:
            sender.close()
