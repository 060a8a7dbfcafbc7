"""Requests, and what their responses must look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Base64Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """One HTTP request, as the plan or a locustfile declares it."""

    name: str  # Its name in tables; requests that differ only in a value of the user's may share it
    method: str = "GET"  # The HTTP method
    target: str = "/"  # Path and query, as they stand in the request line
    headers: tuple[tuple[str, str], ...] = ()  # Name and value pairs beside those the client must send
    body: Base64Bytes = b""  # The body's bytes; empty for none
    # What a user sends once before this request. What these steps keep fills the `{name}` placeholders of the
    # target, the headers and the body. Without steps, braces are just braces
    login: "tuple[LoginStep, ...]" = ()
    # What is sent each time right before it; what this step keeps fills placeholders as well
    follows: "LoginStep | None" = None
    expected_status: int | None = None  # The baseline's, where the plan says so; None for any below 400

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first value of a header; None if it is absent."""
        return next((value for given, value in self.headers if given.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStep:
    """A step that a user takes once before its requests."""

    request: RequestSpec  # What it sends
    # For each value that is kept of the response, its name and where it stands: "json:" and a JSON pointer,
    # "html:" and a CSS selector, "regex:" and a pattern with a group, "header:" or "cookie:" and a name
    keep: tuple[tuple[str, str], ...] = ()


FormatName = Literal[
    "json", "records", "html", "xml", "form", "csv", "tsv", "events", "lines", "text", "binary"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How a body is read."""

    # "records" are lines or a sequence of JSON; a "text" has one line; "binary" stays whole
    name: FormatName
    charset: str = "utf-8"
    note: str = ""  # Why it is not what its Content-Type says; empty if it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What is known of a value that differs by itself."""

    # The names of its types as JSON has them; "children" of an element, "bytes", and "absent" if it is not
    # always there
    types: tuple[str, ...]
    text: tuple[str | None, ...] = ()  # The tokens of a string, None for those that differ; empty if all do
    members: "Mapping[str, Shape]" = field(default_factory=dict)  # Of an object
    always: tuple[str, ...] = ()  # The keys that an object always has
    items: "Shape | None" = None  # Each element of an array; or each member whose key differs by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What every response under load must look like: what parity approved."""

    status: int  # The HTTP status code
    # The body's bytes in base64, decoded if `format` is given, the server's own address in them replaced by
    # `{server}`; None where it is not checked
    body_base64: str | None
    own_address: bool = False  # Whether the body names the server's own address
    encoding: str = ""  # The Content-Encoding of the responses
    # How bodies are read to be compared in what they mean; None where the bytes are always the same
    format: Format | None = None
    # By pointer, what is known of the values that differ by themselves: only that is compared
    masks: "Mapping[str, Shape]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of an app."""

    rule: str  # As the app declares it: "/items/<int:id>"
    methods: tuple[str, ...]  # Without HEAD and OPTIONS
    is_websocket: bool = False
