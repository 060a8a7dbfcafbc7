"""What the users of a class send, prepared once: the requests' bytes, and what answers must look like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portcompare.http.login import fill
from portcompare.http.requests import encode_request
from portcompare.loadgen.bodies import LooseBody, exact_body
from portcompare.loadgen.connection import Address
from portcompare.loadgen.declare import weights_of
from portcompare.records.requests import RequestSpec
from portcompare.wire.protocol import WRONG_BODY

if TYPE_CHECKING:
    from collections.abc import Callable

    from portcompare.http.login import Kept
    from portcompare.loadgen.session import Session, Target
    from portcompare.records.requests import Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as users send it: everything that does not change from time to time."""

    data: bytes  # Its bytes
    head_only: bool  # Whether its answer ends with the headers
    key: tuple[str, str]  # Where it is counted: name and method
    expected_status: int | None  # The status its answers have; None for any below 400
    # The body each of its answers has; None where that is not known or not all there is
    expected_body: bytes | None
    loose_body: LooseBody | None  # What a sample of its answers is held against instead; None for nothing
    wrong_body: str  # The kind of failure of an answer with another body


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What all users of a class have alike that load one server."""

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
    """Prepare what the users of a class send.

    Raises ValueError if the server's address is none.
    """
    address = Address.of(target.url)
    weights = weights_of(user_class)
    calls = tuple(
        _make_call(request, address, target, session.expectations.get(place))
        for place, request in enumerate(weights)
    )
    session.lines |= {call.key: (user_class.__name__, target.name) for call in calls}
    return Script(
        address=address,
        requests=tuple(weights),
        calls=calls,
        weights=tuple(weights.values()),
    )


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
        loose_body=LooseBody.of(expected, address.netloc) if expected is not None and is_loose else None,
        wrong_body=f"{WRONG_BODY} ({request.name})",
    )
