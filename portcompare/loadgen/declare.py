"""What a user class declares, and what its users send: prepared once, drawn by weight, filled by a login."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate, chain, repeat
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from portcompare.http.bodies import decode_body, excerpts
from portcompare.http.login import Kept, LoginFailed, fill, find_keep_flaw, keep_from
from portcompare.http.placeholders import NAME, Row, fill_in, names_in, read_rows, share_weights
from portcompare.http.requests import Address, encode_request, find_flaw
from portcompare.loadgen.checks import LooseBody, exact_body
from portcompare.loadgen.connection import Connection, make_context
from portcompare.masking import mask_passwords
from portcompare.records.requests import Expectation, LoginStep, RequestSpec
from portcompare.wire.protocol import WRONG_BODY, WRONG_STATUS

if TYPE_CHECKING:
    from portcompare.http.responses import ResponseReader
    from portcompare.loadgen.session import Session, Target

Item = TypeVar("Item")
Problem = tuple[str, str]  # What was found, and what to do


class Mix(dict[RequestSpec, float]):
    """Requests filled from rows, and their weights."""

    unfilled: frozenset[str] = frozenset()  # The names of placeholders that no column fills


class Variants(list[LoginStep]):
    """The variants of a login step, one for each row; the n-th user takes the n-th."""

    unfilled: frozenset[str] = frozenset()  # The names of placeholders that no column fills


def with_values(requests: Mapping[RequestSpec, float], values: Path | str) -> Mix:
    """Have requests filled from a file: each row makes a request of its own.

    Args:
        requests: Each request and its weight.
        values: A CSV or JSON Lines file.

    Returns:
        The filled requests, for `LeanUser.requests`.

    Raises:
        InputError: The file cannot be used.
        ValueError: A request uses none of the columns.
    """
    rows = read_rows(Path(values))
    mix = Mix(share_weights((_fill_each(request, rows), weight) for request, weight in requests.items()))
    mix.unfilled = _unfilled_by(rows, requests)
    return mix


def login_step(
    request: RequestSpec, *, keep: Mapping[str, str] | None = None, values: Path | str | None = None
) -> Variants:
    """Declare a request that each user sends once, before the others.

    Args:
        request: The request.
        keep: For each name, where its value is in the response: `json:/pointer`, `html:CSS selector`,
            `regex:pattern (group)`, `header:Name` or `cookie:name`. The values fill `{name}` in later steps
            and in the requests.
        values: A CSV or JSON Lines file whose rows fill the request; the n-th user takes the n-th row.

    Returns:
        The step, for `LeanUser.login`.

    Raises:
        InputError: The file cannot be used.
        ValueError: `keep` is not of that form, or the request uses none of the columns.
    """
    for name, where in (keep or {}).items():
        if not re.fullmatch(NAME, name):
            raise ValueError(f"{name!r} cannot stand in braces: use letters, digits, _ and -")
        if flaw := find_keep_flaw(where):
            raise ValueError(flaw)
    rows = read_rows(Path(values)) if values is not None else ()
    requests = _fill_each(request, rows) if rows else (request,)
    variants = Variants(LoginStep(request=filled, keep=tuple((keep or {}).items())) for filled in requests)
    variants.unfilled = _unfilled_by(rows, [request])
    return variants


def _fill_each(request: RequestSpec, rows: tuple[Row, ...]) -> tuple[RequestSpec, ...]:
    if not names_in(request) & rows[0].values.keys():
        raise ValueError(f"{request.name!r} uses none of the columns: {', '.join(rows[0].values)}")
    return tuple(fill_in(request, row.values) for row in rows)


def _unfilled_by(rows: tuple[Row, ...], requests: Iterable[RequestSpec]) -> frozenset[str]:
    columns = rows[0].values.keys() if rows else frozenset()
    return frozenset(name for request in requests for name in names_in(request) - columns)


def weights_of(user_class: type) -> Mapping[RequestSpec, float]:
    """The requests of a class and their weights."""
    declared = _declared(user_class)
    weights: Mapping[RequestSpec, float] = declared.get("requests") or {declared["request"]: 1}
    return weights


def _declared(user_class: type) -> dict[str, Any]:
    """`request`, `requests` or both, of the class itself or else of its nearest base."""
    for owner in user_class.__mro__:
        own = {name: vars(owner)[name] for name in ("request", "requests") if name in vars(owner)}
        if own:
            return own
    return {}


_EXAMPLE: Final = 'request = http_request("/path")'
_MIX_EXAMPLE: Final = 'requests = {http_request("/a"): 3, http_request("/b"): 1}'
_LOGIN_EXAMPLE: Final = 'login = [login_step(http_request("/login", method="POST"))]'


def find_problem(user_class: type) -> Problem | None:
    """What is wrong with a class of lean users, and what to do; None if it can be used."""
    if (ca_file := getattr(user_class, "ca_file", None)) is not None:
        try:
            make_context(ca_file)
        except OSError as error:
            found = f"{user_class.__name__}'s ca_file {ca_file!r} cannot be used: {error}"
            return found, "name a file of PEM certificates"
    return next(chain(_mix_problems(user_class), _login_problems(user_class)), None)


def _mix_problems(user_class: type) -> Iterator[Problem]:
    name, declared = user_class.__name__, _declared(user_class)
    if len(declared) > 1:
        yield f"{name} has both `request` and `requests`", "keep one of them"
    if "requests" not in declared and not isinstance(declared.get("request"), RequestSpec):
        yield f"{name} has no request", f"give it one: {_EXAMPLE}"
    requests = declared["requests"] if "requests" in declared else {declared["request"]: 1}
    if not isinstance(requests, Mapping) or not requests:
        yield f"{name}'s `requests` is not a dict of requests and their weights", f"write {_MIX_EXAMPLE}"
    methods: dict[str, str] = {}
    for request, weight in requests.items():
        if not isinstance(request, RequestSpec):
            yield f"{name}'s `requests` has {request!r}, which is not a request", f"write {_MIX_EXAMPLE}"
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
            yield f"{name} gives {request.name!r} the weight {weight!r}", "give it a number above 0"
        if flaw := find_flaw(request):
            yield f"{name} cannot send {request.name!r}: {flaw}", "correct the request"
        if methods.setdefault(request.name, request.method) != request.method:
            found = f"{name} has two requests named {request.name!r} of different methods"
            yield found, "give each a `name` of its own"


def _login_problems(user_class: type) -> Iterator[Problem]:
    name, login = user_class.__name__, getattr(user_class, "login", ())
    if not isinstance(login, list | tuple) or not all(_is_step(variants) for variants in login):
        yield f"{name}'s `login` is not a list of login steps", f"write {_LOGIN_EXAMPLE}"
    for step in chain.from_iterable(login):
        if flaw := find_flaw(step.request):
            yield f"{name} cannot send {step.request.name!r}: {flaw}", "correct the login step"


def _is_step(variants: Any) -> bool:  # noqa: ANN401 - right or wrong
    is_some = isinstance(variants, list | tuple) and bool(variants)
    return is_some and all(isinstance(step, LoginStep) for step in variants)


def find_unfilled(user_class: type) -> Problem | None:
    """Which placeholders of a locustfile's class nothing fills, and what to do; None if all are filled."""
    kept: set[str] = set()
    login = getattr(user_class, "login", ())
    requests = weights_of(user_class)
    stages = [
        (step.unfilled if isinstance(step, Variants) else names_in(step[0].request), step[0].keep)
        for step in login
    ]
    if isinstance(requests, Mix):
        stages.append((requests.unfilled, ()))
    elif login:  # without a login or rows, braces are just braces
        stages.append((_unfilled_by((), requests), ()))
    for names, keep in stages:
        if names - kept:
            listed = ", ".join(f"{{{name}}}" for name in sorted(names - kept))
            known = f"kept until there: {', '.join(sorted(kept)) or 'nothing'}"
            found = f"nothing fills {listed} in {user_class.__name__}"
            return found, f"name a column or what a login keeps; {known}"
        kept |= {name for name, _ in keep}
    return None


