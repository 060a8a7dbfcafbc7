import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.twins.cases import CASES, Case, methods
from tests.twins.sending import Send, create_app

LOADTESTS = Path(__file__).parents[2] / "loadtests"
DOCUMENT: dict[str, Any] = json.loads((LOADTESTS / "openapi.json").read_text("utf-8"))
PATHS = sorted(DOCUMENT["paths"])
GETS = [case for case in CASES if case.method == "GET" and not case.sent]
DOCUMENTED = [case for case in GETS if case.target.partition("?")[0] in PATHS]
PARAMETERS = {
    "/data?delay": ["0", "0.001", "0.00999", "0e-3", "0.005E-1"],
    "/data?padding": ["0", "9999"],
    "/data/computed?work": ["0", "999"],
    "/page?rows": ["0", "99"],
}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, if it is one."""
    while "$ref" in node:
        place = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            place = place[key]
        node = place
    return node


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("case", DOCUMENTED, ids=str)
def test_each_response_is_as_documented(senders: Mapping[str, Send], method: str, case: Case) -> None:
    path = case.target.partition("?")[0]
    response = senders["sync_flask"](method.upper(), case.target)  # test_responses.py has the other twin
    documented = resolved(DOCUMENT["paths"][path][method]["responses"][str(response.status_code)])
    for name, header in documented.get("headers", {}).items():
        assert re.search(resolved(header)["schema"]["pattern"], response.headers[name])
    if "content" in documented:
        ((media_type, content),) = documented["content"].items()
        assert response.headers["Content-Type"] == media_type
        body = response.json() if media_type.endswith("json") else response.text
        Draft202012Validator(resolved(content["schema"])).validate(body)
    else:
        assert response.content == b""


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_documented_value_is_accepted(send: Send, name: str) -> None:
    pattern = DOCUMENT["components"]["parameters"][name.partition("?")[2]]["schema"]["pattern"]
    for value in PARAMETERS[name]:
        assert re.search(pattern, value)
        assert send("GET", f"{name}={value}").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_method_is_documented(send: Send, path: str) -> None:
    allowed = methods(send("OPTIONS", path))
    assert allowed == {"OPTIONS", *(key.upper() for key in DOCUMENT["paths"][path] if key != "parameters")}


def test_every_route_is_documented(twin: str) -> None:
    assert sorted(rule.rule for rule in create_app(twin, {}).url_map.iter_rules()) == PATHS
    assert sorted({case.target.partition("?")[0] for case in DOCUMENTED}) == PATHS  # each has a case
