"""Reports what an app is like; a script for the app's interpreter, Python 3.8 or later.

`python probe.py TOOLS REPLY TARGET [REQUESTS]` imports TARGET, `module:object` or `module:factory()`, from
the working directory, and writes to REPLY, as JSON: the framework, the routes, the names of installed
distributions and the SQLite files of the app; or why it could not be imported, and the variables that it
lacks. REQUESTS are GET requests, as JSON, that are sent to it within this process; REPLY then has their
responses, too. TOOLS is the folder of `portcompare_import_check`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import threading
import time
import traceback
import uuid
from contextlib import suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

RESPONSE_LIMIT_S = 3.0  # how long a request that is tried may take
ALL_LIMIT_S = 10.0  # when no further one is tried

_WORD = "example"
_WORDS = (
    *(_WORD[:length] for length in range(len(_WORD), 0, -1)),
    *("1", "2", "2024-01-31", "1.5", "a-b", "a/b", "AB", "ABC", "abc123", "en-GB", "1-2", "1,2", "true"),
    *("a@example.org", "00000000-0000-4000-8000-000000000001", "0123456789abcdef01234567"),
)
"""What a parameter may look like whose converter is the app's own; the likeliest first."""

_OPENAPI_3 = re.compile(rb"""\bopenapi["']?\s*:\s*["']?3\.""")
_SQLITE_URL = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")
_MAPPING = re.compile(r"(.*[/\\])?(os|_collections_abc)\.py|<frozen (os|_collections_abc)>")  # of variables
_SQLITE_FILE = re.compile(r"(?i).+\.(db3?|sqlite3?)")

lacking: dict[str, bool] = {}
"""The variables that were looked up and are not set; whether code of the project itself did."""

databases: dict[str, bool] = {}
"""The SQLite files that are opened or configured; whether they were there before."""


def watch() -> None:
    """Record from now on which variables are looked up in vain, and which SQLite files are opened."""
    kind: Any = type(os.environ)
    look_up = kind.__getitem__

    def look_up_and_record(self: Any, name: str) -> str:  # noqa: ANN401 - as it is
        try:
            return str(look_up(self, name))
        except KeyError:
            lacking[name] = lacking.get(name, False) or _is_own(_caller())
            raise

    kind.__getitem__ = look_up_and_record

    def record(event: str, arguments: Any) -> None:  # noqa: ANN401 - of any event
        if event == "sqlite3.connect":
            add_database(arguments[0])

    sys.addaudithook(record)


