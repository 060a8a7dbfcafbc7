"""Every error that portcompare raises on purpose, and the exit codes of its commands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

EXIT_DONE = 0
EXIT_COMPARISON_SAYS_NO = 1
EXIT_BAD_INPUT = 2
EXIT_NOT_VALID = 3
EXIT_INTERRUPTED = 130


class PortcompareError(Exception):
    """The base of all errors that portcompare raises on purpose."""

    exit_code: ClassVar[int] = EXIT_NOT_VALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with the user's input."""

    where: str  # the file and key, or the option
    found: str  # what is wrong
    remedy: str  # what to do about it

    def __str__(self) -> str:
        return f"{self.where}: {self.found}\n    {self.remedy}"


class InputError(PortcompareError):
    """The user's input is wrong; carries all problems, not only the first."""

    exit_code = EXIT_BAD_INPUT

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refuse(where: str, found: str, remedy: str) -> InputError:
    """The error of a single problem."""
    return InputError([Problem(where=where, found=found, remedy=remedy)])


class MeasurementError(PortcompareError):
    """The measurement cannot be valid: a process that is measured, or that measures, failed."""


class ServerError(MeasurementError):
    """A server did not start, died, or never became ready; its last log lines are in the text."""


class WindowMissedError(MeasurementError):
    """A window was over before it could be measured, as the machine stood still meanwhile."""


class LoadGeneratorError(MeasurementError):
    """The load-generator process failed or ended early."""
