from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import pytest

from portcompare.http.requests import find_flaw, http_request
from portcompare.loadgen.declare import draw, find_mix_problem, weights_of

A, B = http_request("/a"), http_request("/b")


def asking(*bases: type, **declared: Any) -> type:  # noqa: ANN401 - right or wrong
    return type("Asking", bases, declared)


def test_a_single_request_is_a_mix_of_one() -> None:
    assert weights_of(asking(request=A)) == {A: 1}


def test_a_mix_keeps_its_weights_and_their_order() -> None:
    assert list(weights_of(asking(requests={B: 0.5, A: 3})).items()) == [(B, 0.5), (A, 3)]


@pytest.mark.parametrize(
    ("inherited", "own", "weights"),
    [
        ({"request": A}, {"requests": {A: 1, B: 2}}, {A: 1, B: 2}),
        ({"requests": {A: 1, B: 2}}, {"request": B}, {B: 1}),
        ({"requests": {A: 1, B: 2}}, {}, {A: 1, B: 2}),
    ],
)
def test_what_a_class_says_itself_counts_before_what_it_inherits(
    inherited: dict[str, Any], own: dict[str, Any], weights: dict[Any, float]
) -> None:
    user_class = asking(asking(**inherited), **own)
    assert find_mix_problem(user_class) is None
    assert weights_of(user_class) == weights


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ({}, "Asking has no request"),
        ({"request": "/a"}, "Asking has no request"),
        ({"request": A, "requests": {B: 1}}, "Asking has both `request` and `requests`"),
        ({"requests": {}}, "Asking's `requests` is not a dict of requests and their weights"),
        ({"requests": [A, B]}, "Asking's `requests` is not a dict of requests and their weights"),
        ({"requests": {"/a": 1}}, "Asking asks for '/a', which is not a request"),
        ({"requests": {A: 1, B: -1}}, "Asking gives 'GET /b' the weight -1"),
        ({"requests": {A: 0}}, "Asking gives 'GET /a' the weight 0"),
        ({"requests": {A: float("nan")}}, "Asking gives 'GET /a' the weight nan"),
        ({"requests": {A: float("inf")}}, "Asking gives 'GET /a' the weight inf"),
        ({"requests": {A: "3"}}, "Asking gives 'GET /a' the weight '3'"),
        (
            {"requests": {A: 1, http_request("/c", method="POST", name="GET /a"): 1}},
            "Asking has two requests named 'GET /a' of different methods",
        ),
        (
            {"request": http_request("/ü")},
            f"Asking cannot send 'GET /ü': {find_flaw(http_request('/ü'))}",
        ),
        (
            {"requests": {A: 1, http_request("/b", headers={"X": "€"}): 1}},
            "Asking cannot send 'GET /b': the header 'X' is not one line of latin-1 text: '€'",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_a_problem(declared: dict[str, Any], found: str) -> None:
    problem = find_mix_problem(asking(**declared))
    assert problem is not None
    assert problem[0] == found
    assert problem[1]


@pytest.mark.parametrize(
    "declared",
    [
        {"request": A},
        {"requests": {A: 3, B: 0.5}},
        {"requests": {A: 1, http_request("/c", name="GET /a"): 1}},  # counted together, on purpose
    ],
)
def test_what_can_be_asked_for_is_no_problem(declared: dict[str, Any]) -> None:
    assert find_mix_problem(asking(**declared)) is None


def test_one_item_is_drawn_for_ever() -> None:
    assert set(islice(draw([A], [1], seed=0), 1000)) == {A}


def test_items_are_drawn_by_weight() -> None:
    counts = Counter(islice(draw("abc", [6, 3, 1], seed=0), 10_000))
    # Within four standard deviations of a binomial count, sqrt(n p (1 - p)) <= 49.
    assert counts["a"] == pytest.approx(6000, abs=200)
    assert counts["b"] == pytest.approx(3000, abs=200)
    assert counts["c"] == pytest.approx(1000, abs=200)


def test_a_seed_draws_the_same_sequence_again_and_another_seed_another() -> None:
    first, again, other = (list(islice(draw("ab", [1, 1], seed=seed), 500)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
