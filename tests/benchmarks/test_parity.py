"""The benchmark of the check: it measures the command itself, and judges every run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import parity

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]


def check(cases: int = 300, seconds: float = 19.9, differences: Iterable[str] = ()) -> parity.Check:
    found = [*differences]
    told: dict[str, Any] = {
        "cases": cases,
        "equal": not found,
        "differences": found,
        "deployments": ["control", "new"],
    }
    return parity.Check(seconds=seconds, parity=told)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (check(), ["met", "met", "met"]),
        (check(cases=299), ["missed", "met", "met"]),
        (check(seconds=20.0), ["met", "missed", "met"]),
        (check(differences=["a body"]), ["met", "met", "missed"]),
    ],
)
def test_the_check_is_judged_by_its_worst_run(last: parity.Check, expected: list[str]) -> None:
    assert re.findall(r"met|missed", "\n".join(parity.describe([check(), last]))) == expected


def test_what_it_publishes_has_a_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((ROOT / "docs" / "parity.md").read_text())
    monkeypatch.setattr(parity, "PAGE", page)
    monkeypatch.setattr(parity, "measure", lambda _: [])
    monkeypatch.setattr(parity, "describe", lambda _: ["what was measured"])

    parity.main()

    assert page.read_text().count("what was measured") == 1
    assert f"-m {parity.__name__}" in page.read_text()
