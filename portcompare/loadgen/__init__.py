"""The load generator: everything that lives inside the Locust process.

For locustfiles: `LeanUser`, `http_request`, `declare_targets`, `Steps` and `Step`. They are imported when
first asked for: importing Locust monkey-patches the process, and the modules that do without it can be used
anywhere.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portcompare.loadgen.steps import Step, Steps
    from portcompare.loadgen.targets import declare_targets
    from portcompare.loadgen.user import LeanUser
    from portcompare.model import http_request

__all__ = ["LeanUser", "Step", "Steps", "declare_targets", "http_request"]

_HOMES = {
    "LeanUser": "portcompare.loadgen.user",
    "Step": "portcompare.loadgen.steps",
    "Steps": "portcompare.loadgen.steps",
    "declare_targets": "portcompare.loadgen.targets",
    "http_request": "portcompare.model",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
