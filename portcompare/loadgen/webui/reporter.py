"""Reports each second of a test from a process with users; where the process is alone, to itself."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from portcompare.loadgen.session import COUNTED
from portcompare.loadgen.webui.reports import TYPE, SecondReport, make_cells
from portcompare.wire.protocol import encode

if TYPE_CHECKING:
    from locust.env import Environment

    from portcompare.loadgen.figures import Tally
    from portcompare.loadgen.session import Session


class Reporter:
    """Sends what was counted whenever Locust's statistics are fed, which is once a second and at the end."""

    def __init__(self, environment: Environment, test: int | None = None) -> None:
        """Begin to report.

        `test`: number of the test; None where nobody gives any, and each start of a test begins anew.
        """
        self._environment = environment
        self._test = test
        self._begin()
        COUNTED.add_listener(self._report)
        if test is None:
            environment.events.test_start.add_listener(self._begin)

    def stop(self) -> None:
        """Report no more."""
        COUNTED.remove_listener(self._report)

    def _begin(self, **_: object) -> None:
        self._second = 0
        self._since_s = perf_counter()

    def _report(
        self,
        *,
        environment: Environment,
        session: Session,
        tallies: dict[tuple[str, str], Tally],
        **_: object,
    ) -> None:
        if environment is not self._environment:
            return
        now_s = perf_counter()
        report = SecondReport(
            test=self._test,
            second=self._second,
            length_s=now_s - self._since_s,
            cells=make_cells(tallies, session.lines, session.recorder.label),
        )
        self._second += 1
        self._since_s = now_s
        environment.runner.send_message(TYPE, encode(report))
