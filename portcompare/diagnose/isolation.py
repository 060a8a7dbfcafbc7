"""Isolation: does a user ever receive what belongs to another user?

All users send their requests one after the other first: what the responses to one user always hold, and those
to no other ever do, are the user's marks. Then all send at once, and a response with a mark of another user
is a leak. Two kinds need no load: who logged in last decides what all receive, or who sends first, as where a
cache mistakes one user for another. So two users take turns at being first, with requests that no cache knows
yet, and on servers that are started afresh.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from random import Random
from typing import Final
from uuid import uuid4

from portcompare.diagnose.received import Judge, Received
from portcompare.diagnose.users import MARKER, MOST_USERS, User, find_users, with_marker, words_of
from portcompare.errors import MeasurementError
from portcompare.http.login import Kept
from portcompare.http.requests import with_query
from portcompare.http.responses import Response
from portcompare.http.sending import Sender
from portcompare.records.diagnosis import Leak
from portcompare.records.requests import LoginStep, RequestSpec
from portcompare.serve import RunningServer

CONNECTIONS: Final = 32
LOAD_S: Final = 3.0
ALONE: Final = 3  # So often a user sends each request right after its login
SEQUENTIAL_S: Final = 2.0  # No further user is taken when those before it took as long
TIMEOUT_S: Final = 10.0  # Of a response

_UNSEEN: Final = 3  # So often a user sends a request that a cache may keep
_TURNS: Final = 3  # So often two users change places to be first
_PAUSE_S: Final = 0.05  # After a failure

Serve = Callable[[], AbstractContextManager[RunningServer]]
_Order = Mapping[str, Sequence[Response]]  # By label: the responses to one user, and then to another


def find_leaks(
    scenario: str,
    requests: Sequence[RequestSpec],
    login: Sequence[Sequence[LoginStep]],
    serve: Serve,
    *,
    load_s: float = LOAD_S,
) -> tuple[list[Leak], tuple[str, ...]]:
    """Find responses that hold what belongs to another user; and what was not compared, and why.

    Of each request one leak is returned, with the first pair of users and the number of all such responses.

    `requests`: the scenario's; only GET and HEAD are sent. `login`: its steps, with their variants by user.
    `serve`: starts a fresh server, up to four times; one that runs already is given as it is.
    Raises ServerError: a server did not start, or died.
    """
    users = find_users(requests, login)
    if not users:
        return [], ("isolation was not compared: the scenario has no GET or HEAD request",)
    received = Received()
    with serve() as server:
        alike = asyncio.run(_compare(received, users, server.url, load_s))
        _vary_order(received, lambda: nullcontext(server), is_fresh=False)
    if server.process is None:
        received.notes.append("what a cache held before was not compared: the server runs already")
    else:
        _vary_order(received, serve, is_fresh=True)
    if unknown := [label for label in alike if label not in received.leaks]:
        received.notes.append(f"nothing in the responses to {', '.join(unknown)} distinguishes the users")
    found = [
        Leak(
            deployment=server.deployment,
            scenario=scenario,
            request=label,
            user=received.examples[label][0],
            other=received.examples[label][1],
            count=count,
            requests=received.sent[label],
            example=received.examples[label][2],
        )
        for label, count in received.leaks.most_common()
    ]
    return found, tuple(received.notes)


async def _compare(received: Received, users: list[User], url: str, load_s: float) -> list[str]:
    """Compare all that load shows on one server; returns the requests of which it can show nothing."""
    notes = received.notes
    try:
        with closing(Sender(url, TIMEOUT_S)) as sender:
            if len(users) == 1:
                notes.append("one user: isolation was compared by markers in headers, cookie and query")
                users = await _give_markers(users[0], sender)
            await _observe(received, users, sender)
            number = len(received.users)
            if number < len(users):
                notes.append(f"isolation was compared among {number} of {len(users)} users")
            if number <= 1 or not received.labels:
                return []
            judge = Judge(received=received, marks=received.find_marks())
            await _load(judge, url, load_s)
            await judge.add_leaks(sender)
    except MeasurementError as error:
        notes.append(f"isolation was not compared to its end: {error}")
        return []
    notes += [f"under load {number} responses {what}" for what, number in judge.strange.items()]
    return [label for label in received.labels if not judge.marks[label]]


async def _give_markers(user: User, sender: Sender) -> list[User]:
    """Users that differ only in a marker; a request whose status it changes is left out."""
    user.kept = await sender.log_in(user.login)

    async def find_changed(other: User) -> frozenset[str]:
        changed = set()
        for label in other.requests:
            pair = [await sender.send(each.filled(label)) for each in (user, other)]
            if pair[0].status != pair[1].status:
                changed.add(label)
        return frozenset(changed)

    plain = await find_changed(with_marker(user, 0, plain=frozenset()))
    refused = await find_changed(with_marker(user, 0, plain=plain)) if plain else plain
    kept = {label: request for label, request in user.requests.items() if label not in refused}
    return [with_marker(replace(user, requests=kept), n + 1, plain=plain) for n in range(MOST_USERS)]


async def _observe(received: Received, users: Sequence[User], sender: Sender) -> None:
    """Send the requests of all users one after the other: of each right after its login, and later again."""
    began_s = time.monotonic()
    logins: dict[tuple[LoginStep, ...], Kept] = {}
    received.labels = [*dict.fromkeys(label for user in users for label in user.requests)]
    for place, user in enumerate(users[:MOST_USERS]):
        if place > 1 and time.monotonic() - began_s > SEQUENTIAL_S:
            break
        if user.login not in logins:
            logins[user.login] = await sender.log_in(user.login)
        user.kept = logins[user.login]
        received.users.append(user)
        for _ in range(ALONE):
            for label, words in (await received.send_each(sender, place, received.labels)).items():
                received.alone[label, place].append(words)
    await received.send_in_rounds(sender)


async def _load(judge: Judge, url: str, load_s: float) -> None:
    """Have all users send at once, each over some connections of its own."""
    users, until_s = judge.received.users, time.monotonic() + load_s
    random = Random(0)  # noqa: S311 - an order, no secret

    async def send(place: int) -> None:
        user, sender = users[place], Sender(url, TIMEOUT_S)
        filled = {label: user.filled(label) for label in judge.received.labels if label in user.requests}
        while filled and time.monotonic() < until_s:
            label = random.choice([*filled])
            try:
                judge.judge(label, place, await sender.send(filled[label]))
            except MeasurementError:
                judge.strange["did not come"] += 1
                sender.close()
                await asyncio.sleep(_PAUSE_S)
        sender.close()

    numbers = range(max(CONNECTIONS, len(users)))
    await asyncio.gather(*(send(number % len(users)) for number in numbers))


def _vary_order(received: Received, serve: Serve, *, is_fresh: bool) -> None:
    """Find responses that depend only on which user is first; as a rule two turns show that none do."""
    if len(received.users) <= 1:
        return
    orders: list[_Order] = []
    try:
        for turn in range(_TURNS):
            with serve() as server:
                orders.append(asyncio.run(_send_in_order(received, server.url, turn, is_fresh=is_fresh)))
            decided = _find_decided(orders) if turn else {}
            if turn and not decided:
                return
    except MeasurementError as error:
        received.notes.append(f"who logs in and sends first was not varied: {error}")
        return
    last = len(received.users) - 1
    for label, word in decided.items():
        is_first = any(word in words for words in received.alone[label, 0])
        responses = orders[0][label][_UNSEEN:] if is_first else orders[0][label][:_UNSEEN]
        # If load has shown no leak, what was sent then does not count.
        received.sent[label] = len(responses) + received.sent[label] * (label in received.leaks)
        for response in responses:
            received.add_leak(label, *((last, 0) if is_first else (0, last)), response, word)


async def _send_in_order(received: Received, url: str, turn: int, *, is_fresh: bool) -> _Order:
    """Have the first user log in and send requests before the last one; in the second turn after it.

    No cache knows the requests: of a server that is not fresh as their query has a value of its own.
    """
    users, value = [received.users[0], received.users[-1]], f"{MARKER}-{uuid4().hex}"
    labels = [label for label in received.labels if all(label in user.requests for user in users)]
    order: dict[str, list[Response]] = {label: [] for label in labels}
    if turn == 1:
        users.reverse()
    with closing(Sender(url, TIMEOUT_S)) as sender:
        for user in users:
            user.kept = await sender.log_in(user.login)
        for user in users:
            # All requests by turns: what shows the latest visitor shows the first time who was here before.
            for label in labels * _UNSEEN:
                request = user.filled(label)
                response = await sender.send(request if is_fresh else with_query(request, MARKER, value))
                sender.close()
                order[label].append(response)
    return {
        label: responses
        for label, responses in order.items()
        if {response.status for response in responses} <= received.statuses[label, 0]
    }


def _find_decided(orders: Sequence[_Order]) -> dict[str, str]:
    """By label, a word of each response when the first user is first, where else is another one."""
    found = {}
    for label in set.intersection(*(set(each) for each in orders)):
        words = [
            [{word for word in words_of(response) if not word.startswith(MARKER)} for response in each[label]]
            for each in orders  # without what repeats the query
        ]
        always = [set.intersection(*each) for each in words]
        once = [set.union(*each) for each in words]
        first = always[0].intersection(*always[2:]) - once[1]
        if first and always[1].difference(once[0], *once[2:]):
            found[label] = min(first)
    return found
