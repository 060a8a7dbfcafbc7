import json
from pathlib import Path
from typing import Any

import pytest

from portcompare.errors import InputError, Problem
from portcompare.parity.openapi import fetch_document, read_document
from tests.parity.site import Reply, serving

CONTENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Items", "version": "1"},
    "paths": {"/items/{id}": {"get": {"parameters": [{"$ref": "#/components/parameters/the~1id"}]}}},
    "components": {"parameters": {"the/id": {"name": "id", "in": "path", "required": True}}},
}
YAML = b"""
openapi: 3.1.0
paths:
  /items:
    get:
      responses: { 200: { description: All } }
"""


def written(folder: Path, content: bytes | dict[str, Any]) -> Path:
    path = folder / "openapi.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def problem_with(folder: Path, content: bytes | dict[str, Any]) -> Problem:
    with pytest.raises(InputError) as caught:
        read_document(written(folder, content))
    (problem,) = caught.value.problems
    return problem


def test_a_document_is_read_from_a_file_of_json_or_yaml(tmp_path: Path) -> None:
    path = written(tmp_path, CONTENT)
    document = read_document(path)
    assert document.content == CONTENT
    assert (document.where, document.location) == (str(path), path.as_uri())
    assert list(read_document(written(tmp_path, YAML)).content["paths"]) == ["/items"]
    with pytest.raises(InputError, match=r"nowhere\.json: cannot be read: No such file"):
        read_document(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"paths": {},\n "openapi" 3}', "is not JSON: Expecting ':' delimiter, line 2, column 12"),
        (b"paths: [", "is neither JSON nor YAML: while parsing a flow node"),
        (b"\xff\xff", "is not UTF-8: invalid start byte"),
        (b"[]", "is no OpenAPI document"),
        (b"hello", "is no OpenAPI document"),
        ({"openapi": "3.1.0"}, "is no OpenAPI document: it has no object `paths`"),
    ],
)
def test_what_is_no_document_is_reported_by_file_and_place(
    tmp_path: Path, content: bytes | dict[str, Any], found: str
) -> None:
    problem = problem_with(tmp_path, content)
    assert problem.where == str(tmp_path / "openapi.json")
    assert problem.found.startswith(found)


@pytest.mark.parametrize("reference", ["#/components/parameters/none", "#/paths/1", "#none"])
def test_a_reference_to_nothing_is_reported_by_its_pointer(tmp_path: Path, reference: str) -> None:
    items = {"get": {"parameters": [{"name": "a"}, {"$ref": reference}]}}
    problem = problem_with(tmp_path, CONTENT | {"paths": {"/items/{id}": items}})
    assert problem.where.endswith("openapi.json: /paths/~1items~1{id}/get/parameters/1")
    assert problem.found == f"refers to {reference}, which does not exist"


@pytest.mark.parametrize("reference", ["#", "#/paths/~1a/get/tags/0", "#here", "#/components/the%20id"])
def test_a_reference_to_what_exists_is_no_problem(tmp_path: Path, reference: str) -> None:
    get = {"tags": ["a"], "requestBody": {"$ref": reference}, "x": {"$anchor": "here"}}
    content = CONTENT | {"paths": {"/a": {"get": get}}, "components": {"the id": {}}}
    assert read_document(written(tmp_path, content)).content == content


def test_a_document_is_fetched_from_a_server_which_is_reported_if_it_has_none_or_does_not_respond() -> None:
    replies = iter([Reply(body=json.dumps(CONTENT).encode()), Reply(status=404)])
    with serving(lambda _: next(replies)) as site:
        url = f"{site.url}/openapi.json"
        document = fetch_document(url, timeout_s=10.0)
        assert (document.content, document.where) == (CONTENT, url)
        with pytest.raises(InputError, match=r"/openapi\.json: the response has status 404"):
            fetch_document(url, timeout_s=10.0)
    assert {received.target for received in site.received} == {"/openapi.json"}
    with pytest.raises(InputError, match=r"/openapi\.json: no response: .*refused"):
        fetch_document(url, timeout_s=10.0)
