import re
from collections.abc import Iterable

import pytest

from benchmarks import parity


def check(cases: int = 300, seconds: float = 19.9, differences: Iterable[str] = ()) -> parity.Check:
    found = [*differences]
    told = {"cases": cases, "equal": not found, "differences": found, "deployments": ["control", "new"]}
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
