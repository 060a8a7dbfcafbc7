"""The values that names and expressions of a project may stand for."""

import re
from dataclasses import dataclass

from portcompare.port.sources import Scope

_IN_MODULE = re.compile(
    r"^flask\.(app|blueprints|config|ctx|globals|helpers|json|templating|wrappers)\.(?=\w+$)"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a library: a module, a class or a function."""

    dotted: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the project."""

    of: Scope


Value = str | Name | Scope | Instance  # a text is the kind of an object of a library
Values = set[Value]
NOTHING: Values = set()


def canonical(dotted: str) -> str:
    """The one name of what Flask has in two places, such as `flask.helpers.flash`."""
    return _IN_MODULE.sub("flask.", dotted)


def is_property(value: Value) -> bool:
    """Whether a value is a function that an attribute of an object runs."""
    decorators = getattr(value.node, "decorator_list", ()) if isinstance(value, Scope) else ()
    names = (getattr(each, "attr", "") or getattr(each, "id", "") for each in decorators)
    return any(name.endswith("property") for name in names)
