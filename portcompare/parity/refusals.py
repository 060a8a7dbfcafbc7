"""What keeps a server from responding as it should: a login that does not work, a limit, an expired token."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from portcompare.errors import InputError, Problem
from portcompare.http.responses import Response
from portcompare.parity.bodies import decode
from portcompare.parity.cases import SAFE_METHODS
from portcompare.parity.checker import CaseResult, Step
from portcompare.parity.sending import PASSWORD_FIELD, ArmClient
from portcompare.parity.url_variants import shape_of
from portcompare.records.requests import RequestSpec
from portcompare.records.rounds import BASELINE

_LOGIN_PATH = re.compile(r"(?i)(^|[/_-])((log-?in|sign-?in|sso)([/_.-]|$)|auth/?$)")

_REDIRECTION = 3  # the first digit of its status
_TOO_MANY = 429
_EXPIRED = (401, 403)  # of a login or token, where the same request has worked before
_MOST_ANONYMOUS = 5  # requests that are sent without their login, too
_MOST_LOGINS = 3  # so often a login that expires is repeated


def check_logins(clients: Mapping[str, ArmClient], own: Sequence[RequestSpec]) -> list[str]:
    """Check that the logins of the plan's requests work on the baseline.

    Some requests are sent with their login and without it, to all servers: what they count stays alike.
    Returns warnings of logins without which the responses are the same: a refusal with status 200, perhaps.
    Raises InputError: a login fails, or its requests still lead to it or show a password form.
    """
    baseline, failed, warnings = clients[BASELINE], [], []
    for steps in dict.fromkeys(case.login for case in own if case.login):
        cases = [case for case in own if case.login == steps]
        if failure := baseline.failed_login(cases[0]):
            failed.append(failure)
            continue
        reading = [case for case in cases if case.method in SAFE_METHODS][:_MOST_ANONYMOUS]
        received: Response | None = None
        for case in reading:
            received, without = (
                {arm: client.send(each) for arm, client in clients.items()}[BASELINE]
                for each in (case, replace(case, login=()))
            )
            if not _are_alike(received, without):
                break
        else:
            if received is None:
                continue
            login = steps[-1].request
            same = (
                f"{reading[0].name} gets the same response after {login.method} {login.target} as before it"
            )
            if why := _why_no_login(baseline, reading[-1], received):
                failed.append(f"{why}, and {same}: the login did not work")
            else:
                warnings.append(f"{same}. If it needs the login, that failed")
    if failed:
        where, remedy = "login on the baseline", "correct the scenario's `login` in the plan"
        raise InputError(Problem(where=where, found=each, remedy=remedy) for each in failed)
    return warnings


def _are_alike(one: Response, other: Response) -> bool:
    """Whether two responses are the same; two pages with a password form may have other tokens."""
    if (one.status, one.header("location")) != (other.status, other.header("location")):
        return False
    return one.portable_body == other.portable_body or (_shows_form(one) and _shows_form(other))


def _why_no_login(baseline: ArmClient, case: RequestSpec, response: Response) -> str:
    """What shows that a login without effect was refused; empty if nothing does."""
    if baseline.login_shows_form(case):
        return "the last step of the login shows a password form again"
    if leads_to_login(response, case):
        return f"{case.method} {case.target} redirects to {response.header('location')}"
    return f"{case.method} {case.target} shows a password form" if _shows_form(response) else ""


def _shows_form(response: Response) -> bool:
    return PASSWORD_FIELD.search(decode(response)[0]) is not None


def leads_to_login(response: Response, case: RequestSpec) -> bool:
    """Whether a response redirects to a page of a login."""
    location = response.header("location")
    if response.status is None or response.status // 100 != _REDIRECTION or location is None:
        return False
    path = urlsplit(location).path
    logins = {step.request.path for step in case.login}
    return path in logins or _LOGIN_PATH.search(path) is not None


@dataclass(slots=True)
class RefusalWatch:
    """Notices when a server no longer responds as it did: a rate limit, or a login that has expired."""

    clients: Mapping[str, ArmClient]  # By arm
    reason: str = ""  # Why a server has refused the last case that is to be dropped; empty if none has
    warnings: list[str] = field(default_factory=list)
    _known: list[RequestSpec] = field(default_factory=list)  # What has worked on all arms
    _logins: int = 0
    _first: str = ""  # The first case that was refused

    def judge(self, result: CaseResult) -> Step:
        """What becomes of a result."""
        case = result.case
        for arm, statuses in result.statuses.items():
            # A candidate's own 5xx is a difference.
            refused = {*_EXPIRED, _TOO_MANY, *(range(500, 600) if arm == BASELINE else ())}
            refusal = next((each for each in statuses if each in refused), None)
            if refusal is None or not self._is_new(arm, case, refusal):
                continue
            if refusal in _EXPIRED and case.login and self._logins < _MOST_LOGINS:
                self._logins += 1
                for client in self.clients.values():
                    client.forget_login(case.login)
                self.warnings.append(f"the login had expired at {arm} by {case.name}: it was repeated")
                return "send again"
            kind = "a login or token that has expired" if refusal in _EXPIRED else "a rate limit"
            if refusal >= HTTPStatus.INTERNAL_SERVER_ERROR:
                kind = "a limit, or a server that does not recover from a request"
            self._first = self._first or case.name
            self.reason = (
                f"{arm} has responded with status {refusal} since {self._first}, also to what worked before: "
                f"{kind}"
            )
            return "drop"
        works = all(
            each and each < HTTPStatus.BAD_REQUEST
            for statuses in result.statuses.values()
            for each in statuses
        )
        if case.method in SAFE_METHODS and works:
            self._known.append(case)
        return "keep"

    def _is_new(self, arm: str, case: RequestSpec, refusal: int) -> bool:
        """Whether a request that worked before, of the same route if there is one, is now refused as well."""
        known = [each for each in self._known if refusal not in _EXPIRED or each.login == case.login]
        if not known:
            return False
        worked = min(known, key=lambda each: shape_of(each.path) != shape_of(case.path))
        if refusal >= HTTPStatus.INTERNAL_SERVER_ERROR:  # may be of this case alone: all count the same then
            return {name: each.send(worked).status for name, each in self.clients.items()}[arm] == refusal
        return self.clients[arm].send(worked).status == refusal
