from dataclasses import replace

import pytest

from portcompare.loadgen.webui.form import Form, FormError, fields_of, propose, read_form
from portcompare.wire.protocol import LiveSettings, UiArm, UiPlan, UiScenario

PLAN = UiPlan(
    name="plan",
    arms=tuple(UiArm(name=name, url="") for name in ("flask", "quart", "gevent")),
    scenarios={
        "fast": UiScenario(name="fast", users=32),
        "steady": UiScenario(name="steady", model="open", users=64, rate_rps=100.0),
    },
)


def form(**fields: str) -> dict[str, list[str]]:
    return {"user_count": ["12"]} | {name: [value] for name, value in fields.items()}


def read(fields: dict[str, list[str]], running: Form | None = None) -> LiveSettings:
    return read_form(fields, PLAN, running).settings


def test_numbers_are_those_of_one_deployment_and_choices_come_in_the_order_of_the_plan() -> None:
    found = read(form(scenario="fast", deployments="flask,quart", user_count="13"))
    assert found == LiveSettings(scenarios=("fast",), arms=("flask", "quart"), users=13)
    found = read(form())  # no choice means all
    assert (found.scenarios, found.arms) == (("fast", "steady"), ("flask", "quart", "gevent"))
    found = read(form() | {"deployments": ["quart", "flask"], "user_classes": ["steady"]})
    assert (found.scenarios, found.arms) == (("steady",), ("flask", "quart"))


RUNNING = Form(
    settings=LiveSettings(
        scenarios=("steady",), arms=("flask",), model="open", users=8, rate_rps=12_345.678, delay_s=0.5
    ),
    ramp_up=4.0,
    run_time="5m",
)


def test_a_change_leaves_all_that_is_not_in_the_form() -> None:
    changed = replace(RUNNING, settings=replace(RUNNING.settings, users=12))
    assert read_form(form(), PLAN, RUNNING) == changed
    assert read_form({}, PLAN, RUNNING) == RUNNING
    assert read(form(delay=" "), RUNNING).delay_s is None  # emptied by the viewer
    # Locust's own form of a running test sends all classes, and cannot choose.
    assert read({"user_classes": ["fast", "steady"]}, RUNNING).scenarios == ("steady",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scenario": "slow"}, "There is no scenario slow; known: fast, steady"),
        ({"deployments": "flask,django"}, "There is no deployment django"),
        ({"delay": "soon"}, "Delay is 'soon': enter a number from 0 to 3,600"),
        ({"delay": "-1"}, "Delay is '-1'"),
        ({"delay": "nan"}, "Delay is 'nan'"),
        ({"load": "open", "scenario": "fast", "rate": "many"}, "Rate is 'many'"),
        ({"load": "open", "scenario": "fast"}, "Rate is empty: enter a number from 0.1 to 1,000,000"),
        ({"load": "open", "scenario": "fast", "rate": "0"}, "Rate is '0'"),
        ({"load": "half"}, "Load 'half' is neither closed nor open"),
        ({"user_count": "0"}, "Number of users is '0'"),
        ({"user_count": ""}, "Number of users is empty"),
        ({"spawn_rate": ""}, "Ramp up is empty"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_with_a_message(fields: dict[str, str], message: str) -> None:
    with pytest.raises(FormError) as refused:
        read(form(**fields))
    assert message in str(refused.value)


def test_the_form_proposes_the_plan_and_then_shows_what_runs() -> None:
    proposed = propose(PLAN)
    assert (proposed.settings.users, proposed.ramp_up) == (32, 32)
    fields = fields_of(PLAN, proposed.settings, picks_classes=False)
    assert fields["scenario"]["choices"] == ["fast", "steady"]
    assert fields["deployments"]["default"] == ["flask", "quart", "gevent"]
    assert (fields["rate"]["default"], fields["delay"]["default"]) == ("", "")
    shown = fields_of(PLAN, RUNNING.settings, picks_classes=False)
    assert {name: field["default"] for name, field in shown.items()} == {
        "scenario": "steady",
        "deployments": ["flask"],
        "load": "open",
        "rate": "12345.678",
        "delay": "0.5",
    }
    assert "scenario" not in fields_of(PLAN, RUNNING.settings, picks_classes=True)
