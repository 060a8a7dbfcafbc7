"""A load test as Locust itself would set it up, for user classes that are no `LeanUser`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import locust
from locust.argument_parser import get_parser
from locust.env import Environment
from locust.event import Events

if TYPE_CHECKING:
    from locust import User
    from locust.runners import LocalRunner


def stage(user_class: type[User], url: str, **attributes: Any) -> LocalRunner:  # noqa: ANN401 - a class's own
    """Set up a load test of one user class, and start none of its users yet.

    What Locust's command line does for a class is done here as well: the listeners of the locustfile hear all
    events, `environment.parsed_options` has the defaults of its options, and `init` is fired.

    Args:
        user_class: The class.
        url: Its host for this load test, whatever host it names itself: Locust's `--host` does the same.
        attributes: What else is to be otherwise than in the class.

    Returns:
        The runner; its environment is new.
    """
    # Weight and count are shares among several classes; here there is one.
    own = {"abstract": False, "host": url, "weight": 1, "fixed_count": 0}
    staged = type(user_class.__name__, (user_class,), own)
    for name, value in attributes.items():  # afterwards: Locust adds tasks in the body to those of the base
        setattr(staged, name, value)
    environment = Environment(
        user_classes=[staged],
        events=_make_events(),
        host=url,
        parsed_options=get_parser(default_config_files=[]).parse_args([]),
    )
    runner = environment.create_local_runner()
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    return runner


def _make_events() -> Events:
    """Events of one load test, passed on to the global ones, where locustfiles listen and some clients fire.

    Each load test leaves listeners of its own behind, so the global ones cannot be its own.
    """
    own = Events()
    for name, hook in vars(locust.events).items():
        getattr(own, name).add_listener(hook.fire)
    return own
