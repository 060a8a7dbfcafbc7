"""A run that is started from the web UI."""

import os
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from portcompare.errors import EXIT_COMPARISON_SAYS_NO, EXIT_DONE, EXIT_NOT_VALID
from portcompare.plan import Plan
from portcompare.records.run_summary import REPORT_FILE
from portcompare.run.comparison import name_run_folder
from portcompare.run.narrowing import Narrowing
from portcompare.serve import start_supervised
from portcompare.wire.protocol import LiveSettings, RunState

_WITH_REPORT = (EXIT_DONE, EXIT_COMPARISON_SAYS_NO, EXIT_NOT_VALID)


class BackgroundRun:
    """A `portcompare run` in a process of its own, with its own servers."""

    def __init__(self, plan: Plan, settings: LiveSettings, *, cpus: Iterable[int], folder: Path) -> None:
        """Start it.

        `folder`: where its output goes.
        """
        is_open = settings.model == "open"
        narrowing = Narrowing(
            scenarios=settings.scenarios,
            arms=settings.arms,
            users=None if is_open else settings.users,
            rate_rps=settings.rate_rps if is_open else None,
            delay_s=settings.delay_s,
        )
        self._folder = name_run_folder(plan.name, datetime.now(UTC))
        self._command = ["run", str(plan.path), *narrowing.options()]
        self._process = start_supervised(
            [sys.executable, "-m", "portcompare", *self._command, "--out", str(self._folder)],
            directory=Path.cwd(),
            environment=os.environ,
            cpus=cpus,
            log_path=folder / "run.log",
        )

    @property
    def state(self) -> RunState:
        """Its progress."""
        status = self._process.poll()
        is_done = status in _WITH_REPORT and (self._folder / REPORT_FILE).exists()
        return RunState(
            command=f"portcompare {shlex.join(self._command)}",
            state="running" if status is None else "done" if is_done else "failed",
            progress=self._process.log_tail(1).strip() or "starting",
            folder=self._folder.name,
        )

    def stop(self) -> None:
        """Stop it; what was measured is kept."""
        self._process.stop()