_FIRST_BAD_STATUS: Final = 400
_MOST_COMPARED: Final = 20_000  # Bytes of a body, for an example of a wrong one


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as users send it: everything that does not change from time to time."""

    data: bytes  # The encoded request
    head_only: bool  # Whether the response ends with the headers
    key: tuple[str, str]  # Where it is counted: name and method
    expected_status: int | None  # None for any status below 400
    expected_body: bytes | None  # The body of each response; None where that is not known or varies
    loose_body: LooseBody | None  # What a sample of the responses is compared with instead
    wrong_body: str  # The kind of failure of a response with another body

    def find_wrong(self, response: ResponseReader, is_sampled: Callable[[], bool]) -> str | None:
        """The kind of failure of a complete response: its status or its body; None if there is none."""
        if not self._is_right(response.status):
            return f"{WRONG_STATUS}{response.status}"
        if self.expected_body is not None:
            if response.body != self.expected_body:
                return self.wrong_body
        elif self.loose_body is not None and is_sampled() and not self.loose_body.matches(response.body):
            return self.wrong_body
        return None

    def _is_right(self, status: int) -> bool:
        return status == self.expected_status or (self.expected_status is None and status < _FIRST_BAD_STATUS)

    def describe_wrong(self, response: ResponseReader) -> str:
        """What was requested, what was received, and what was approved."""
        target = self.data.split(b" ", 2)[1].decode("latin-1")
        loose, right = self.loose_body, self.expected_body or b""
        body = response.body
        headers = {name.lower(): value for name, value in response.headers()}
        with suppress(ValueError):
            body = decode_body(body, encoding := headers.get("content-encoding", ""))
            right = loose.content if loose is not None else decode_body(right, encoding)
        # Masked first: an excerpt may begin behind the name that shows that a value is secret.
        texts = (mask_passwords(each[:_MOST_COMPARED].decode(errors="replace")) for each in (body, right))
        found, wanted = excerpts(*texts)
        if not self._is_right(response.status):
            found = f"status {response.status}: {found}"
            wanted = f"status {self.expected_status or 'below 400'}"
        return f"{mask_passwords(target)} received {found} instead of {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What all users of a class share that load one server."""

    address: Address
    requests: tuple[RequestSpec, ...]
    calls: tuple[Call, ...]
    weights: tuple[float, ...]

    def filled(self, kept: Kept, *, is_approved: bool) -> Callable[[int], Call]:
        """Fill the requests with what one user keeps of its login."""
        made: dict[int, Call] = {}

        def call_of(place: int) -> Call:
            if place not in made:
                data = encode_request(fill(self.requests[place], kept), self.address.netloc)
                own = replace(self.calls[place], data=data)
                made[place] = own if is_approved else replace(own, expected_body=None, loose_body=None)
            return made[place]

        return call_of


