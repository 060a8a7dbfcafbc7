from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.errors import Problem
from portcompare.plan import find_upstreams, load_plan, with_addresses
from tests.plan.plans import GOOD, SERVERS, problems_of, write

if TYPE_CHECKING:
    from pathlib import Path

OTHER = '\n[apps.other]\ntarget = "other:app"\ninterface = "asgi"\n'
STORE = OTHER + '\n[deployments.store]\napp = "other"\nserver = "uvicorn"\n'
IN_APP = 'interface = "asgi"\n\n[deployments.old]'


def with_environment(value: str, more: str = STORE) -> str:
    """The good plan, whose Quart app has a variable."""
    assert GOOD.count(IN_APP) == 1
    variable = f'environment = {{ STORE = "{value}" }}'
    return GOOD.replace(IN_APP, f'interface = "asgi"\n{variable}\n\n[deployments.old]') + more


def test_what_an_environment_names_is_an_upstream(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path / "plan.toml", with_environment("{upstream.store}/v1")), SERVERS)

    assert find_upstreams(plan) == ("store",)
    assert [arm.deployment for arm in plan.arms] == ["old", "old", "new"]


def test_a_deployment_that_nobody_names_is_none(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path / "plan.toml", with_environment("http://store")), SERVERS)

    assert find_upstreams(plan) == ()


def test_a_deployment_can_name_one_too(tmp_path: Path) -> None:
    text = GOOD.replace('server = "hypercorn"', 'server = "hypercorn"\nenvironment.A = "{upstream.store}"')
    plan = load_plan(write(tmp_path / "plan.toml", text + STORE), SERVERS)

    assert find_upstreams(plan) == ("store",)
    filled = with_addresses(plan, {"store": "http://127.0.0.1:8000"})
    assert filled.deployments["new"].environment == {"A": "http://127.0.0.1:8000"}


def test_addresses_stand_where_the_names_stood(tmp_path: Path) -> None:
    text = with_environment("{upstream.store}/v1, {arm}, {upstream.store}")
    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)

    filled = with_addresses(plan, {"store": "http://127.0.0.1:8000"})

    assert filled.apps["quart"].environment == {
        "STORE": "http://127.0.0.1:8000/v1, {arm}, http://127.0.0.1:8000"
    }
    assert find_upstreams(filled) == ()
    assert find_upstreams(plan) == ("store",)


@pytest.mark.parametrize(
    ("value", "more", "found", "remedy"),
    [
        (
            "{upstream.stroe}",
            STORE,
            "there is no deployment 'stroe'",
            "did you mean 'store'? Known: new, old, store",
        ),
        (
            "{upstream.old}",
            "",
            "the upstream 'old' is measured itself",
            "give the upstream a deployment of its own, which is neither baseline nor candidate",
        ),
        (
            "{upstream.store}",
            STORE.replace("uvicorn", "hypercorn").replace('"other"\nserver', '"quart"\nserver'),
            "the upstream 'store' has an upstream itself",
            "give it an app that has none",
        ),
    ],
)
def test_what_can_be_no_upstream_is_told(
    tmp_path: Path, value: str, more: str, found: str, remedy: str
) -> None:
    path = write(tmp_path / "plan.toml", with_environment(value, more))

    where = f"{path}: apps.quart.environment.STORE"
    assert problems_of(path) == (Problem(where=where, found=found, remedy=remedy),)


def test_a_fault_of_the_upstream_itself_is_told(tmp_path: Path) -> None:
    more = STORE.replace("uvicorn", "unicorn")
    (problem,) = problems_of(write(tmp_path / "plan.toml", with_environment("{upstream.store}", more)))

    assert "deployments.store.server" in problem.where


def test_slots_of_an_app_that_is_not_there_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.toml", GOOD + 'slots = { qart = "event-loop" }\n')

    assert problems_of(path) == (
        Problem(
            where=f"{path}: scenarios.fast.slots.qart",
            found="there is no app 'qart'",
            remedy="did you mean 'quart'? Known: flask, quart",
        ),
    )


@pytest.mark.parametrize("slots", ["0", "-1", '"loop"', "1.5"])
def test_slots_are_a_number_or_a_known_word(tmp_path: Path, slots: str) -> None:
    path = write(tmp_path / "plan.toml", GOOD + f"slots = {{ quart = {slots} }}\n")

    assert all("scenarios.fast.slots.quart" in problem.where for problem in problems_of(path))
