"""Describes an interpreter, and imports an application with it as a server would.

Run by the app's interpreter: `python portcompare_import_check.py FACTS TARGET DISTRIBUTION,...`. It writes to
the file FACTS the interpreter's name and version, the versions of those distributions that are installed, the
interface of the application, and its routes if it has a table of them. TARGET, `module:object`, may be empty.
"""

from __future__ import annotations

import importlib
import inspect
import json
import platform
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LAYERS = 10  # of middleware around an application


def find_versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions of those distributions that are installed."""
    versions = {}
    for name in distributions:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def describe_gil() -> str:
    """The state of the global interpreter lock: "on", "on (free-threaded build)" or "off"."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "off"
    return "on (free-threaded build)" if sysconfig.get_config_var("Py_GIL_DISABLED") else "on"


def load(target: str) -> object:
    """Import an application.

    Raises SystemExit: the module has no such object, it cannot be called, the import ended the process, or a
    library has the name of the app's own module.
    """
    module_name, _, path = target.partition(":")
    try:
        found: object = importlib.import_module(module_name)
    except ImportError as error:
        clash = _beside().find_clash(error.name or "")
        if clash:
            sys.exit(f"{error}; {clash}")
        raise
    except SystemExit as ended:
        if ended.code in (None, 0):
            sys.exit("importing it ended the process with status 0")
        raise
    clash = _beside().find_clash(module_name)
    if clash:
        sys.exit(clash)
    for name in path.split("."):
        if not hasattr(found, name):
            sys.exit(f"module {module_name!r} has no {path!r}")
        found = getattr(found, name)
    if not callable(found):
        sys.exit(f"{path!r} cannot be called: it is of type {type(found).__name__}")
    return found


def list_routes(app: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 - the user's
    """The route table of an application, inside its middleware; None if it has none."""
    for _ in range(_MOST_LAYERS):
        if hasattr(app, "url_map"):
            return [
                {
                    "rule": rule.rule,
                    "methods": sorted({*(rule.methods or ())} - {"HEAD", "OPTIONS"}),
                    "is_websocket": bool(getattr(rule, "websocket", False)),
                }
                for rule in app.url_map.iter_rules()
                if not rule.build_only and rule.endpoint.rpartition(".")[2] != "static"
            ]
        app = next(
            (getattr(app, name) for name in ("app", "wsgi_app", "application") if hasattr(app, name)), None
        )
    return None


def _beside() -> Any:  # noqa: ANN401 - a module that is found only where this one is run as a script
    return importlib.import_module("portcompare_run")


def main(facts_path: str, target: str, distributions: str) -> None:
    """Write the facts, then import the application if there is one."""
    beside = _beside()
    sys.path[0] = str(Path.cwd())  # as with `python -m`; until now it is the folder of this script
    facts: dict[str, Any] = {
        "name": f"{platform.python_implementation()} {platform.python_version()}",
        "version": list(sys.version_info[:2]),
        "gil": describe_gil(),
        "versions": find_versions(distributions.split(",")),
    }
    # First without the routes: the import may end the process.
    Path(facts_path).write_text(json.dumps(facts), encoding="utf-8")
    beside.import_first()
    if target:
        app = load(target)
        is_asgi = any(map(inspect.iscoroutinefunction, (app, getattr(app, "__call__", None))))  # noqa: B004
        facts["interface"] = "asgi" if is_asgi else "wsgi"
        facts["routes"] = list_routes(app)
        Path(facts_path).write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
