"""What a run is doing and how far it is: a bar on a terminal, a line for each step elsewhere."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.segment import Segment

from portcompare.masking import mask_passwords
from portcompare.report.wording import visible, visible_lines


class PlainConsole(Console):
    """A console on which no text can control the terminal, whatever it is of."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as any console does, and write what has no shape as its escape."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield segment._replace(text=visible_lines(segment.text))


out = PlainConsole(highlight=False)
err = PlainConsole(stderr=True, highlight=False)


def make_spinner() -> Bar:
    """Make a context manager that shows activity whose steps have no number."""
    return Bar(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err, transient=True
    )


class Progress:
    """Shows the steps of a run on standard error; a context manager."""

    def __init__(self, *, is_animated: bool = True) -> None:
        self._has_bar = is_animated and err.is_terminal
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=err,
            transient=True,
            disable=not self._has_bar,
        )
        self._task = self._bar.add_task("checking the plan", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def start(self, step: str) -> None:
        """Show a new step."""
        self.show(step)
        if not self._has_bar:
            self.note(step)

    def count(self, total: int | None, completed: int = 0) -> None:
        """Count the parts of the step: how many there are, None if that is not known."""
        (task,) = self._bar.tasks
        if total is not None and total == task.total:  # the estimate of the time that is left goes on
            self._bar.update(self._task, completed=completed)
            return
        self._bar.remove_task(self._task)  # an update cannot make a total unknown
        self._task = self._bar.add_task(task.description, total=total, completed=completed)

    def show(self, part: str) -> None:
        """Show which part of a step is being done; on a terminal only."""
        self._bar.update(self._task, description=visible(part))

    def advance(self, parts: int = 1) -> None:
        """Count parts as done."""
        self._bar.advance(self._task, parts)

    def note(self, line: str) -> None:
        """Print a line that stays."""
        err.print(visible_lines(mask_passwords(line)), soft_wrap=True, markup=False)
