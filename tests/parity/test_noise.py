from __future__ import annotations

import pytest

from portcompare.parity.findings import Aspect, Finding
from portcompare.parity.noise import Noise
from portcompare.records.requests import RequestSpec

CASE = RequestSpec(name="GET /x", target="/x")


def at(pointer: str, aspect: Aspect = "value", kind: str = "json") -> Finding:
    return Finding(
        kind=kind,  # type: ignore[arg-type] # one of the kinds
        pointer=pointer,
        aspect=aspect,
        severity="changes",
        baseline="",
        candidate="",
    )


@pytest.mark.parametrize(
    ("noise", "finding", "hidden"),
    [
        (at("/a"), at("/a"), True),
        (at("/a"), at("/b"), False),
        (at("/a"), at("/a", "type"), False),
        (at("/a"), at("/a", "presence"), False),
        (at("/a", "type"), at("/a"), True),
        (at("/a", "type"), at("/a/b", "presence"), True),
        (at("/a", "type"), at("/a", "presence"), False),
        (at("/a", "presence"), at("/a", "type"), True),
        (at("/a"), at("/a/b"), False),
        (at("/a/3", "length"), at("/a/4", "length"), True),
        (at("/a/3", "length"), at("/a/0/id"), True),
        (at("/a/3", "length"), at("/a", "type"), False),
        (at("/a/3", "length"), at("/ab"), False),
        (at("/0", "length"), at("/1", "length"), True),
        (at("", "type"), at("/a"), True),
        (at("", "value", "body"), at("", "value", "body"), True),
        (at("", "value", "body"), at("", "presence", "body"), False),
        (at("", "value", "body"), at(""), False),
        (at("Set-Cookie: a", "value", "header"), at("Set-Cookie: a; Path", "value", "header"), False),
        (at("Set-Cookie: a", "presence", "header"), at("Set-Cookie: a; Path", "value", "header"), True),
        (at("", "value", "status"), at("", "value", "status"), False),
    ],
)
def test_noise_hides_what_cannot_be_compared_and_nothing_else(
    noise: Finding,
    finding: Finding,
    hidden: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert Noise.of([noise]).hides(finding) is hidden


def test_what_is_not_compared_is_told_once_by_its_place() -> None:
    noise = Noise.of(
        [
            at("/b"),
            at("/a/0", "length"),
            at("/a/1", "length"),
            at(""),
            at("", "value", "body"),
            at("ETag", "value", "header"),
        ]
    )

    assert noise.told(CASE) == [
        "GET /x: body",
        "GET /x: ETag",
        "GET /x: the whole JSON",
        "GET /x: /a",
        "GET /x: /b",
    ]


@pytest.mark.parametrize(
    ("findings", "masks"),
    [
        ([], ()),
        ([at("ETag", "value", "header")], ()),
        ([at("/a"), at("/b/2", "length")], ("/a", "/b")),
        ([at("/a/b", "presence"), at("/a/c", "type")], ("/a",)),
        ([at("/a", "presence")], ("",)),
        ([at("")], ("",)),
        ([at("", "type")], None),
        ([at("", "value", "body")], None),
    ],
)
def test_under_load_what_is_not_always_alike_is_masked(
    findings: list[Finding], masks: tuple[str, ...] | None
) -> None:
    assert Noise.of(findings).masks() == masks
