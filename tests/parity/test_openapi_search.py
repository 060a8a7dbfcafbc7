import json
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from portcompare.errors import InputError
from portcompare.parity.cases import identity
from portcompare.parity.checker import CaseResult, ParityChecker
from portcompare.parity.openapi import OpenApiDocument
from portcompare.parity.openapi_search import explore
from portcompare.parity.outcome import Explored
from portcompare.records.requests import LoginStep, RequestSpec
from tests.parity.clients import DIFFERENCE, result_of

Rule = Callable[[RequestSpec], Iterable[tuple[str, str]]]

ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
ITEM = {
    "type": "object",
    "required": ["name", "count"],
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "additionalProperties": False,
}


class FakeChecker:
    """Finds what a rule says: kind and pointer of each difference."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.received: list[RequestSpec] = []

    def check(self, case: RequestSpec) -> CaseResult:
        self.received.append(case)
        differences = (
            replace(
                DIFFERENCE,
                case=case.name,
                kind=cast("Any", kind),
                pointer=pointer if kind != "status" else "",
                severity="harmless" if kind == "body" else "breaks",
                candidate=pointer,
            )
            for kind, pointer in self.rule(case)
        )
        return result_of(case, *differences)


def operation(*parameters: object, body: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "parameters": list(parameters),
        "responses": {"200": {"description": "It worked."}},
    }
    if body is not None:
        content = {name: {"schema": schema} for name, schema in body.items()}
        made["requestBody"] = {"required": True, "content": content}
    return made


def exploring(
    paths: dict[str, Any],
    rule: Rule = lambda _: (),
    *,
    examples: int = 10,
    seed: int = 1,
    known: Sequence[RequestSpec] = (),
    **more: object,
) -> tuple[Explored, FakeChecker]:
    checker = FakeChecker(rule)
    content = {"openapi": "3.1.0", "info": {"title": "Items", "version": "1"}, "paths": paths, **more}
    document = OpenApiDocument(where="openapi.json", location="file:///openapi.json", content=content)
    found = explore(document, cast("ParityChecker", checker), examples=examples, seed=seed, known=known)
    return found, checker


def query(case: RequestSpec) -> dict[str, list[str]]:
    return parse_qs(case.target.partition("?")[2], keep_blank_values=True)


def number(case: RequestSpec, name: str) -> int:
    """A parameter's whole number; 0 if it is none."""
    value = query(case).get(name, [""])[0]
    return int(value) if value.removeprefix("-").isdecimal() else 0


def integer(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "integer", **more}}


def differing(found: Explored) -> list[CaseResult]:
    return [one for one in found.results if one.differences]


def test_of_each_operation_so_many_different_requests_are_sent_each_once() -> None:
    found, checker = exploring(
        {
            "/items": {"get": operation(integer("n")), "head": operation(integer("n"))},
            "/x": {"get": operation()},
        }
    )
    assert found.seeds == (
        "GET /items: seed 1, 10 examples",
        "HEAD /items: seed 1, 10 examples",
        "GET /x: seed 1, 1 example",  # without a choice
    )
    assert len(set(map(identity, checker.received))) == len(checker.received) == 21
    assert [one.case for one in found.results] == checker.received
    assert len({case.name for case in checker.received}) == 21
    assert checker.received[-1].name == "GET /x [OpenAPI]"


def test_the_same_seed_makes_the_same_requests_and_another_makes_others() -> None:
    paths = {"/up": {"post": operation(integer("n"), body={"multipart/form-data": ITEM})}}
    (one, _), (again, _), (other, _) = (exploring(paths, seed=seed) for seed in (7, 7, 8))
    assert one == again
    assert one.results != other.results


def test_what_the_document_allows_is_sent_and_what_it_does_not() -> None:
    _, checker = exploring({"/items": {"get": operation(integer("n", minimum=5, maximum=9))}}, examples=30)
    sent = [query(case).get("n", [""])[0] for case in checker.received]
    allowed = [value for value in sent if value[:1] in set("56789")]
    assert len(allowed) >= 3
    assert len(sent) - len(allowed) >= 5


def test_parameters_are_where_the_document_has_them() -> None:
    schema = {"type": "string", "pattern": "^[a-z]{3}$"}
    shared = [
        {"name": name, "in": place, "required": True, "schema": schema}
        for name, place in {"sort": "query", "X-Tag": "header", "sid": "cookie"}.items()
    ]
    found, checker = exploring(
        {"/items/{id}": {"parameters": [{"$ref": "#/components/parameters/id"}], "get": operation(*shared)}},
        components={"parameters": {"id": ID}},
        servers=[{"url": "https://{host}/api/v1", "variables": {"host": {"default": "x.example"}}}],
    )
    first = checker.received[0]
    path, _, _ = first.target.partition("?")
    assert first.method == "GET"
    assert path.startswith("/api/v1/items/")
    assert path.removeprefix("/api/v1/items/").isdecimal()
    assert len(query(first)["sort"][0]) == 3
    assert {name for name, _ in first.headers} == {"X-Tag", "Cookie"}
    assert dict(first.headers)["Cookie"].startswith("sid=")
    assert found.seeds[0].startswith("GET /items/{id}: ")


