"""Reports the framework and the routes of an app; a script for the app's interpreter, Python 3.8 or later.

`python probe.py REPLY TARGET` imports TARGET, `module:object` or `module:factory()`, from the working
directory, and writes to REPLY, as JSON, the framework, the routes and the names of installed distributions.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import threading
import uuid
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = "example"


def find_app(target: str) -> Any:  # noqa: ANN401 - Flask and Quart are the app's, not ours
    """Import an app, or call its factory."""
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name.replace("()", ""))
    return found() if name.endswith("()") else found


def framework(app: Any) -> str:  # noqa: ANN401 - as above
    """The framework of an app; exits with a message if it is not an app."""
    for base in type(app).__mro__:
        if base.__name__ in ("Flask", "Quart") and base.__module__.split(".")[0] == base.__name__.lower():
            return base.__name__.lower()
    return sys.exit(f"it is not an app of Flask or Quart: its type is {type(app).__name__}")


def routes(app: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    """The route table of an app."""
    kinds = {converter: kind for kind, converter in app.url_map.converters.items() if kind != "default"}
    adapter = app.url_map.bind("127.0.0.1")
    for rule in app.url_map.iter_rules():
        if getattr(rule, "websocket", False) or rule.build_only:
            continue
        converters = rule._converters  # noqa: SLF001 - werkzeug has no public name for them
        yield {
            "rule": rule.rule,
            "endpoint": str(rule.endpoint),
            "methods": sorted(rule.methods or ()),
            "converters": {
                name: kinds.get(type(converter), "string") for name, converter in converters.items()
            },
            "path": _path(rule, converters, adapter),
        }


def _path(rule: Any, converters: dict[str, Any], adapter: Any) -> str | None:  # noqa: ANN401 - as above
    """A path that leads to a rule; None if none was found."""
    methods = sorted(rule.methods or ())
    for number in (1, 2):  # the first can be a default, from which the app redirects
        try:
            values = {name: _value(converter, number) for name, converter in converters.items()}
            path: str = rule.build(values, append_unknown=False)[1]
            if adapter.match(path, method="GET" if "GET" in methods else methods[0])[0] == rule.endpoint:
                return path
        except Exception:  # noqa: BLE001, S112 - a converter can raise anything; the user then writes a path
            continue
    return None


def _value(converter: Any, number: int) -> Any:  # noqa: ANN401 - as above
    """A plausible value for a parameter of a path, by the class that its converter derives from."""
    for base in type(converter).__mro__:
        kind = base.__name__
        if kind == "IntegerConverter":
            return _within(converter, number)
        if kind == "FloatConverter":
            return _within(converter, number + 0.5)
        if kind == "UUIDConverter":
            return uuid.UUID(int=(4 << 76) + (8 << 60) + number)  # version 4, as most are
        if kind == "PathConverter":
            return "a/b"
        if kind == "AnyConverter":
            return sorted(converter.items)[number - 1]
    words = (_WORD[:length] for length in range(len(_WORD), 0, -1))
    return next((word for word in words if re.fullmatch(converter.regex, word)), _WORD)


def _within(converter: Any, value: float) -> float:  # noqa: ANN401 - as above
    if converter.min is not None and value < converter.min:
        value += converter.min
    return value if converter.max is None else min(value, converter.max)


def main(reply: str, target: str) -> None:
    """Import the app and write the reply."""
    sys.path[0] = str(Path.cwd())  # instead of this script's own folder
    installed = {str(each.metadata["Name"]).lower() for each in distributions()}
    app = find_app(target)
    found = {"framework": framework(app), "routes": list(routes(app)), "installed": sorted(installed)}
    Path(reply).write_text(json.dumps(found), encoding="utf-8")
    if threading.active_count() > 1:
        os._exit(0)  # a thread that the app has started would keep the process


if __name__ == "__main__":
    main(*sys.argv[1:])
