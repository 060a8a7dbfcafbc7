"""The fields that Locust's own form gets, and what is read from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from portcompare.wire.ui_protocol import LiveSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portcompare.units import LoadModel
    from portcompare.wire.ui_protocol import UiPlan

MODELS: Final[tuple[LoadModel, ...]] = ("closed", "open")
_MOST_DELAY_S: Final = 3600.0
_MOST_USERS: Final = 100_000

Fields = dict[str, dict[str, Any]]
"""Options of Locust's command line, by name, as `add_argument` takes them: its form shows those."""


class FormError(ValueError):
    """What is wrong with a form, for whoever filled it in."""


def fields_of(plan: UiPlan, *, picks_classes: bool) -> Fields:
    """The fields beside Locust's own: number of users, their ramp and the run time."""
    first = next(iter(plan.scenarios.values()))
    names = list(plan.scenarios)
    scenario: Fields = {"scenario": {"choices": names, "default": first.name, "help": "what is asked"}}
    return (scenario if not picks_classes else {}) | {
        "arms": {
            "choices": [arm.name for arm in plan.arms],
            "default": [arm.name for arm in plan.arms],
            "nargs": "+",
            "is_multiple": True,
            "help": "all get load at the same time; the first one chosen is the baseline",
        },
        "delay": {"default": "", "help": "seconds that each answer is to take; empty: the scenario's own"},
        "load": {
            "choices": list(MODELS),
            "default": first.model,
            "help": "closed: each user waits for its answer; open: requests come at a rate",
        },
        "rate": {
            "default": f"{first.rate_rps:g}" if first.rate_rps else "",
            "help": "open load: requests per second on each arm; users are then its connections",
        },
    }


def read_form(form: Mapping[str, Sequence[str]], plan: UiPlan, running: LiveSettings | None) -> LiveSettings:
    """Read what is to be loaded.

    `running`: what is being loaded now, which fields that are not there leave as it is; None for nothing.
    Raises FormError if a field cannot be used.
    """
    scenarios = _choose(
        [*form.get("user_classes", ()), *form.get("scenario", ())],
        list(plan.scenarios),
        running.scenarios if running else (),
        "scenario",
    )
    arms = _choose(
        form.get("arms", ()), [arm.name for arm in plan.arms], running.arms if running else (), "arm"
    )
    first = plan.scenarios[scenarios[0]]
    model = _one(form, "load") or (running.model if running else first.model)
    if model not in MODELS:
        raise FormError(f"Load {model!r} is neither closed nor open")
    users = int(_number(_one(form, "user_count") or "0", "Number of users", least=1, most=_MOST_USERS))
    is_open = model == "open"
    rate = _one(form, "rate") or (f"{running.rate_rps or first.rate_rps}" if running else f"{first.rate_rps}")
    return LiveSettings(
        scenarios=scenarios,
        arms=arms,
        delay_s=_read_delay(form, running),
        model="open" if is_open else "closed",
        users=math.ceil(users / (len(scenarios) * len(arms))),
        rate_rps=_number(rate, "Rate", least=0.1, most=1e6) if is_open else 0.0,
    )


def _read_delay(form: Mapping[str, Sequence[str]], running: LiveSettings | None) -> float | None:
    """The delay; None for each scenario's own, which a field asks for that is there and empty."""
    if "delay" not in form:
        return running.delay_s if running else None
    delay = _one(form, "delay")
    return _number(delay, "Delay", least=0.0, most=_MOST_DELAY_S) if delay else None


def _one(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name, ())
    return values[0].strip() if values else ""


def _choose(
    wanted: Sequence[str], known: Sequence[str], running: tuple[str, ...], noun: str
) -> tuple[str, ...]:
    """Those that were chosen, in the plan's order; those that run if none was; else all."""
    names = {name for value in wanted for name in value.split(",")} - {""}
    unknown = names - set(known)
    if unknown:
        raise FormError(f"There is no {noun} {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    chosen = tuple(name for name in known if name in names)
    return chosen or running or tuple(known)


def _number(text: str, name: str, *, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise FormError(f"{name} is {text!r}: give a number from {least:g} to {most:g}")
    return value
