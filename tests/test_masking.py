from typing import Any

import pytest

from portcompare.masking import mask_plan, mask_secrets

SECRETS = {
    "API_KEY": "k1",
    "auth_token": "t1",
    "MY_SECRET_X": "s1",
    "DbPassword": "p1",
    "GCP_CREDENTIALS": "c1",
    "Authorization": "Bearer b1",
    "Cookie": "sid=i1",
}


def test_secrets_are_masked_by_their_names_and_nothing_else_is() -> None:
    assert mask_secrets(SECRETS | {"MODE": "fast"}) == dict.fromkeys(SECRETS, "***") | {"MODE": "fast"}


def test_what_stands_below_a_secret_name_is_masked_and_what_is_not_given_is_not() -> None:
    table = {"tokens": {"a": "1", "b": ["2", {"c": 3}]}, "password": None, "user": {"name": "ann"}}
    assert mask_secrets(table) == {
        "tokens": {"a": "***", "b": ["***", {"c": "***"}]},
        "password": None,
        "user": {"name": "ann"},
    }


@pytest.mark.parametrize(
    ("table", "masked"),
    [
        ({"environment": {"API_KEY": "x", "MODE": "y"}}, {"environment": {"API_KEY": "***", "MODE": "y"}}),
        (
            {"headers": {"Authorization": "x", "Accept": "y"}},
            {"headers": {"Authorization": "***", "Accept": "y"}},
        ),
        ({"json": {"user": "ann", "password": "x"}}, {"json": {"user": "ann", "password": "***"}}),
        ({"form": {"token": ["x"], "page": 1}}, {"form": {"token": ["***"], "page": 1}}),
        ({"cookies": {"sid": "x"}}, {"cookies": {"sid": "***"}}),
        ({"json": None, "cookies": {}}, {"json": None, "cookies": {}}),
    ],
    ids=["environment", "headers", "json", "form", "cookies", "nothing"],
)
def test_a_plan_s_requests_and_environments_lose_their_secrets(
    table: dict[str, Any], masked: dict[str, Any]
) -> None:
    assert mask_plan({"scenarios": {"one": {"requests": [table]}}}) == {
        "scenarios": {"one": {"requests": [masked]}}
    }


def test_passwords_in_urls_are_masked_anywhere_in_a_plan() -> None:
    plan = {
        "deployments": {"x": {"command": "serve --db sql://a:b@c"}},
        "apps": {"y": {"setup": ["s://a:b@c"]}},
    }
    assert mask_plan(plan) == {
        "deployments": {"x": {"command": "serve --db sql://a:***@c"}},
        "apps": {"y": {"setup": ["s://a:***@c"]}},
    }


def test_names_of_the_plan_s_own_tables_mean_nothing() -> None:
    plan = {"scenarios": {"token": {"load": {"users": [1]}, "login": [{"keep": {"token": "json:/token"}}]}}}
    assert mask_plan(plan) == plan


def test_passwords_in_urls_are_masked_wherever_they_stand() -> None:
    table = {
        "DATABASE_URL": "postgresql://ann:s3cret@db:5432/shop",
        "SITE": "http://ann@example.org:80/a:b@c",
    }
    assert mask_secrets(table) == {
        "DATABASE_URL": "postgresql://ann:***@db:5432/shop",
        "SITE": "http://ann@example.org:80/a:b@c",
    }
