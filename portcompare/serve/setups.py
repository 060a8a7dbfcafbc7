"""The plan's commands around an arm: before it is served, and afterwards in any case."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from portcompare.errors import ServerError
from portcompare.plan import Plan
from portcompare.plan.apps import ARM
from portcompare.serve.copies import copy_project, find_copies, find_copy
from portcompare.serve.cpus import CpuAssignment
from portcompare.serve.processes import Supervised, start_supervised
from portcompare.serve.recipe import Recipe, resolve_deployment

COMMAND_LIMIT_S = 600.0  # enough to fill a database

Key = Literal["setup", "teardown", "block_setup", "block_teardown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """What servers run inside of; by default nothing."""

    command: tuple[str, ...] = ()  # in front of a server's own
    environment: Mapping[str, str] = field(default_factory=dict)  # which overrides the plan's
    slower: float = 1.0  # how many times longer a server may take until it is ready


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSetup:
    """An arm about to be served."""

    plan: Plan
    recipe: Recipe
    arm: str
    cpus: tuple[int, ...]  # those that commands may use
    folder: Path  # where the arm's log is
    port: int = 0  # where its server is to listen; 0 for what is done once a run
    wrapper: Wrapper = Wrapper()

    @classmethod
    def of(cls, plan: Plan, arm: str, name: str, *, folder: Path, cpus: CpuAssignment) -> "ArmSetup":
        """An arm that a deployment of the plan serves, given by its name."""
        recipe = resolve_deployment(plan, name)
        return cls(plan=plan, recipe=recipe, arm=arm, cpus=cpus.all_cpus, folder=folder)

    @property
    def copies(self) -> Path:
        """Where copies for this arm are made."""
        return find_copies(self.folder, self.arm)

    def in_copy(self) -> "ArmSetup":
        """The arm in its copy of the app's directory, if the plan wants one."""
        if not self.recipe.app.copy_directory:
            return self
        runtime = self.recipe.runtime
        folders = [Path(each) for each in (str(runtime.directory), *runtime.import_folders)]
        directory, *others = (
            find_copy(each, self.copies) if each.is_relative_to(runtime.directory) else each
            for each in folders
        )
        moved = replace(runtime, directory=directory, import_folders=tuple(map(str, others)))
        return replace(self, recipe=replace(self.recipe, runtime=moved))

    def make_copy(self) -> None:
        """Copy the app's directory, if the plan wants that; raises ServerError."""
        app = self.recipe.app
        if app.copy_directory:
            directory = self.plan.resolve(app.directory)
            try:
                copy_project(directory, find_copy(directory, self.copies))
            except OSError as error:
                where = self.plan.where("apps", str(self.recipe.deployment.app), "copy_directory")
                remedy = "remove what cannot be read, or the key"
                raise ServerError(
                    f"{where}: {directory} could not be copied: {error}\n    {remedy}"
                ) from error

    @property
    def ready_limit_s(self) -> float:
        """How long the server may take until it is ready."""
        return self.recipe.app.ready_timeout_s * self.wrapper.slower

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> Supervised:
        """Start a program of the arm."""
        directory, log_path = self.recipe.runtime.directory, self.folder / f"{self.arm}.log"
        return start_supervised(
            command, directory=directory, environment=environment, cpus=self.cpus, log_path=log_path
        )

    def run(self, key: Key) -> None:
        """Run the commands of a key in their order, up to one that fails, which is a ServerError."""
        for place in range(len(getattr(self.recipe.app, key))):
            self._run_command(key, place)

    def run_between_starts(self) -> None:
        """Run the commands between two starts of the arm's server."""
        self.run("block_teardown")
        self.run("block_setup")

    def run_all(self, key: Key) -> list[str]:
        """Run the commands of a key, each whatever happened to the others; returns the failures."""
        failures = []
        for place in range(len(getattr(self.recipe.app, key))):
            try:
                self._run_command(key, place)
            except ServerError as error:
                failures.append(str(error))
        return failures

    def _run_command(self, key: Key, place: int) -> None:
        """Run a command to its end, and end what it leaves running."""
        line = getattr(self.recipe.app, key)[place].replace(ARM, self.arm)
        directory = self.recipe.runtime.directory
        variables = self.recipe.variables(self.arm) | {"PORTCOMPARE_ARM": self.arm}
        if key == "block_setup":
            variables["PORTCOMPARE_PORT"] = str(self.port)
        # In the environment: others can read arguments (ps).
        process = self.start(
            ["sh", "-c", 'eval "$PORTCOMPARE_COMMAND"'], variables | {"PORTCOMPARE_COMMAND": line}
        )
        try:
            status = process.wait(COMMAND_LIMIT_S)
        finally:
            process.stop()
        if status != 0:
            found = f"ended with status {status}"
            if status is None:
                found = f"did not end within {COMMAND_LIMIT_S:g} s"
            where = self.plan.where("apps", str(self.recipe.deployment.app), key, str(place))
            raise ServerError(
                f"{self.arm}: {where}: {found}\n    command: {line}\n    in {directory}\n{process.show_log()}"
            )


@contextmanager
def prepare_arms(plan: Plan, arms: Mapping[str, str], *, folder: Path, cpus: CpuAssignment) -> Iterator[None]:
    """Run each arm's `setup` now, and its `teardown` at the end of the context, whatever happens within."""
    setups = [ArmSetup.of(plan, arm, name, folder=folder, cpus=cpus) for arm, name in arms.items()]
    with set_up(setups, "setup", "teardown"):
        yield


@contextmanager
def set_up(setups: Iterable[ArmSetup], before: Key, after: Key) -> Iterator[None]:
    """Run the commands before, arm by arm, and at the end those after, the last arm's first.

    Raises ServerError: a command failed. Those after are still run, for each arm for which one was started.
    """
    failures: list[str] = []
    try:
        with ExitStack() as stack:
            for setup in setups:
                stack.callback(lambda arm: failures.extend(arm.run_all(after)), setup)
                setup.run(before)
            yield
    except BaseException as error:
        for failure in failures:
            error.add_note(failure)  # the first error is what ends the run
        raise
    if failures:
        raise ServerError("\n".join(failures))
