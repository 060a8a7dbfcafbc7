"""The users of the open model: each is a connection that takes requests when they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from portcompare.loadgen.dispatcher import Dispatcher
    from portcompare.loadgen.user import LeanUser


def make_open(user_class: type[LeanUser], dispatcher: Dispatcher) -> type[LeanUser]:
    """Turn users that ask again when they are answered into users that ask when a request is due.

    Args:
        user_class: Says what they ask for; its waiting time does not matter.
        dispatcher: Says when.

    Returns:
        A class of users for Locust; each of them is a connection.
    """

    def ask_when_due(user: LeanUser) -> None:
        user.enter()
        # For ever: Locust's own turn between two tasks would come between an answer and the next request.
        while True:
            user.ask(due_s=dispatcher.take())

    made = cast("type[LeanUser]", type(user_class.__name__, (user_class,), {"abstract": False}))
    made.tasks = [ask_when_due]  # afterwards: Locust adds what is in the body to the tasks of the base
    return made
