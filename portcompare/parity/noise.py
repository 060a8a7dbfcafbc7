"""What differs by itself: between two instances of one deployment, or from one answer to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portcompare.parity.findings import Aspect
from portcompare.records.parity import DifferenceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portcompare.parity.findings import Finding
    from portcompare.records.requests import RequestSpec

# Where one of these differs by itself, what comes after it cannot be compared either.
_HIDES: dict[Aspect, tuple[Aspect, ...]] = {
    "presence": ("presence", "type", "length", "value"),
    "type": ("type", "length", "value"),
    "length": ("length", "value"),
    "value": ("value",),
}


@dataclass(frozen=True, slots=True)
class Noise:
    """What is not compared in the answers to one case."""

    # Kind, pointer and aspect of what differs by itself
    places: frozenset[tuple[DifferenceKind, str, Aspect]]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Noise:
        """What answers show that should have been alike."""
        return cls(
            frozenset(
                (each.kind, _holder(each.pointer) if each.aspect == "length" else each.pointer, each.aspect)
                for each in findings
                if each.kind != "status"
            )
        )

    def hides(self, finding: Finding) -> bool:
        """Whether a finding says nothing, because the same differs by itself."""
        return any(
            (finding.kind, finding.pointer, aspect) in self.places
            for aspect, hidden in _HIDES.items()
            if finding.aspect in hidden
        ) or any(
            (finding.kind, above, aspect) in self.places
            for above in _above(finding)
            for aspect in ("presence", "type", "length")
        )

    def told(self, case: RequestSpec) -> list[str]:
        """What is not compared, in words."""
        places = ((kind, pointer) for kind, pointer, _ in sorted(self.places))
        return [
            f"{case.name}: {pointer or ('the whole JSON' if kind == 'json' else kind)}"
            for kind, pointer in dict.fromkeys(places)
        ]

    def masks(self) -> tuple[str, ...] | None:
        """What of a JSON body is not compared under load.

        Returns JSON pointers to the values that are not; None if nothing of the body can be compared.
        """
        pointers = []
        for kind, pointer, aspect in sorted(self.places):
            # What is not always there, or not always of one type, is masked with what it stands in.
            is_value = aspect in ("value", "length")
            if kind == "body" or (kind == "json" and not pointer and not is_value):
                return None
            if kind == "json":
                pointers.append(pointer if is_value else _holder(pointer))
        return tuple(dict.fromkeys(pointers))


def _holder(pointer: str) -> str:
    """The pointer to what holds the value that a pointer points at."""
    return pointer.rpartition("/")[0]


def _above(finding: Finding) -> Iterator[str]:
    """The places that a place lies in."""
    if finding.kind == "json":
        above = finding.pointer
        while above:
            above = _holder(above)
            yield above
    elif finding.kind == "header" and "; " in finding.pointer:
        yield finding.pointer.rpartition("; ")[0]  # an attribute of a cookie
