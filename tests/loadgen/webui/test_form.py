from dataclasses import replace

import pytest

from portcompare.loadgen.webui.form import FormError, fields_of, read_form
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


def test_users_are_shared_and_rounded_up_and_what_is_chosen_comes_in_the_order_of_the_plan() -> None:
    read = read_form(form(scenario="fast", arms="flask,quart", user_count="13"), PLAN, None)
    assert read == LiveSettings(scenarios=("fast",), arms=("flask", "quart"), users=7)
    read = read_form(form(), PLAN, None)  # no choice means all
    assert (read.scenarios, read.arms, read.users) == (("fast", "steady"), ("flask", "quart", "gevent"), 2)
    read = read_form(form() | {"arms": ["quart", "flask"], "user_classes": ["steady"]}, PLAN, None)
    assert (read.scenarios, read.arms) == (("steady",), ("flask", "quart"))


def test_a_change_leaves_fields_that_are_not_in_the_form() -> None:
    running = LiveSettings(scenarios=("steady",), arms=("flask",), model="open", users=8, rate_rps=50.0)
    read = read_form(form(delay="0.5"), PLAN, running)
    assert read == replace(running, users=12, delay_s=0.5)
    assert read_form(form(), PLAN, read).delay_s == 0.5
    assert read_form(form(delay=" "), PLAN, read).delay_s is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scenario": "slow"}, "There is no scenario slow; known: fast, steady"),
        ({"arms": "flask,django"}, "There is no arm django"),
        ({"delay": "soon"}, "Delay is 'soon': enter a number from 0 to 3600"),
        ({"delay": "-1"}, "Delay is '-1'"),
        ({"delay": "nan"}, "Delay is 'nan'"),
        ({"load": "open", "scenario": "fast", "rate": "many"}, "Rate is 'many'"),
        ({"load": "open", "scenario": "fast"}, "Rate is '0.0'"),
        ({"load": "half"}, "Load 'half' is neither closed nor open"),
        ({"user_count": "0"}, "Number of users is '0'"),
        ({"user_count": ""}, "Number of users is '0'"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused_with_a_message(fields: dict[str, str], message: str) -> None:
    with pytest.raises(FormError) as refused:
        read_form(form(**fields), PLAN, None)
    assert message in str(refused.value)


def test_the_form_proposes_the_plan() -> None:
    fields = fields_of(PLAN, picks_classes=False)
    assert fields["scenario"]["choices"] == ["fast", "steady"]
    assert fields["arms"]["default"] == ["flask", "quart", "gevent"]
    assert "scenario" not in fields_of(PLAN, picks_classes=True)
