"""What is being done and how long it will take: a bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from portcompare import units

if TYPE_CHECKING:
    from types import TracebackType

    from portcompare.measure import PagePlace, Place
    from portcompare.wire.protocol import Joined


out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def make_spinner() -> Bar:
    """What shows that something goes on whose steps have no number: a context manager."""
    return Bar(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err, transient=True
    )


class Progress:
    """Shows the steps of a run on standard error; a context manager."""

    def __init__(self, least_rounds: int) -> None:
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._least_rounds = least_rounds
        self._task = self._bar.add_task("checking the plan", total=None)
        self._measured = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show_workers(self, joined: Joined) -> None:
        """Say which load workers have joined."""
        names = ", ".join(joined.workers) or "none yet"
        self._say(f"waiting for load workers at {joined.address}; joined: {names}")

    def start_setup(self) -> None:
        """Say that the commands of the plan are run that come before the first server."""
        self._say("running the setup of each arm")

    def start_servers(self, block: int) -> None:
        """Say that the servers of a block are being started."""
        self._say(f"block {block + 1}: starting servers")

    def start_dry_pass(self, scenario: str) -> None:
        """Say that a scenario's requests are being captured."""
        self._say(f"seeing what {scenario} asks for")

    def start_parity(self, cases: int) -> None:
        """Say that answers are being compared."""
        self._say(f"comparing answers, {cases} cases")
        self._bar.update(self._task, completed=0, total=cases)

    def start_exploring(self, document: str) -> None:
        """Say that requests are being made of an OpenAPI document; how many there will be is not known."""
        self._say(f"comparing answers, cases of {document}")
        self._bar.update(self._task, completed=0, total=None)

    def start_asking_alone(self) -> None:
        """Say that cases that differ are asked again."""
        self._say("asking the cases that differ again, alone on fresh servers")

    def start_block(self, block: int, rounds: int | None) -> None:
        """Say that a block is being measured.

        `rounds`: how many rounds it has; None for a search, which ends when it has found something.
        """
        self._say(f"block {block + 1}: " + ("searching" if rounds is None else f"measuring {rounds} rounds"))
        total = None if rounds is None else max(self._least_rounds, self._measured + rounds)
        self._bar.update(self._task, completed=self._measured, total=total)

    def start_round(self, place: Place, level: str) -> None:
        """Say what is being measured."""
        self._measured += 1
        what = f"block {place.block + 1}: {place.arm}, {place.scenario}, {level}"
        self._bar.update(self._task, description=what)

    def start_visit(self, place: PagePlace) -> None:
        """Say which page is being loaded."""
        condition = f"{units.count(place.users, 'user')} meanwhile" if place.users else "idle"
        what = f"block {place.block + 1}: {place.arm}, page {place.page}, {condition}"
        self._bar.update(self._task, description=what)

    def advance(self) -> None:
        """Say that one case or round is done."""
        self._bar.advance(self._task)

    def _say(self, what: str) -> None:
        self._bar.update(self._task, description=what)
        if not err.is_terminal:
            err.print(what, soft_wrap=True, markup=False)
