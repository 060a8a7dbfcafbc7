"""The twins do what their OpenAPI document says: all of it, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from quart import Quart

import async_quart.app
import sync_flask.app
from tests.twins.sending import SENDER_MAKERS, Send

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "loadtests" / "openapi.json").read_text("utf-8")
)
DELAYS = ["0", "0.001", "0.00999", "0e-3", "0.005E-1"]
OPERATIONS = [
    (method, path) for path, item in DOCUMENT["paths"].items() for method in ("get", "head") if method in item
]


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, if it is one."""
    while "$ref" in node:
        place = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            place = place[key]
        node = place
    return node


def assert_documented(send: Send, method: str, path: str, query: str, status: int) -> None:
    answer = send(method.upper(), f"{path}{query}")
    response = resolved(DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)])

    assert answer.status_code == status
    for name, header in response.get("headers", {}).items():
        assert re.search(resolved(header)["schema"]["pattern"], answer.headers[name])
    if "content" in response:
        ((media_type, content),) = response["content"].items()
        assert answer.headers["Content-Type"] == media_type
        body = answer.json() if media_type.endswith("json") else answer.text
        Draft202012Validator(resolved(content["schema"])).validate(body)
    else:
        assert answer.content == b""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_each_operation_answers_as_documented(
    send: Send, method: str, path: str, request: pytest.FixtureRequest
) -> None:
    has_no_upstream = path == "/data/upstream" and request.node.callspec.params["send"] in SENDER_MAKERS
    assert_documented(send, method, path, "", 503 if has_no_upstream else 200)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("delay", DELAYS)
def test_a_documented_delay_is_accepted(send: Send, method: str, delay: str) -> None:
    pattern = DOCUMENT["components"]["parameters"]["delay"]["schema"]["pattern"]

    assert re.search(pattern, delay)
    assert_documented(send, method, "/data", f"?delay={delay}", 200)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("query", ["?delay=x", "?delay=10.1", "?delay=", "?delay=0&delay=0"])
def test_another_delay_is_refused_as_documented(send: Send, method: str, query: str) -> None:
    assert_documented(send, method, "/data", query, 400)


@pytest.mark.parametrize(
    ("path", "query"),
    [("/", "path=/x"), ("/data", "padding=x"), ("/data/computed", "work=x"), ("/page", "rows=x")],
)
def test_each_other_parameter_is_refused_as_documented(send: Send, path: str, query: str) -> None:
    assert_documented(send, "get", path, f"?{query}", 400)


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_every_method_is_documented(send: Send, path: str) -> None:
    allowed = set(send("OPTIONS", path).headers["Allow"].lower().split(", "))

    assert allowed - {"options"} == {method for method, known in OPERATIONS if known == path}


@pytest.mark.parametrize("app", [sync_flask.app.app, async_quart.app.app], ids=["sync_flask", "async_quart"])
def test_every_route_is_documented(app: Flask | Quart) -> None:
    assert sorted(rule.rule for rule in app.url_map.iter_rules()) == sorted(DOCUMENT["paths"])
