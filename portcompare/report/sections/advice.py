"""Advice in words, for the reports of a run and of a diagnosis alike."""

from collections.abc import Iterable

from portcompare import units
from portcompare.records.diagnosis import Advice
from portcompare.report.wording import visible, with_ends

_MARKED = ("not decided", "withdrawn")  # outcomes that a reader must see before the advice


def advice_cells(advice: Iterable[Advice]) -> list[tuple[str, str]]:
    """Each piece of advice, with what it rests on and what became of it."""
    return [
        (
            visible(f"{one.outcome}: {one.text}" if one.outcome in _MARKED else one.text),
            visible(f"{one.evidence}{_outcome(one)}"),
        )
        for one in advice
    ]


def _outcome(one: Advice) -> str:
    if one.measured is not None:
        return f"; {one.outcome}: {with_ends(one.measured, units.ratio) or one.measured.reason}"
    return "; `portcompare diagnose --try` measures it" if one.change else ""
