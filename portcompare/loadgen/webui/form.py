"""The fields that are added to Locust's form, and what is read from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from portcompare.units import LoadModel
from portcompare.wire.protocol import LiveSettings, UiPlan

_MODELS: Final[tuple[LoadModel, ...]] = get_args(LoadModel)


class FormError(ValueError):
    """A field cannot be used; the text is for the viewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a viewer has chosen; all numbers are those of one deployment."""

    settings: LiveSettings
    ramp_up: float  # Users of each scenario that are started per second
    run_time: str = ""  # As Locust reads it; empty for no end


def propose(plan: UiPlan) -> Form:
    """What the form shows before the first test: the plan's first scenario on all deployments."""
    first = next(iter(plan.scenarios.values()))
    settings = LiveSettings(
        scenarios=(first.name,),
        arms=tuple(arm.name for arm in plan.arms),
        model=first.model,
        users=first.users,
        rate_rps=first.rate_rps,
    )
    return Form(settings=settings, ramp_up=first.users)


def fields_of(plan: UiPlan, shown: LiveSettings, *, picks_classes: bool) -> dict[str, dict[str, Any]]:
    """The fields beside Locust's own (number of users, ramp up, run time), filled with what is shown.

    They are options of Locust's command line, by name, as `add_argument` takes them: its form shows those.
    """
    names = list(plan.scenarios)
    scenario = {"choices": names, "default": shown.scenarios[0], "help": "what is requested"}
    return ({} if picks_classes else {"scenario": scenario}) | {
        "deployments": {
            "choices": [arm.name for arm in plan.arms],
            "default": list(shown.arms),
            "nargs": "+",
            "is_multiple": True,
            "help": "all get load at the same time; the first one chosen is the baseline",
        },
        "load": {
            "choices": list(_MODELS),
            "default": shown.model,
            "help": "closed: each user waits for its response; open: requests are sent at a rate",
        },
        "rate": {
            "default": f"{shown.rate_rps:.15g}" if shown.rate_rps else "",
            "help": "open load: requests per second on each deployment; users are then its connections",
        },
        "delay": {
            "default": "" if shown.delay_s is None else f"{shown.delay_s:.15g}",
            "help": "seconds that each response is to take; empty: the scenario's own",
        },
    }


def read_form(form: Mapping[str, Sequence[str]], plan: UiPlan, running: Form | None) -> Form:
    """Read what is to be loaded.

    `running`: what is loaded now, which a field that is not in the form leaves as it is; None for nothing.
    Raises FormError if a field cannot be used.
    """
    before = running or propose(plan)
    now = before.settings
    all_scenarios, all_arms = tuple(plan.scenarios), tuple(arm.name for arm in plan.arms)
    picked = _choose(form.get("user_classes", ()), all_scenarios, "scenario")
    if running and picked == all_scenarios:
        picked = ()  # Locust's Edit sends all classes, whichever run
    chosen = picked or _choose(form.get("scenario", ()), all_scenarios, "scenario")
    scenarios = chosen or (now.scenarios if running else all_scenarios)
    arms = _choose(form.get("deployments", ()), all_arms, "deployment") or now.arms
    first = plan.scenarios[scenarios[0]]
    load = _value(form, "load") or (now.model if running else first.model)
    model = next((model for model in _MODELS if model == load), None)
    if model is None:
        raise FormError(f"Load {load!r} is neither closed nor open")
    users = _value(form, "user_count", now.users)
    rate = _value(form, "rate") or (now.rate_rps if running else 0) or first.rate_rps or ""
    delay = _value(form, "delay", "" if now.delay_s is None else now.delay_s)
    settings = LiveSettings(
        scenarios=scenarios,
        arms=arms,
        delay_s=_number(delay, "Delay", least=0.0, most=3600.0) if delay else None,
        model=model,
        users=math.ceil(_number(users, "Number of users", least=1, most=100_000)),
        rate_rps=_number(str(rate), "Rate", least=0.1, most=1e6) if model == "open" else 0.0,
    )
    ramp_up = _number(_value(form, "spawn_rate", before.ramp_up), "Ramp up", least=0.001, most=100_000)
    return Form(settings=settings, ramp_up=ramp_up, run_time=_value(form, "run_time", before.run_time))


def read_budget(text: str) -> float:
    """Read how long a run may take, in seconds; raises FormError if it cannot take so long."""
    return _number(text, "Budget", least=1, most=86_400)


def _value(form: Mapping[str, Sequence[str]], name: str, otherwise: object = "") -> str:
    """A field's text; `otherwise` if the form has no such field."""
    values = form.get(name)
    return str(otherwise) if values is None else "".join(values[:1]).strip()


def _choose(chosen: Sequence[str], known: tuple[str, ...], noun: str) -> tuple[str, ...]:
    """The chosen ones in the plan's order."""
    names = {name for value in chosen for name in value.split(",")} - {""}
    unknown = names - set(known)
    if unknown:
        raise FormError(f"There is no {noun} {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    return tuple(name for name in known if name in names)


def _number(text: str, name: str, *, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise FormError(
            f"{name} is {repr(text) if text else 'empty'}: enter a number from {least:g} to {most:,.12g}"
        )
    return value
