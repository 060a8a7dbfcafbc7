"""Findings: in what two responses differ, and which of it is noise, as it differs without a fault."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os.path import commonprefix
from typing import Literal, Self

from portcompare.records.parity import DifferenceKind, Severity
from portcompare.records.requests import RequestSpec

Aspect = Literal["presence", "type", "length", "value"]
ABSENT = "(absent)"

_EXCERPT_CHARS = 80
_LEAD_CHARS = 24

# Where one of these differs by itself, those it hides cannot be compared either.
_HIDES: dict[Aspect, tuple[Aspect, ...]] = {
    "presence": ("presence", "type", "length", "value"),
    "type": ("type", "length", "value"),
    "length": ("length", "value"),
    "value": ("value",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One way in which two responses differ; kind, pointer and severity are those of `Difference`."""

    kind: DifferenceKind
    pointer: str
    aspect: Aspect  # What differs there
    severity: Severity
    baseline: str  # An excerpt of what the one has there
    candidate: str  # An excerpt of what the other has there

    @property
    def place(self) -> tuple[DifferenceKind, str, Aspect]:
        """Identifies the finding in other pairs of responses."""
        return self.kind, self.pointer, self.aspect


def make_finding(
    kind: DifferenceKind,
    pointer: str,
    aspect: Aspect,
    severity: Severity,
    values: tuple[str | None, str | None],
) -> Finding:
    """Make a finding of the values of baseline and candidate; None where one is absent."""
    baseline, candidate = excerpts(*(ABSENT if value is None else value for value in values))
    return Finding(
        kind=kind, pointer=pointer, aspect=aspect, severity=severity, baseline=baseline, candidate=candidate
    )


def excerpts(one: str, other: str) -> tuple[str, str]:
    """Two texts, cut alike to what is around their first difference."""
    if max(len(one), len(other)) <= _EXCERPT_CHARS:
        return printable(one), printable(other)
    start = max(len(commonprefix([one, other])) - _LEAD_CHARS, 0)  # noqa: RUF071 - texts, not paths
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = start + _EXCERPT_CHARS
    return ("..." if start else "") + printable(text[start:end]) + ("..." if end < len(text) else "")


def printable(text: str) -> str:
    """A text on one line, its invisible characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class Noise:
    """The places of one case's responses that are not compared, as they differ by themselves."""

    places: frozenset[tuple[DifferenceKind, str, Aspect]]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """The noise that findings show in responses which should have been alike; a status never is noise."""
        return cls(
            frozenset(
                (each.kind, _holder(each.pointer) if each.aspect == "length" else each.pointer, each.aspect)
                for each in findings
                if each.kind != "status"
            )
        )

    def hides(self, finding: Finding) -> bool:
        """Whether a finding is no difference, because the same place, or one it lies in, is noise."""
        return any(
            (finding.kind, finding.pointer, aspect) in self.places
            for aspect, hidden in _HIDES.items()
            if finding.aspect in hidden
        ) or any(
            (finding.kind, above, aspect) in self.places
            for above in _places_above(finding)
            for aspect in ("presence", "type", "length")
        )

    def describe(self, case: RequestSpec) -> list[str]:
        """The places that are not compared, each with the name of the case."""
        places = ((kind, pointer) for kind, pointer, _ in sorted(self.places))
        return [
            f"{case.name}: {pointer or ('the whole JSON' if kind == 'json' else kind)}"
            for kind, pointer in dict.fromkeys(places)
        ]

    def masks(self) -> tuple[str, ...] | None:
        """JSON pointers to the values not compared under load; None if nothing of the body can be."""
        pointers = []
        for kind, pointer, aspect in sorted(self.places):
            # What is not always there, or not always of one type, is masked with the value that holds it.
            is_value = aspect in ("value", "length")
            if kind == "body" or (kind == "json" and not pointer and not is_value):
                return None
            if kind == "json":
                pointers.append(pointer if is_value else _holder(pointer))
        return tuple(dict.fromkeys(pointers))


def _holder(pointer: str) -> str:
    """The JSON pointer to the value that holds the one at another pointer."""
    return pointer.rpartition("/")[0]


def _places_above(finding: Finding) -> Iterator[str]:
    if finding.kind == "json":
        above = finding.pointer
        while above:
            above = _holder(above)
            yield above
    elif finding.kind == "header" and "; " in finding.pointer:
        yield finding.pointer.rpartition("; ")[0]  # the cookie of an attribute
