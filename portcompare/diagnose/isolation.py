"""Isolation: does a user ever receive what belongs to another user?

All users send their requests one after the other first: what the responses to one user always hold, and those
to no other ever do, are the user's marks. Then all send at once, and a response with a mark of another user
is a leak. Two kinds need no load. Where who logged in last decides what all receive, logging in again brings
a user's marks back. Where who sends first decides, a cache takes one user for another: that is tried with
requests that no cache knows yet, and on servers that are started afresh.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from random import Random
from typing import Final
from uuid import uuid4

from portcompare.diagnose.received import NUMBER, Judge, Received
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
_LOGINS: Final = 3  # So often two users log in in turn
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
        asyncio.run(_compare(received, users, server.url, load_s))
        _try_orders(received, lambda turn: asyncio.run(_send_in_order(received, server.url, turn, MARKER)))
    if server.process is None:
        received.notes.append("what a cache held before was not compared: the server runs already")
    else:
        _try_orders(received, lambda turn: _send_afresh(received, serve, turn))
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


async def _compare(received: Received, users: list[User], url: str, load_s: float) -> None:
    """Compare all that can be compared on one server."""
    try:
        with closing(Sender(url, TIMEOUT_S)) as sender:
            if len(users) == 1:
                received.notes.append(
                    "one user: isolation was compared by markers in headers, cookie and query"
                )
                users = await _give_markers(users[0], sender)
            await _observe(received, users, sender)
            if len(received.users) < len(users):
                received.notes.append(
                    f"isolation was compared among {len(received.users)} of {len(users)} users"
                )
            if len(received.users) <= 1 or not received.labels:
                return
            await _find_decided_by_last(received, sender)
            judge = Judge(received=received, marks=received.find_marks())
            await _load(judge, url, load_s)
            await judge.add_leaks(sender)
    except MeasurementError as error:
        received.notes.append(f"isolation was not compared to its end: {error}")
        return
    received.notes += [f"under load {number} responses {what}" for what, number in judge.strange.items()]
    alike = [label for label in received.labels if not judge.marks[label] and label not in received.leaks]
    if alike:
        received.notes.append(f"nothing in the responses to {', '.join(alike)} tells the users apart")


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


async def _find_decided_by_last(received: Received, sender: Sender) -> None:
    """Find responses to the first user that become the last user's when that one logs in."""
    last = len(received.users) - 1
    users = received.users[0], received.users[last]
    if users[0].login == users[1].login:
        return
    for label in [*received.labels]:
        own, theirs = (
            {
                word
                for word in frozenset.intersection(*received.alone[label, place])
                if not NUMBER.search(word)  # which may count the users that have logged in
            }.difference(*received.alone[label, other])
            for place, other in ((0, last), (last, 0))
        )
        if not own or any(own & words for words in received.later[label, 0]):
            continue
        responses = []
        for user in users * _LOGINS:
            user.kept = await sender.log_in(user.login)
            responses.append(await received.fetch(sender, label, 0))
        befores, afters = responses[::2], responses[1::2]
        if all(own & words_of(each) for each in befores) and all(
            theirs & words_of(each) and not own & words_of(each) for each in afters
        ):
            received.labels.remove(label)
            for response in afters:
                received.add_leak(label, 0, last, response, min(theirs & words_of(response)))
            received.sent[label] = len(afters)


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


async def _send_in_order(received: Received, url: str, turn: int, parameter: str = "") -> _Order:
    """Have the first user send requests and then the last one; in the second turn the other way round.

    `parameter`: of a query that no cache knows; empty where the server is fresh, and knows no login either.
    """
    places, value = (0, len(received.users) - 1), f"{MARKER}-{uuid4().hex}"
    common = set(received.users[0].requests) & set(received.users[-1].requests)
    order: dict[str, list[Response]] = {label: [] for label in received.labels if label in common}
    with closing(Sender(url, TIMEOUT_S)) as sender:
        for place in () if parameter else places:
            received.users[place].kept = await sender.log_in(received.users[place].login)
        for place in places if turn != 1 else reversed(places):
            # All requests by turns: what shows the latest visitor shows the first time who was here before.
            for label in [*order] * _UNSEEN:
                request = received.users[place].filled(label)
                response = await sender.send(with_query(request, parameter, value) if parameter else request)
                sender.close()
                order[label].append(response)
    return {
        label: responses
        for label, responses in order.items()
        if {response.status for response in responses} <= received.statuses[label, 0]
    }


def _find_decided_by_first(orders: Sequence[_Order]) -> dict[str, str]:
    """By label, a word of each response when the first user sends first, where else is another one."""
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


def _try_orders(received: Received, send: Callable[[int], _Order]) -> None:
    """Find responses that are those of whoever sends first; as a rule two turns show that none are."""
    if len(received.users) <= 1:
        return
    try:
        orders = [send(0), send(1)]
        if not _find_decided_by_first(orders):
            return
        found = _find_decided_by_first([*orders, send(2)])
    except MeasurementError as error:
        received.notes.append(f"who sends first was not varied: {error}")
        return
    for label, word in found.items():
        received.sent[label] *= (
            label in received.leaks
        )  # else what was sent at once has nothing to do with it
        for response in orders[0][label][_UNSEEN:]:
            received.sent[label] += 1
            if word in words_of(response):
                received.add_leak(label, len(received.users) - 1, 0, response, word)


def _send_afresh(received: Received, serve: Serve, turn: int) -> _Order:
    with serve() as server:
        return asyncio.run(_send_in_order(received, server.url, turn))
