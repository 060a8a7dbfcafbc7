"""The fields that are added to Locust's form, and what is read from it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from portcompare.units import LoadModel
from portcompare.wire.protocol import LiveSettings, UiPlan

_MODELS: Final[tuple[LoadModel, ...]] = get_args(LoadModel)


class FormError(ValueError):
    """A field cannot be used; the text is for the viewer."""


def fields_of(plan: UiPlan, *, picks_classes: bool) -> dict[str, dict[str, Any]]:
    """The fields beside Locust's own (number of users, ramp up, run time).

    They are options of Locust's command line, by name, as `add_argument` takes them: its form shows those.
    """
    first = next(iter(plan.scenarios.values()))
    arms = [arm.name for arm in plan.arms]
    scenario = {"choices": list(plan.scenarios), "default": first.name, "help": "what is requested"}
    return ({} if picks_classes else {"scenario": scenario}) | {
        "arms": {
            "choices": arms,
            "default": arms,
            "nargs": "+",
            "is_multiple": True,
            "help": "all get load at the same time; the first one chosen is the baseline",
        },
        "delay": {"default": "", "help": "seconds that each response is to take; empty: the scenario's own"},
        "load": {
            "choices": list(_MODELS),
            "default": first.model,
            "help": "closed: each user waits for its response; open: requests are sent at a rate",
        },
        "rate": {
            "default": f"{first.rate_rps:g}" if first.rate_rps else "",
            "help": "open load: requests per second on each arm; users are then its connections",
        },
    }


def read_form(form: Mapping[str, Sequence[str]], plan: UiPlan, running: LiveSettings | None) -> LiveSettings:
    """Read what is to be loaded.

    `running`: what is loaded now, which a field that is not in the form leaves as it is; None for nothing.
    Raises FormError if a field cannot be used.
    """
    all_scenarios, all_arms = tuple(plan.scenarios), tuple(arm.name for arm in plan.arms)
    chosen = [*form.get("user_classes", ()), *form.get("scenario", ())]
    scenarios = _choose(chosen, all_scenarios, "scenario")
    scenarios = scenarios or (running.scenarios if running else all_scenarios)
    arms = _choose(form.get("arms", ()), all_arms, "arm") or (running.arms if running else all_arms)
    first = plan.scenarios[scenarios[0]]
    load = _value(form, "load") or (running.model if running else first.model)
    model = next((model for model in _MODELS if model == load), None)
    if model is None:
        raise FormError(f"Load {load!r} is neither closed nor open")
    users = int(_number(_value(form, "user_count") or "0", "Number of users", least=1, most=100_000))
    rate = _value(form, "rate") or str((running and running.rate_rps) or first.rate_rps)
    delay = _value(form, "delay")
    delay_s = _number(delay, "Delay", least=0.0, most=3600.0) if delay else None
    if running and "delay" not in form:
        delay_s = running.delay_s
    return LiveSettings(
        scenarios=scenarios,
        arms=arms,
        delay_s=delay_s,
        model=model,
        users=math.ceil(users / (len(scenarios) * len(arms))),
        rate_rps=_number(rate, "Rate", least=0.1, most=1e6) if model == "open" else 0.0,
    )


def _value(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name, ())
    return values[0].strip() if values else ""


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
        raise FormError(f"{name} is {text!r}: enter a number from {least:g} to {most:g}")
    return value
