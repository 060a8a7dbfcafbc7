"""Requests, and what their responses must look like."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStep:
    """A step that a user takes once before its requests."""

    request: RequestSpec  # What it sends
    # For each value that is kept of the response, its name and where it stands: "json:" and a JSON pointer,
    # "header:" and a name, or "cookie:" and a name
    keep: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What every response under load must look like: what parity approved."""

    status: int  # The HTTP status code
    # The body's bytes in base64, the server's own address in them replaced by `{server}`; None where it is
    # not checked, because it differs by itself from response to response
    body_base64: str | None
    # JSON pointers to values of the body that differ by themselves and are not compared
    masked: tuple[str, ...] = ()
    own_address: bool = False  # Whether the body names the server's own address
