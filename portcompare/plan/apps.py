"""What is served: apps, their deployments, and the upstreams that their environments name."""

import ast
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from portcompare.http.requests import Address, AddressError
from portcompare.plan import types as t

ARM = "{arm}"  # stands for the arm's name in commands and in values of the environment

_OBJECT = re.compile(r"[\w.]+:[\w.]+")
UPSTREAM = re.compile(r"\{upstream\.([^{}]+)\}")


def _check_target(target: str) -> str:
    module, _, text = target.partition(":")
    is_call = False
    with suppress(SyntaxError, TypeError, ValueError):
        call = ast.parse(text, mode="eval").body
        if isinstance(call, ast.Call) and _OBJECT.fullmatch(f"{module}:{ast.unparse(call.func)}"):
            for value in [*call.args, *(keyword.value for keyword in call.keywords)]:
                ast.literal_eval(value)
            is_call = all(keyword.arg is not None for keyword in call.keywords)
    if not _OBJECT.fullmatch(target) and not is_call:
        remedy = 'write `module:object`, or `module:factory("literal", debug=False)`: a call with literals'
        raise t.wrong_value(f"is {target!r}", remedy)
    return target


def _check_command(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise t.wrong_value(f"cannot be split into words: {error}", "quote it as for a shell") from None
    if not any("{port}" in word for word in words):
        remedy = "put `{port}` where the server takes its port: each start of it gets a free one"
        raise t.wrong_value("does not contain `{port}`", remedy)
    return command


def _check_url(url: str) -> str:
    try:
        Address.of(url)
    except AddressError as error:
        raise t.wrong_value(error.found, error.remedy) from None
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query or parts.fragment:
        found = "is not the address of a server alone, but has a path or a query"
        raise t.wrong_value(found, "write http://HOST:PORT or https://HOST:PORT, and the path in requests")
    return url


Target = Annotated[str, AfterValidator(_check_target)]
Command = Annotated[str, AfterValidator(_check_command)]
Url = Annotated[str, AfterValidator(_check_url)]
Port = Annotated[int, Field(ge=1, le=65535)]
Environment = dict[t.Variable, t.TextWithoutNul]
Commands = list[Annotated[t.TextWithoutNul, Field(min_length=1)]]


class App(t.Section):
    """A WSGI or ASGI application, and what it needs to run."""

    together: ClassVar = ("target", "interface")

    target: Target | None = Field(
        None,
        description="application, `module:object`, or a factory, `module:make()`, with literal arguments",
    )
    interface: Literal["wsgi", "asgi"] | None = Field(None, description="how servers call the target")
    directory: t.AnyPath = Field(Path(".."), description="working directory, relative to the plan file")
    copy_directory: bool = Field(
        default=False,
        description="serve each arm from a copy of the directory, made anew before each start of its server",
    )
    python: t.AnyPath | None = Field(
        None, description="interpreter to run it, relative to the plan file; default: portcompare's own"
    )
    pythonpath: list[t.AnyPath] = Field(
        [], description="more folders to import from, relative to the plan file"
    )
    environment: Environment = Field(
        {}, description="for its deployments and commands; `{arm}`: the arm's name"
    )
    ready_path: t.Target | None = Field(
        None,
        description="path with a status 2xx or 3xx when it is ready; default: any of `/` but 502, 503, 504",
    )
    ready_timeout_s: t.PositiveSeconds = Field(
        20.0, description="longest time from the start of a server until it is ready, in seconds"
    )
    setup: Commands = Field([], description="shell commands before an arm's first start in a run")
    teardown: Commands = Field([], description="shell commands after its last end, even if the run failed")
    block_setup: Commands = Field([], description="shell commands before each start of an arm's server")
    block_teardown: Commands = Field([], description="shell commands after each end of an arm's server")

    @property
    def has_factory(self) -> bool:
        """Whether the target is called to make the application."""
        return self.target is not None and self.target.endswith(")")

    @property
    def ready_target(self) -> str:
        """The path of the requests that find out whether the app is ready."""
        return self.ready_path or "/"

    def is_ready(self, status: int) -> bool:
        """Whether a response with this status means that the app is ready."""
        return status // 100 in (2, 3) if self.ready_path else status not in (502, 503, 504)


KNOBS = frozenset({"workers", "threads", "loop", "keep_alive_s", "backlog"})

_NOT_FOR = {
    "server": frozenset[str](),
    "command": KNOBS | {"adapter"},
    "url": KNOBS | {"adapter", "environment", "port"},
}
"""The keys that a kind of deployment cannot have: portcompare does not decide them there."""


class Deployment(t.Section):
    """What is measured: an app on a server, a command that serves, or a server that is already running."""

    exactly_one: ClassVar = ("server", "command", "url")

    app: str | None = Field(None, description="name of a table in [apps]; a `server` needs one")
    server: str | None = Field(None, description="name of a server; `portcompare run --help` lists them")
    adapter: Literal["a2wsgi", "asgiref"] | None = Field(
        None, description="library that makes an ASGI app of the WSGI app, for a server of ASGI apps"
    )
    command: Command | None = Field(None, description="or a command that serves at `{port}` (and `{host}`)")
    url: Url | None = Field(None, description="or the address of a running server")
    workers: t.Count | None = Field(None, description="worker processes; default 1")
    threads: t.Count | None = Field(
        None,
        description="threads that run handlers, per worker; default 8; "
        "an array makes a deployment of each number, `NAME-8` and so on",
    )
    loop: Literal["asyncio", "uvloop"] | None = Field(None, description="event loop of an ASGI server")
    keep_alive_s: t.Count | None = Field(None, description="how long an idle connection is kept; default 75")
    backlog: t.Count | None = Field(None, description="connections waiting to be accepted; default 2048")
    environment: Environment = Field({}, description="added to that of the app")
    port: Port | None = Field(None, description="fixed port; default: a free one")

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if refused := sorted(_NOT_FOR[self.kind] & self.model_fields_set):
            found = f"sets {' and '.join(f'`{key}`' for key in refused)} beside a `{self.kind}`"
            raise t.wrong_value(found, "remove it, and set it where that server is started")
        if self.server is not None and self.app is None:
            raise t.wrong_value("has no `app`", "name the app that the server is to serve")
        return self

    def way(self, interface: str) -> str:
        """How the server is to serve an app of an interface."""
        return f"{interface} through {self.adapter}" if self.adapter else interface

    @property
    def kind(self) -> Literal["server", "command", "url"]:
        """Which of the three the deployment is."""
        if self.url is not None:
            return "url"
        return "server" if self.command is None else "command"
