from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from portcompare.parity import Asker, ParityOutcome, ask_alone
from portcompare.records.parity import Difference, Parity
from portcompare.records.requests import RequestSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

DIFFERENCE = Difference(
    case="", deployment="new", kind="status", pointer="", severity="breaks", baseline="200", candidate="500"
)
ARMS = frozenset({"baseline", "control", "new", "other"})


class Servers:
    """Servers on which some cases differ, and what they were asked on each start."""

    def __init__(self, *differing: str) -> None:
        self.differing = differing
        self.starts: list[tuple[frozenset[str], list[str]]] = []

    @contextmanager
    def serve(self, arms: frozenset[str]) -> Iterator[Asker]:
        self.starts.append((arms, []))
        yield cast("Asker", self)

    def ask(self, case: RequestSpec) -> tuple[Difference, ...]:
        self.starts[-1][1].append(case.name)
        return (differing(case.name),) if case.name in self.differing else ()


def differing(case: str, deployment: str = "new") -> Difference:
    return replace(DIFFERENCE, case=case, deployment=deployment)


def checked(*differences: Difference) -> ParityOutcome:
    names = [each.case for each in differences]
    parity = Parity(equal=False, cases=9, deployments=("control", "new", "other"), differences=differences)
    asked = {name: RequestSpec(name=name, method=name.partition(" ")[0]) for name in names}
    return ParityOutcome(parity=parity, asked=asked, expectations={})


def test_what_does_not_differ_alone_comes_from_the_order() -> None:
    servers = Servers("GET /a")

    parity = ask_alone(checked(differing("GET /a"), differing("GET /b")), ARMS, servers.serve)

    assert [(each.case, each.from_order) for each in parity.differences] == [
        ("GET /a", False),
        ("GET /b", True),
    ]
    assert not parity.equal
    assert parity.warnings == ()


def test_what_only_reads_shares_a_start_and_what_writes_has_its_own() -> None:
    servers = Servers()
    outcome = checked(
        differing("POST /a"), differing("GET /b"), differing("PUT /c", "other"), differing("HEAD /d", "other")
    )

    ask_alone(outcome, ARMS, servers.serve)

    assert servers.starts == [
        (frozenset({"new", "other"}), ["GET /b", "HEAD /d"]),
        (frozenset({"new"}), ["POST /a"]),
        (frozenset({"other"}), ["PUT /c"]),
    ]


def test_servers_are_not_started_for_ever_and_what_is_left_is_told() -> None:
    servers = Servers()

    parity = ask_alone(checked(*(differing(f"POST /{n}") for n in range(12))), ARMS, servers.serve)

    assert len(servers.starts) == 10
    assert [each.from_order for each in parity.differences] == [True] * 10 + [False] * 2
    [warning] = parity.warnings
    assert "2 were not asked again" in warning


def test_what_does_not_count_or_cannot_be_started_afresh_is_not_asked_again() -> None:
    servers = Servers()
    outcome = checked(
        replace(differing("GET /a"), allowed="meant"),
        replace(differing("GET /b"), severity="harmless"),
        differing("GET /c", "control"),
        differing("GET /d", "elsewhere"),
    )

    parity = ask_alone(outcome, ARMS, servers.serve)

    assert servers.starts == []
    assert parity == outcome.parity
