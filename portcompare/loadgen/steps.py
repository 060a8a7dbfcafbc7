"""Users in steps, each with lines of its own in Locust's statistics: no figure blends two loads."""

from dataclasses import dataclass
from typing import ClassVar, Final

from configargparse import ArgumentParser
from locust import LoadTestShape, events
from locust.env import Environment
from locust.rpc import Message
from locust.runners import MasterRunner, Runner

from portcompare.loadgen.session import DECLARED_TARGETS, feed, session_of
from portcompare.loadgen.webui.routes import show_side_by_side

_MESSAGE: Final = "portcompare_label"


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
            slowest response takes.
    """

    abstract = True
    steps: ClassVar[tuple[Step, ...]]
    settle_s: ClassVar[float] = 1.0

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    def tick(self) -> tuple[int, float] | None:
        """The users there are to be, and how many of them may come or go in a second; None at the end."""
        run_s, ends_s = self.get_run_time(), 0.0
        for number, step in enumerate(self.steps, 1):
            begins_s, ends_s = ends_s, ends_s + step.seconds
            if run_s < ends_s:
                is_settled = number == self._number and run_s >= begins_s + self.settle_s
                self._number = number
                noun = "user" if step.users == 1 else "users"
                settled = f" [step {number}: {step.users} {noun}]"
                label = settled if is_settled else f" [towards step {number}]"
                # To all workers, again and again: some may join later. Without any, to this process itself.
                self.runner.send_message(_MESSAGE, label)
                return step.users, step.users
        return None


@events.init.add_listener
def _listen(runner: Runner, **_: object) -> None:
    """Have the processes with users count under another label when the shape says so."""

    def set_label(environment: Environment, msg: Message) -> None:
        session = session_of(environment)
        if session.recorder.label != msg.data:
            feed(environment, session)
            session.recorder.label = msg.data

    if not isinstance(runner, MasterRunner):
        runner.register_message(_MESSAGE, set_label)


def declare_targets(*names: str) -> None:
    """Give Locust a `--NAME-url` option for each target; users are spread evenly over those that are given.

    Its web UI shows them side by side. Locust's own `--host` overwrites the host of every class, so it cannot
    tell two servers apart.

    Args:
        names: The targets' names in the statistics.
    """
    if not DECLARED_TARGETS:
        events.init.add_listener(show_side_by_side)
    for name in names:
        DECLARED_TARGETS[f"{name}_url".replace("-", "_")] = name  # as argparse names it

    @events.init_command_line_parser.add_listener
    def _add_options(parser: ArgumentParser, **_: object) -> None:
        for name in names:
            if name in DECLARED_TARGETS.values():  # `portcompare ui` knows other addresses
                parser.add_argument(f"--{name}-url", default="", help=f"address of the {name} deployment")
