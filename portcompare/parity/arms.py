"""One running server as the check asks it: logged in where a case needs it, everything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.login import Kept, LoginFailed, fill, keep_from
from portcompare.parity.answer import Answer
from portcompare.parity.curl import curl_line
from portcompare.parity.send import ask

if TYPE_CHECKING:
    from portcompare.model import LoginStep, RequestSpec

Twice = tuple[Answer, Answer]


class AskedArm:
    """A server, and what its logins have left."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Know a server.

        Args:
            url: Its address, `http://host:port`.
            timeout_s: How long an answer may take, in seconds.
        """
        self._url = url
        self._timeout_s = timeout_s
        self._logins: dict[tuple[LoginStep, ...], Kept | Answer] = {}

    @property
    def failed_logins(self) -> tuple[str, ...]:
        """Which step failed of each login that did, and why."""
        return tuple(left.error for left in self._logins.values() if isinstance(left, Answer))

    def ask_twice(self, case: RequestSpec) -> Twice:
        """Send a case twice in a row; before the first that needs it, log in.

        Args:
            case: What is asked.

        Returns:
            Both answers; if the login fails, twice that there is none.
        """
        kept = self._login(case.login)
        if isinstance(kept, Answer):
            return kept, kept
        request = _filled(case, kept)
        return ask(self._url, request, self._timeout_s), ask(self._url, request, self._timeout_s)

    def curl(self, case: RequestSpec) -> str:
        """A command line that asks this server a case.

        Args:
            case: What was asked.

        Returns:
            The line, with what the login has left; as the plan has it if that failed.
        """
        kept = self._login(case.login)
        return curl_line(self._url, case if isinstance(kept, Answer) else _filled(case, kept))

    def _login(self, steps: tuple[LoginStep, ...]) -> Kept | Answer:
        if steps not in self._logins:
            self._logins[steps] = self._log_in(steps)
        return self._logins[steps]

    def _log_in(self, steps: tuple[LoginStep, ...]) -> Kept | Answer:
        kept = Kept()
        for number, step in enumerate(steps, start=1):
            answer = ask(self._url, fill(step.request, kept), self._timeout_s)
            failure = answer.error
            if answer.status is not None:
                try:
                    kept = keep_from(
                        step, kept, status=answer.status, headers=answer.headers, body=answer.body
                    )
                except LoginFailed as failed:
                    failure = str(failed)
            if failure:
                where = f"login step {number}, {step.request.method} {step.request.target}"
                return Answer(server=answer.server, error=f"{where}: {failure}")
        return kept


def _filled(case: RequestSpec, kept: Kept) -> RequestSpec:
    """Without a login, braces are just braces."""
    return fill(case, kept) if case.login else case