def test_bodies_are_json_and_forms_as_the_document_has_them() -> None:
    form = "application/x-www-form-urlencoded"
    _, checker = exploring({"/items": {"post": operation(body={"application/json": ITEM, form: ITEM})}})
    types = {dict(case.headers).get("Content-Type") for case in checker.received}
    assert {"application/json", form} <= types
    first = next(case for case in checker.received if ("Content-Type", "application/json") in case.headers)
    assert set(json.loads(first.body)) == {"name", "count"}
    assert "[OpenAPI, body {" in first.name
    assert not [name for case in checker.received for name, _ in case.headers if name == "Content-Length"]


def test_a_body_that_cannot_be_written_is_reported_as_no_examples() -> None:
    paths = {"/x": {"post": operation(body={"application/x-portcompare": {"type": "object"}})}}
    (seed,) = exploring(paths)[0].seeds
    assert seed.startswith("POST /x: seed 1, no examples: ")
    assert "application/x-portcompare" in seed


def test_each_difference_of_an_operation_is_reported_by_its_smallest_case_alone() -> None:
    def rule(case: RequestSpec) -> Iterable[tuple[str, str]]:
        if number(case, "a") >= 100:
            yield "status", "500"
        if number(case, "b") <= -100:
            yield "status", "404"
        if number(case, "b") >= 30:
            yield "header", "ETag"

    found, checker = exploring({"/x": {"get": operation(integer("a"), integer("b"))}}, rule, examples=40)
    smallest = {
        each.candidate: (number(one.case, "a"), number(one.case, "b"))
        for one in differing(found)
        for each in one.differences
    }
    assert smallest == {"500": (100, 0), "404": (0, -100), "ETag": (0, 30)}
    assert len({one.case.name for one in found.results}) == len(found.results)
    assert len(checker.received) > len(found.results)  # the steps on the way are not reported


@pytest.mark.parametrize(
    ("rule", "reported"),
    [
        (lambda case: [("header", case.target)], range(12, 100)),  # however many there are
        (lambda case: [("json", f"/items/{len(case.target)}/id")], [1]),  # alike in each element of an array
        (lambda _: [("body", "")], [12]),  # a harmless one is not searched for
    ],
)
def test_no_difference_is_left_out_and_those_alike_are_one(rule: Rule, reported: Container[int]) -> None:
    found, checker = exploring({"/x": {"get": operation(integer("a"))}}, rule, examples=12)
    assert len(differing(found)) in reported
    assert len(checker.received) >= 12


def test_making_a_case_smaller_comes_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 200}}
    found, checker = exploring(
        {"/x": {"get": operation(text)}},
        lambda case: [("status", "500")] if len(case.target) > 250 else [],
        examples=3,
    )
    assert differing(found)
    assert len(checker.received) <= 110
    assert list(tmp_path.iterdir()) == []  # Hypothesis leaves nothing where the command is run


def test_what_is_a_case_already_is_not_sent_twice() -> None:
    known = RequestSpec(name="healthy", target="/healthz")
    found, checker = exploring({"/healthz": {"get": operation()}}, known=[known])
    assert (found.results, checker.received) == ((), [])


def test_an_operation_borrows_headers_and_login_of_the_plans_request_for_its_path() -> None:
    login = (LoginStep(request=RequestSpec(name="in", target="/login")),)
    other = RequestSpec(name="", target="/other", headers=(("X-Other", "1"),))
    headers = (("Authorization", "Bearer {token}"), ("Content-Type", "text/plain"), ("Cookie", "a=1"))
    item = RequestSpec(name="", method="PUT", target="/items/7?x=1", headers=headers, login=login)
    sid = {"name": "sid", "in": "cookie", "required": True, "schema": {"const": "5"}}
    _, checker = exploring(
        {"/items/{id}": {"get": operation(ID, sid)}, "/else": {"get": operation()}}, known=[other, item]
    )
    first, last = checker.received[0], checker.received[-1]
    assert first.login == last.login == login
    assert dict(first.headers) == {"Authorization": "Bearer {token}", "Cookie": "sid=5; a=1"}
    assert last.target == "/else"  # not of its path, but it may need the login as well


@pytest.mark.parametrize(
    ("paths", "version", "problem"),
    [
        ({"/x": {"get": {"parameters": "none"}}}, "3.1.0", r"^openapi\.json: GET /x: "),
        ({"/x": {"get": operation(3)}}, "3.1.0", r"^openapi\.json: GET /x: "),
        ({}, "3.1.0", r"^openapi\.json: has no operations"),
        ({"/x": {"get": operation()}}, "4.0.0", r"^openapi\.json: .*4\.0\.0"),
    ],
)
def test_what_cannot_be_used_is_reported_by_its_place(
    paths: dict[str, Any], version: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        exploring(paths, openapi=version)
