"""The load generator: everything that lives inside the Locust process.

For locustfiles: `LeanUser`, `http_request`, `FilePart`, `with_values`, `login_step`, `declare_targets`,
`Steps` and `Step`. They are imported when first used: importing Locust monkey-patches the process, and
the modules that do without it can be used anywhere.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portcompare.http.requests import FilePart, http_request
    from portcompare.loadgen.declare import login_step, with_values
    from portcompare.loadgen.steps import Step, Steps, declare_targets
    from portcompare.loadgen.user import LeanUser

__all__ = [
    "FilePart",
    "LeanUser",
    "Step",
    "Steps",
    "declare_targets",
    "http_request",
    "login_step",
    "with_values",
]

_HOMES = {
    "portcompare.http.requests": ("FilePart", "http_request"),
    "portcompare.loadgen.declare": ("login_step", "with_values"),
    "portcompare.loadgen.steps": ("Step", "Steps", "declare_targets"),
    "portcompare.loadgen.user": ("LeanUser",),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
