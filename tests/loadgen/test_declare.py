from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from portcompare.errors import InputError
from portcompare.http.login import steps_of
from portcompare.http.requests import find_flaw, http_request
from portcompare.loadgen.declare import (
    draw,
    find_problem,
    find_unfilled,
    login_step,
    weights_of,
    with_values,
)

A, B = http_request("/a"), http_request("/b")
SAME_NAME = http_request("/c", name="GET /a")
STEP = login_step(http_request("/login"), keep={"token": "json:/token"})


def declaring(*bases: type, **declared: Any) -> type:  # noqa: ANN401 - right or wrong
    return type("Data", bases, declared)


@pytest.mark.parametrize(
    ("inherited", "own", "weights"),
    [
        ({}, {"request": A}, {A: 1}),
        ({}, {"requests": {B: 0.5, A: 3}}, {B: 0.5, A: 3}),
        ({}, {"requests": {A: 1, SAME_NAME: 1}}, {A: 1, SAME_NAME: 1}),  # counted together, on purpose
        ({"request": A}, {"requests": {A: 1, B: 2}}, {A: 1, B: 2}),
        ({"requests": {A: 1, B: 2}}, {"request": B}, {B: 1}),
        ({"requests": {A: 1, B: 2}}, {}, {A: 1, B: 2}),
    ],
)
def test_what_a_class_declares_itself_counts_before_what_it_inherits(
    inherited: dict[str, Any], own: dict[str, Any], weights: dict[Any, float]
) -> None:
    user_class = declaring(declaring(**inherited), **own)
    assert find_problem(user_class) is None
    assert list(weights_of(user_class).items()) == list(weights.items())


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ({}, "Data has no request"),
        ({"request": "/a"}, "Data has no request"),
        ({"request": ["/a"]}, "Data has no request"),
        ({"request": A, "requests": {B: 1}}, "Data has both `request` and `requests`"),
        ({"requests": {}}, "Data's `requests` is not a dict of requests and their weights"),
        ({"requests": [A, B]}, "Data's `requests` is not a dict of requests and their weights"),
        ({"requests": {"/a": 1}}, "Data's `requests` has '/a', which is not a request"),
        ({"requests": {A: 1, B: -1}}, "Data gives 'GET /b' the weight -1"),
        ({"requests": {A: 0}}, "Data gives 'GET /a' the weight 0"),
        ({"requests": {A: float("nan")}}, "Data gives 'GET /a' the weight nan"),
        ({"requests": {A: float("inf")}}, "Data gives 'GET /a' the weight inf"),
        ({"requests": {A: "3"}}, "Data gives 'GET /a' the weight '3'"),
        (
            {"requests": {A: 1, http_request("/c", method="POST", name="GET /a"): 1}},
            "Data has two requests named 'GET /a' of different methods",
        ),
        ({"request": http_request("/ü")}, f"Data cannot send 'GET /ü': {find_flaw(http_request('/ü'))}"),
        (
            {"requests": {A: 1, http_request("/b", headers={"X": "€"}): 1}},
            "Data cannot send 'GET /b': the header 'X' is not one line of latin-1 text: '€'",
        ),
        ({"request": A, "login": STEP}, "Data's `login` is not a list of login steps"),
        ({"request": A, "login": [A]}, "Data's `login` is not a list of login steps"),
        ({"request": A, "login": [[]]}, "Data's `login` is not a list of login steps"),
        (
            {"request": A, "login": [login_step(http_request("/ä"))]},
            f"Data cannot send 'GET /ä': {find_flaw(http_request('/ä'))}",
        ),
        ({"request": A, "ca_file": "/nowhere/ca.pem"}, "Data's ca_file '/nowhere/ca.pem' cannot be used: "),
        ({"request": A, "ca_file": __file__}, f"Data's ca_file {__file__!r} cannot be used: "),
    ],
)
def test_what_cannot_be_used_is_a_problem(declared: dict[str, Any], found: str) -> None:
    problem = find_problem(declaring(**declared))
    assert problem is not None
    assert problem[0].startswith(found)
    assert problem[1]


