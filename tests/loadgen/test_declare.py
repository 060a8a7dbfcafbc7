from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from portcompare.errors import InputError
from portcompare.http.requests import http_request
from portcompare.loadgen.declare import find_login_problem, find_unfilled, login_step, steps_of, with_values

if TYPE_CHECKING:
    from pathlib import Path

    from portcompare.records.requests import RequestSpec


@pytest.fixture
def items(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text("id,name\n1,a\n2,b b\n1,c\n")
    return path


def asking(**declared: Any) -> type:  # noqa: ANN401 - right or wrong
    return type("Asking", (), declared)


def by_target(mix: dict[RequestSpec, float]) -> dict[str, float]:
    assert {request.name for request in mix} <= {"GET /items/{id}", "GET /{name}"}
    return {request.target: weight for request, weight in mix.items()}


def test_each_row_makes_a_request_and_they_share_the_weight_and_the_name(items: Path) -> None:
    mix = with_values({http_request("/items/{id}"): 3, http_request("/{name}"): 6}, str(items))
    assert by_target(mix) == {"/items/1": 2.0, "/items/2": 1.0, "/a": 2.0, "/b%20b": 2.0, "/c": 2.0}


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
    ("keep", "said"),
    [
        ({"to ken": "json:/a"}, "'to ken' cannot stand in braces"),
        ({"token": "/a"}, "'/a' is not `json:/pointer`, `header:Name` or `cookie:name`"),
        ({"token": "json:a"}, "'json:a' is not"),
        ({"token": "header:"}, "'header:' is not"),
    ],
)
def test_what_cannot_be_kept_is_refused_where_it_is_written(keep: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        login_step(http_request("/login"), keep=keep)


STEP = login_step(http_request("/login"), keep={"token": "json:/token"})


@pytest.mark.parametrize(
    ("login", "found"),
    [
        (STEP, "Asking's `login` is not a list of login steps"),
        ([http_request("/")], "Asking's `login` is not a list of login steps"),
        ([[]], "Asking's `login` is not a list of login steps"),
        (
            [login_step(http_request("/ä"))],
            "Asking cannot send 'GET /ä': the path '/ä' does not begin with /",
        ),
    ],
)
def test_a_login_that_is_none_is_a_problem(login: object, found: str) -> None:
    problem = find_login_problem(asking(request=http_request("/"), login=login))
    assert problem is not None
    assert problem[0].startswith(found)
    assert problem[1]


def test_a_login_in_order_is_none(items: Path) -> None:
    second = login_step(http_request("/{token}/{id}"), values=items)
    requests = with_values({http_request("/{token}/{id}"): 1}, items)
    user_class = asking(requests=requests, login=[STEP, second])
    assert find_login_problem(user_class) is None
    assert find_unfilled(user_class) is None


def test_braces_without_rows_or_a_login_are_just_braces() -> None:
    assert find_unfilled(asking(request=http_request("/{x}"))) is None


def test_a_placeholder_that_nothing_fills_is_a_problem_wherever_it_stands(items: Path) -> None:
    known = "name a column or what a login keeps; kept until there: "
    mix = with_values({http_request("/{id}/{nmae}"): 1}, items)
    assert find_unfilled(asking(requests=mix)) == ("nothing fills {nmae} in Asking", known + "nothing")
    request = http_request("/{tokn}")
    found = "nothing fills {tokn} in Asking"
    assert find_unfilled(asking(request=request, login=[STEP])) == (found, known + "token")
    early = login_step(http_request("/{token}"))
    found = "nothing fills {token} in Asking"
    assert find_unfilled(asking(request=request, login=[early, STEP])) == (found, known + "nothing")


def test_braces_in_values_are_no_placeholders(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text('{"password": "{x}"}')
    step = login_step(http_request("/", json={"password": "{password}"}), values=path)
    mix = with_values({http_request("/", headers={"X": "{password}"}): 1}, path)
    assert find_unfilled(asking(requests=mix, login=[step])) is None
