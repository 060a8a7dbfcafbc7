"""What is served: apps, and their deployments."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from portcompare.plan.types import VARIABLE, WITHOUT_NUL, Count, Section, Target

_OBJECT = re.compile(r"[\w.]+:[\w.]+")
_NAME = re.compile(r"[\w.]+")
_CALL = re.compile(r"[\w.]+:[\w.]+\(.*\)", re.DOTALL)
_SHAPE = "should be `module:object`, or `module:factory()`"


def is_factory(target: str) -> bool:
    """Whether a target is called to have the application."""
    return target.endswith(")")


def why_no_target(target: str) -> str | None:
    """Find out what is wrong with a target.

    Returns what it should be; None if it is.
    """
    if _OBJECT.fullmatch(target):
        return None
    if not _CALL.fullmatch(target):
        return _SHAPE
    try:
        call = ast.parse(target.partition(":")[2], mode="eval").body
    except SyntaxError as error:
        return f"{_SHAPE}; the call is no Python: {error.msg}"
    if not isinstance(call, ast.Call) or not _NAME.fullmatch(ast.unparse(call.func)):
        return _SHAPE
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not all(map(_is_literal, given)) or any(keyword.arg is None for keyword in call.keywords):
        return f'{_SHAPE} whose arguments are literals, such as `module:make("test", debug=False)`'
    return None


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


AnyPath = Annotated[Path, Field(strict=False)]
Environment = dict[Annotated[str, Field(pattern=VARIABLE)], Annotated[str, Field(pattern=WITHOUT_NUL)]]
Commands = list[Annotated[str, Field(min_length=1, pattern=WITHOUT_NUL)]]

ARM = "{arm}"
"""Stands for the arm's name in commands and in values of the environment."""

_GOOD = (2, 3)  # hundreds
_NOT_YET = (502, 503, 504)


class App(Section):
    """A WSGI or ASGI application, and what has to be done for it."""

    target: str | None = Field(
        None, description="application, `module:object`, or a factory with literal arguments, `module:make()`"
    )
    interface: Literal["wsgi", "asgi"] | None = Field(None, description="how servers call the target")
    directory: AnyPath = Field(Path(".."), description="working directory, relative to the plan file")
    python: AnyPath | None = Field(
        None,
        description="interpreter of its own virtual environment, relative to the plan file; "
        "default: portcompare's own",
    )
    pythonpath: list[AnyPath] = Field(
        default_factory=list, description="folders it imports from too, relative to the plan file"
    )
    environment: Environment = Field(
        default_factory=dict,
        description="environment of all its deployments and commands; `{arm}` stands for the arm's name",
    )
    ready_path: Target | None = Field(
        None,
        description="path that answers 2xx or 3xx when it is ready; "
        "default: `/` answers anything but 502, 503 or 504",
    )
    setup: Commands = Field(
        default_factory=list, description="shell commands before an arm's first start of a run"
    )
    teardown: Commands = Field(
        default_factory=list, description="shell commands after an arm's last end, whatever happened"
    )
    block_setup: Commands = Field(
        default_factory=list, description="shell commands before each start of an arm's server"
    )
    block_teardown: Commands = Field(
        default_factory=list, description="shell commands after each end of an arm's server"
    )

    @field_validator("target")
    @classmethod
    def _target_is_one(cls, target: str | None) -> str | None:
        reason = None if target is None else why_no_target(target)
        if reason:
            raise ValueError(reason)
        return target

    @model_validator(mode="after")
    def _target_with_interface(self) -> App:
        if (self.target is None) != (self.interface is None):
            msg = "give `target` and `interface` together, or neither"
            raise ValueError(msg)
        return self

    @property
    def has_factory(self) -> bool:
        """Whether the target makes the application, and is not itself one."""
        return self.target is not None and is_factory(self.target)

    @property
    def ready_target(self) -> str:
        """The path that is asked to see whether it is ready."""
        return self.ready_path or "/"

    def is_ready(self, status: int) -> bool:
        """Whether an answer means that it is ready."""
        return status // 100 in _GOOD if self.ready_path else status not in _NOT_YET


class Deployment(Section):
    """What is measured: an app on a server, a command that serves, or a server that runs already.

    A knob left out has the harness's default.
    """

    app: str | None = Field(None, description="name of a table in [apps]; a `server` needs one")
    server: str | None = Field(None, description="name of a server; `portcompare run --help` lists them")
    command: str | None = Field(
        None, description="or a command line that serves at `{port}`, and at `{host}` if that stands there"
    )
    url: str | None = Field(None, description="or the address of a server that runs already")
    workers: Count | None = Field(None, description="worker processes; default 1")
    threads: Count | None = Field(None, description="threads that run handlers, each worker; default 8")
    loop: Literal["asyncio", "uvloop"] | None = Field(None, description="event loop of an ASGI server")
    keep_alive_s: Count | None = Field(None, description="how long an idle connection is kept; default 75")
    backlog: Count | None = Field(None, description="connections waiting to be accepted; default 2048")
    environment: Environment = Field(
        default_factory=dict, description="added to the app's; `{arm}` stands for the arm's name"
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="fixed port; default: a free one"
    )

    @property
    def kind(self) -> Literal["server", "command", "url"]:
        """Which of the three it is."""
        if self.url is not None:
            return "url"
        return "server" if self.command is None else "command"