def test_items_are_drawn_by_weight() -> None:
    assert set(islice(draw("a", [1], seed=0), 1000)) == {"a"}
    counts = Counter(islice(draw("abc", [6, 3, 1], seed=0), 10_000))
    # Within four standard deviations of a binomial count, sqrt(n p (1 - p)) <= 49.
    assert counts["a"] == pytest.approx(6000, abs=200)
    assert counts["b"] == pytest.approx(3000, abs=200)
    assert counts["c"] == pytest.approx(1000, abs=200)


def test_a_seed_draws_the_same_sequence_again_and_another_seed_another() -> None:
    first, again, other = (list(islice(draw("ab", [1, 1], seed=seed), 500)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text("id,name\n1,a\n2,b b\n1,c\n")
    return path


def test_each_row_makes_a_request_and_they_share_the_weight_and_the_name(items: Path) -> None:
    mix = with_values({http_request("/items/{id}"): 3, http_request("/{name}"): 6}, str(items))
    assert {request.name for request in mix} == {"GET /items/{id}", "GET /{name}"}
    targets = {request.target: weight for request, weight in mix.items()}
    assert targets == {"/items/1": 2.0, "/items/2": 1.0, "/a": 2.0, "/b%20b": 2.0, "/c": 2.0}


def test_a_login_step_has_a_variant_for_each_row_and_users_take_them_in_turn(items: Path) -> None:
    named = login_step(http_request("/login/{name}"), keep={"token": "json:/token"}, values=items)
    alike = login_step(http_request("/start"))
    targets = [[step.request.target for step in steps_of([named, alike], number)] for number in range(4)]
    assert targets == [
        ["/login/a", "/start"],
        ["/login/b%20b", "/start"],
        ["/login/c", "/start"],
        ["/login/a", "/start"],
    ]
    assert named[0].keep == (("token", "json:/token"),)


def test_what_uses_no_column_or_no_file_is_refused_where_it_is_written(items: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'GET /x' uses none of the columns: id, name"):
        with_values({http_request("/x"): 1}, items)
    with pytest.raises(ValueError, match="uses none of the columns"):
        login_step(http_request("/login"), values=items)
    with pytest.raises(InputError, match="there is no such file"):
        with_values({http_request("/{id}"): 1}, tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        ({"to ken": "json:/a"}, "'to ken' cannot stand in braces"),
        ({"token": "/a"}, "'/a' is not `json:/pointer`, `html:CSS selector`, `regex:"),
        ({"token": "json:a"}, "'json:a' is not"),
        ({"token": "header:"}, "'header:' is not"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_is_written(keep: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        login_step(http_request("/login"), keep=keep)


def test_a_placeholder_that_nothing_fills_is_a_problem_wherever_it_stands(items: Path) -> None:
    known = "name a column or what a login keeps; kept until there: "
    mix = with_values({http_request("/{id}/{nmae}"): 1}, items)
    assert find_unfilled(declaring(requests=mix)) == ("nothing fills {nmae} in Data", known + "nothing")
    request = http_request("/{tokn}")
    found = "nothing fills {tokn} in Data"
    assert find_unfilled(declaring(request=request, login=[STEP])) == (found, known + "token")
    early = login_step(http_request("/{token}"))
    found = "nothing fills {token} in Data"
    assert find_unfilled(declaring(request=request, login=[early, STEP])) == (found, known + "nothing")


def test_a_login_in_order_and_braces_of_values_or_without_any_rows_are_no_problem(
    items: Path, tmp_path: Path
) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text('{"password": "{x}"}')
    second = login_step(http_request("/{token}/{id}"), values=items)
    step = login_step(http_request("/", json={"password": "{password}"}), values=path)
    mix = with_values({http_request("/", headers={"X": "{password}"}): 1}, path)
    for user_class in (
        declaring(requests=with_values({http_request("/{token}/{id}"): 1}, items), login=[STEP, second]),
        declaring(requests=mix, login=[step]),
        declaring(request=http_request("/{x}")),
    ):
        assert find_problem(user_class) is None
        assert find_unfilled(user_class) is None
