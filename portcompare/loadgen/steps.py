"""Users in steps, each with lines of its own in Locust's statistics: no figure blends two loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from locust import LoadTestShape, events
from locust.runners import MasterRunner

from portcompare.loadgen.session import DECLARED_TARGETS, feed, session_of
from portcompare.loadgen.webui.routes import show_side_by_side

if TYPE_CHECKING:
    from configargparse import ArgumentParser
    from locust.env import Environment
    from locust.runners import Runner


_MESSAGE: Final = "portcompare_part_begins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One load that is held for a while.

    Attributes:
        users: How many users there are.
        seconds: For how long, in seconds.
    """

    users: int
    seconds: float


class Steps(LoadTestShape):
    """A shape that holds one number of users after the other; a ramp is many short steps.

    Subclass it in a locustfile with `LeanUser` classes:

        class Stairs(Steps):
            steps = (Step(users=8, seconds=30), Step(users=64, seconds=30))

    What is counted in a step has the step behind its name: "/data [step 2: 64 users]". What is counted while
    users come or go, and what was under way then, stands apart: "/data [towards step 2]".

    Attributes:
        steps: The steps.
        settle_s: At least so long at the beginning of a step is counted apart, in seconds; longer than the
            slowest answer takes.
    """

    abstract = True
    steps: ClassVar[tuple[Step, ...]]
    settle_s: ClassVar[float] = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._label = ""

    def tick(self) -> tuple[int, float] | None:
        """Say how many users there are to be; Locust asks every second.

        Returns:
            The users, and how many of them may come or go in a second: all; None at the end.
        """
        run_s, ends_s = self.get_run_time(), 0.0
        for number, step in enumerate(self.steps, 1):
            begins_s, ends_s = ends_s, ends_s + step.seconds
            if run_s < ends_s:
                is_settled = number == self._number and run_s >= begins_s + self.settle_s
                self._number = number
                noun = "user" if step.users == 1 else "users"
                self._begin(
                    f" [step {number}: {step.users} {noun}]" if is_settled else f" [towards step {number}]"
                )
                return step.users, step.users
        return None

    def _begin(self, label: str) -> None:
        if label != self._label:
            self._label = label
            self.runner.send_message(_MESSAGE, label)  # to all workers; without any, to this process itself


@events.init.add_listener
def _listen(runner: Runner, **_: object) -> None:
    """Have the processes with users begin a new part of the count when the shape says so."""
    if not isinstance(runner, MasterRunner):
        runner.register_message(_MESSAGE, lambda environment, msg: _begin_part(environment, msg.data))


def _begin_part(environment: Environment, label: str) -> None:
    session = session_of(environment)
    feed(environment, session)
    session.recorder.label = label


def declare_targets(*names: str) -> None:
    """Give Locust a `--NAME-url` option for each target; users are spread evenly over those that are given.

    Its web UI shows them side by side.

    Locust's own `--host` overwrites the host of every class, so it cannot tell two servers apart.

    Args:
        names: What the statistics call the targets.
    """
    if not DECLARED_TARGETS:
        events.init.add_listener(show_side_by_side)
    for name in names:
        DECLARED_TARGETS[f"{name}_url".replace("-", "_")] = name  # as argparse calls it

    @events.init_command_line_parser.add_listener
    def _add_options(parser: ArgumentParser, **_: object) -> None:
        for name in names:
            if name in DECLARED_TARGETS.values():  # `portcompare ui` knows other addresses
                parser.add_argument(f"--{name}-url", default="", help=f"address of the {name} deployment")
