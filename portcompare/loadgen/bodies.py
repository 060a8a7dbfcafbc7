"""What an answer's body must look like where it is not the same bytes each time."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portcompare.http.bodies import masked_json, without_address

if TYPE_CHECKING:
    from portcompare.records.requests import Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseBody:
    """A body that names the server, or parts of which differ by themselves: too costly to check each time."""

    content: bytes  # What parity approved, the server's own address in it replaced
    server: str | None  # Host and port that are replaced in answers; None to leave them
    masked: tuple[str, ...]  # JSON pointers to values of which only the type is compared
    value: str | None  # The JSON that is compared, as text; None to compare bytes

    @classmethod
    def of(cls, expected: Expectation, server: str) -> LooseBody:
        """What parity approved, ready to be compared with."""
        content = base64.b64decode(expected.body_base64 or "")
        return cls(
            content=content,
            server=server if expected.own_address else None,
            masked=expected.masked,
            value=_as_text(masked_json(content, expected.masked)) if expected.masked else None,
        )

    def matches(self, body: bytes) -> bool:
        """Whether an answer is what parity approved."""
        content = body if self.server is None else without_address(body, self.server)
        if self.value is None:
            return content == self.content
        try:
            return _as_text(masked_json(content, self.masked)) == self.value
        except ValueError:
            return False


def exact_body(expected: Expectation) -> bytes | None:
    """The body that every answer must have.

    Returns the bytes; None where answers are not compared byte by byte.
    """
    if expected.body_base64 is None or expected.masked or expected.own_address:
        return None
    return base64.b64decode(expected.body_base64)


def _as_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON in one spelling: to Python 1, 1.0 and true are equal, to clients they are not."""
    return json.dumps(value, sort_keys=True)