def _caller() -> str:
    """The file that looks a variable up, whichever of a mapping's methods it uses."""
    frame = sys._getframe(2)  # noqa: SLF001 - its documented name
    while frame.f_back and _MAPPING.fullmatch(frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename


def _is_own(file: str) -> bool:
    """Whether a file is the project's."""
    return file.startswith(str(Path.cwd())) and "site-packages" not in file


def add_database(name: object, folder: str = "") -> None:
    """Record a SQLite file, unless it is in memory or a temporary one."""
    text = os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else ""
    path = re.sub(r"\?.*", "", text[5:]) if text.startswith("file:") else text
    if path and "memory" not in text:
        file = os.path.abspath(os.path.join(folder, path))  # noqa: PTH100, PTH118 - keeps links
        databases.setdefault(file, Path(file).exists())


def framework(app: Any) -> str:  # noqa: ANN401 - as above
    """The framework of an app; exits with a message if it is not an app."""
    for base in type(app).__mro__:
        if base.__name__ in ("Flask", "Quart") and base.__module__.split(".")[0] == base.__name__.lower():
            return base.__name__.lower()
    return sys.exit(f"it is not an app of Flask or Quart: its type is {type(app).__name__}")


def find_configured_databases(app: Any) -> None:  # noqa: ANN401 - as above
    """Record the SQLite files that an app's configuration names."""
    for key, value in app.config.items():
        texts = value.values() if isinstance(value, dict) else [value]
        for text in (each for each in texts if isinstance(each, str)):
            url = _SQLITE_URL.match(text)
            if url:  # Flask-SQLAlchemy's are relative to the instance folder
                add_database(url[1], app.instance_path if "SQLALCHEMY" in key else "")
            elif re.search("DATABASE|DB|SQLITE", key) and _SQLITE_FILE.fullmatch(text):
                add_database(text)


def routes(app: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - as above
    """The route table of an app."""
    url_map = app.url_map
    kinds = {converter: kind for kind, converter in url_map.converters.items() if kind != "default"}
    for rule in url_map.iter_rules():
        if rule.build_only:
            continue
        host, adapter = _host(rule, url_map, app.config.get("SERVER_NAME") or "")
        converters = rule._converters  # noqa: SLF001 - werkzeug has no public name for them
        path, values = _path(rule, converters, adapter)
        yield {
            "rule": rule.rule,
            "endpoint": str(rule.endpoint),
            "methods": sorted(rule.methods or ()),
            "converters": {
                name: kinds.get(type(converter), "string") for name, converter in converters.items()
            },
            "regexes": {name: converter.regex for name, converter in converters.items()},
            "values": values,
            "path": path,
            "host": host,
            "is_strict": bool(rule.strict_slashes),
            "defaults": {k: v for k, v in (rule.defaults or {}).items() if isinstance(v, (int, str, float))},
            "is_websocket": bool(getattr(rule, "websocket", False)),
        }


def _host(rule: Any, url_map: Any, server_name: str) -> tuple[str, Any]:  # noqa: ANN401 - as above
    """The host that a rule is bound to, empty for none, and what matches the paths there."""
    if url_map.host_matching and rule.host and "<" not in rule.host:
        return rule.host, url_map.bind(rule.host)
    if rule.subdomain and server_name and not url_map.host_matching and "<" not in rule.subdomain:
        return f"{rule.subdomain}.{server_name}", url_map.bind(server_name, subdomain=rule.subdomain)
    return "", url_map.bind("127.0.0.1")


def _path(rule: Any, converters: dict[str, Any], adapter: Any) -> tuple[str | None, dict[str, str]]:  # noqa: ANN401
    """A path that leads to a rule, None if none was found; and the texts of its parameters."""
    # HEAD and OPTIONS can lead to another rule of the same path.
    methods = sorted(rule.methods or (), key=lambda method: (method in ("HEAD", "OPTIONS"), method))
    texts = dict.fromkeys(converters, _WORD)
    for number in (1, 2):  # the first can be a default, from which the app redirects
        try:
            values = {name: _value(converter, number) for name, converter in converters.items()}
            texts = {name: converters[name].to_url(value) for name, value in values.items()}
            path: str = rule.build(values, append_unknown=False)[1]
            if adapter.match(path, method=methods[0] if methods else "GET")[0] == rule.endpoint:
                return path, texts
        except Exception:  # noqa: BLE001, S112 - a converter can raise anything; the user then writes a path
            continue
    return None, texts


def _value(converter: Any, number: int) -> Any:  # noqa: ANN401 - as above
    """A plausible value for a parameter of a path, by the class that its converter derives from."""
    for base in type(converter).__mro__:
        kind = base.__name__
        if kind in ("IntegerConverter", "FloatConverter"):
            value = number + (0.5 if kind == "FloatConverter" else 0)
            if converter.min is not None and value < converter.min:
                value += converter.min
            return value if converter.max is None else min(value, converter.max)
        if kind == "UUIDConverter":
            return uuid.UUID(int=(4 << 76) + (8 << 60) + number)  # version 4, as most are
        if kind == "PathConverter":
            return "a/b"
        if kind == "AnyConverter":
            return sorted(converter.items)[number - 1]
    for word in _WORDS:
        if re.fullmatch(converter.regex, word):
            with suppress(ValueError):  # werkzeug's ValidationError, of a text that the pattern alone allows
                return converter.to_python(word)
    return _WORD


def send(app: Any, requests: list[dict[str, str]]) -> list[dict[str, Any]]:  # noqa: ANN401 - as above
    """The responses of a Flask app to the first GET requests; a status of None if one took too long."""
    from flask import got_request_exception  # noqa: PLC0415 - the app's

    raised: list[BaseException] = []
    got_request_exception.connect(lambda _, exception, **__: raised.append(exception), weak=False)
    client = app.test_client(use_cookies=False)

    def send_one(request: dict[str, str], response: dict[str, Any]) -> None:
        raised.clear()
        try:
            received = client.get(request["path"], base_url=f"http://{request['host'] or '127.0.0.1'}/")
            response["status"] = received.status_code
            response["location"] = received.headers.get("Location", "")
            is_text = "json" in received.content_type or "yaml" in request["path"]
            response["is_openapi"] = is_text and bool(_OPENAPI_3.search(received.get_data()))
            received.close()
        except Exception as error:  # noqa: BLE001 - an app in debug mode raises what it would respond 500 to
            raised.append(error)
            response["status"] = 500
        response["error"] = "; ".join(map(_describe, raised[-1:]))

    responses: list[dict[str, Any]] = []
    end_s = time.monotonic() + ALL_LIMIT_S
    for request in requests:
        if time.monotonic() > end_s:
            break
        response: dict[str, Any] = {"status": None, "location": "", "is_openapi": False, "error": ""}
        responses.append(response)
        thread = threading.Thread(target=send_one, args=(request, response), daemon=True)
        thread.start()
        thread.join(RESPONSE_LIMIT_S)
    return [dict(each) for each in responses]


def _describe(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[0]


def describe_failure(error: BaseException) -> dict[str, Any]:
    """Why an app could not be imported: the error, the project's line, and the variables that it lacks."""
    lines = traceback.extract_tb(error.__traceback__)
    own = next((each for each in reversed(lines) if _is_own(each.filename)), None)
    text = str(error)
    named = [name for name in lacking if re.search(rf"\b{re.escape(name)}\b", text)]
    if isinstance(error, KeyError) and re.fullmatch("[A-Z][A-Z0-9_]+", str(error.args[0])):
        named = [str(error.args[0])]
    elif callable(getattr(error, "errors", None)) and "pydantic_settings" in sys.modules:
        named = _settings(error)
    elif not named and not isinstance(error, ImportError):
        named = [name for name, is_own in lacking.items() if is_own]
    return {
        "error": text if isinstance(error, SystemExit) else _describe(error),
        "place": f"{os.path.relpath(own.filename)}, line {own.lineno}: {own.line}" if own else "",
        "lacking": named,
    }


def _settings(error: Any) -> list[str]:  # noqa: ANN401 - the app's pydantic's
    """The variables that an object of settings lacks."""
    left, prefix = [sys.modules["pydantic_settings"].BaseSettings], ""
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.__name__ == error.title:
            prefix = kind.model_config.get("env_prefix", "")
    missing = [each["loc"][0] for each in error.errors() if each["type"] == "missing" and each["loc"]]
    return [(name if name.isupper() else prefix + name).upper() for name in missing]


def main(tools: str, reply: str, target: str, requests: str = "[]") -> None:
    """Import the app and write the reply."""
    sys.path[0] = tools
    check, run = map(importlib.import_module, ("portcompare_import_check", "portcompare_run"))
    sys.path[0] = str(Path.cwd())  # instead of this script's own folder
    run.import_first()
    installed = {str(each.metadata["Name"]).lower() for each in distributions()}
    watch()
    try:
        app = check.load(target.replace("()", ""))
        if target.endswith("()"):
            app = app()
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.code, str):
            raise
        Path(reply).write_text(json.dumps(describe_failure(error)), encoding="utf-8")
        raise
    found: dict[str, Any] = {"framework": framework(app), "routes": list(routes(app))}
    found["installed"] = sorted(installed)
    found["variables"] = [name for name, is_own in lacking.items() if is_own]
    found["has_socketio"] = "socketio" in getattr(app, "extensions", {})
    find_configured_databases(app)
    if json.loads(requests):
        found["responses"] = send(app, json.loads(requests))
    found["databases"] = sorted(databases)
    Path(reply).write_text(json.dumps(found), encoding="utf-8")
    for file, was_there in databases.items():
        if not was_there and Path(file).is_file():
            Path(file).unlink()  # to connect to it has made it
    if threading.active_count() > 1:
        os._exit(0)  # a thread that the app has started would keep the process


if __name__ == "__main__":
    main(*sys.argv[1:])
