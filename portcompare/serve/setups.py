"""What the plan wants done for an arm before it is served, and afterwards whatever happened."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from portcompare.errors import ServerError
from portcompare.plan import Plan
from portcompare.plan.apps import ARM
from portcompare.serve.processes import Command
from portcompare.serve.recipe import Recipe, resolve_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portcompare.serve.cpus import CpuAssignment

Key = Literal["setup", "teardown", "block_setup", "block_teardown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is done for one arm."""

    before: tuple[Command, ...]  # The commands before it is served
    after: tuple[Command, ...]  # The commands afterwards

    def repeat(self) -> None:
        """Do it all again, as for a second start.

        Raises ServerError: A command failed.
        """
        for command in (*self.after, *self.before):
            command.run()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSetup:
    """An arm about to be served, and what the plan wants done for it."""

    plan: Plan  # The plan
    recipe: Recipe  # The arm's deployment
    arm: str  # Name of the arm
    cpus: tuple[int, ...]  # The CPUs that commands may use
    folder: Path  # Where the arm's log is

    @property
    def log_path(self) -> Path:
        """Where all that runs for the arm logs to."""
        return self.folder / f"{self.arm}.log"

    def for_run(self) -> Setup:
        """What is done once in a run."""
        return Setup(before=self._commands("setup"), after=self._commands("teardown"))

    def for_block(self, port: int) -> Setup:
        """What is done each time its server is started."""
        return Setup(
            before=self._commands("block_setup", PORTCOMPARE_PORT=str(port)),
            after=self._commands("block_teardown"),
        )

    def _commands(self, key: Key, **variables: str) -> tuple[Command, ...]:
        environment = self.recipe.environment(self.arm) | {"PORTCOMPARE_ARM": self.arm} | variables
        return tuple(
            Command(
                where=self.plan.where("apps", str(self.recipe.deployment.app), key, str(place)),
                line=line.replace(ARM, self.arm),
                arm=self.arm,
                directory=self.recipe.surroundings.directory,
                environment=environment,
                cpus=self.cpus,
                log_path=self.log_path,
            )
            for place, line in enumerate(getattr(self.recipe.app, key))
        )


@contextmanager
def prepare_arms(plan: Plan, arms: Mapping[str, str], *, folder: Path, cpus: CpuAssignment) -> Iterator[None]:
    """Run each arm's `setup` now, and its `teardown` at the end of the context, whatever happens within.

    Raises ServerError: A command failed.
    """
    with set_up(
        ArmSetup(
            plan=plan, recipe=resolve_deployment(plan, name), arm=arm, cpus=cpus.everyone, folder=folder
        ).for_run()
        for arm, name in arms.items()
    ):
        yield


@contextmanager
def set_up(setups: Iterable[Setup]) -> Iterator[None]:
    """Run the commands before, one arm after the other, and those after in the opposite order of the arms.

    Raises ServerError: A command failed. Those after are run nevertheless, all of them, for each arm for
    which anything was begun.
    """
    failures: list[str] = []
    try:
        with ExitStack() as stack:
            for setup in setups:
                for command in reversed(setup.after):
                    stack.callback(_run_noting, command, failures)
                for command in setup.before:
                    command.run()
            yield
    except BaseException as error:
        for failure in failures:
            error.add_note(failure)  # what went wrong first is what ends the run
        raise
    if failures:
        raise ServerError("\n".join(failures))


def _run_noting(command: Command, failures: list[str]) -> None:
    try:
        command.run()
    except ServerError as error:
        failures.append(str(error))