def make_script(user_class: type, target: Target, session: Session) -> Script:
    """Prepare what the users of a class send; raises ValueError if the target's URL names no server."""
    address = Address.of(target.url)
    weights = weights_of(user_class)
    calls = tuple(
        _make_call(request, address, target, session.expectations.get(place))
        for place, request in enumerate(weights)
    )
    session.lines |= {call.key: (user_class.__name__, target.name) for call in calls}
    return Script(address=address, requests=tuple(weights), calls=calls, weights=tuple(weights.values()))


def _make_call(request: RequestSpec, address: Address, target: Target, expected: Expectation | None) -> Call:
    label = request.name.removeprefix(f"{request.method} ")
    exact = exact_body(expected) if expected is not None else None
    is_loose = expected is not None and expected.body_base64 is not None and exact is None
    return Call(
        data=encode_request(request, address.netloc),
        head_only=request.method == "HEAD",
        key=(f"{target.name} {label}".lstrip(), request.method),
        expected_status=expected.status if expected is not None else None,
        expected_body=exact,
        loose_body=LooseBody(expected=expected, server=address.netloc)
        if expected is not None and is_loose
        else None,
        wrong_body=f"{WRONG_BODY} ({request.name})",
    )


_BLOCK: Final = 64  # So many are drawn at once: to draw one by one costs a microsecond a request


def draw(items: Sequence[Item], weights: Sequence[float], seed: int) -> Iterator[Item]:
    """Draw items by weight, without end."""
    if len(items) == 1:
        return repeat(items[0])
    source = Random(seed)  # noqa: S311 - to be repeated, not to be kept secret
    sums = list(accumulate(weights))  # once: there may be as many items as a file has rows
    return chain.from_iterable(source.choices(items, cum_weights=sums, k=_BLOCK) for _ in repeat(None))


def log_in(steps: Sequence[LoginStep], connection: Connection, address: Address) -> Kept:
    """Send the requests of a login; raises LoginFailed, which says why, at the first step that fails."""
    kept = Kept()
    for step in steps:
        request = fill(step.request, kept)
        data = encode_request(request, address.netloc)
        failure = connection.exchange(data, head_only=request.method == "HEAD")
        if failure is not None:
            raise LoginFailed(f"{failure} ({request.name})")
        response = connection.response
        try:
            kept = keep_from(
                step, kept, status=response.status, headers=response.headers(), body=response.body
            )
        except LoginFailed as failed:
            raise LoginFailed(f"{failed} ({request.name})") from None
    return kept
