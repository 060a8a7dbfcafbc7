from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

import pytest

from portcompare.errors import InputError
from portcompare.parity import Asker, Examined, Explored, OpenApiDocument, explore
from portcompare.parity.cases import identity
from portcompare.records.parity import Difference
from portcompare.records.requests import LoginStep, RequestSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    Rule = Callable[[RequestSpec], Iterable[tuple[str, str]]]

ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
ITEM = {
    "type": "object",
    "required": ["name", "count"],
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "additionalProperties": False,
}


class FakeAsker:
    """Finds what a rule says: kind and pointer of each difference."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.asked: list[RequestSpec] = []

    def examine(self, case: RequestSpec) -> Examined:
        self.asked.append(case)
        differences = tuple(
            Difference(
                case=case.name,
                deployment="new",
                kind=cast("Any", kind),
                pointer=pointer if kind != "status" else "",
                severity="harmless" if kind == "body" else "breaks",
                baseline="200",
                candidate=pointer,
            )
            for kind, pointer in self.rule(case)
        )
        return Examined(case=case, differences=differences, masked=(), expectations={})


def document(paths: dict[str, Any], **more: object) -> OpenApiDocument:
    info = {"title": "Items", "version": "1"}
    content = {"openapi": "3.1.0", "info": info, "paths": paths, **more}
    return OpenApiDocument(where="openapi.json", location="file:///openapi.json", content=content)


def operation(*parameters: object, body: dict[str, Any] | None = None) -> dict[str, Any]:
    responses = {"200": {"description": "It worked."}}
    made: dict[str, Any] = {"parameters": list(parameters), "responses": responses}
    if body is not None:
        made["requestBody"] = {
            "required": True,
            "content": {name: {"schema": schema} for name, schema in body.items()},
        }
    return made


def exploring(
    paths: dict[str, Any],
    rule: Rule = lambda _: (),
    *,
    examples: int = 10,
    seed: int = 1,
    known: Sequence[RequestSpec] = (),
    **more: object,
) -> tuple[Explored, FakeAsker]:
    asker = FakeAsker(rule)
    found = explore(document(paths, **more), cast("Asker", asker), examples=examples, seed=seed, known=known)
    return found, asker


def query(case: RequestSpec) -> dict[str, list[str]]:
    return parse_qs(case.target.partition("?")[2], keep_blank_values=True)


def number(case: RequestSpec, name: str) -> int:
    """A parameter's whole number; 0 if it is none."""
    value = query(case).get(name, [""])[0]
    return int(value) if value.removeprefix("-").isdecimal() else 0


def integer(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "integer", **more}}


def test_of_each_operation_so_many_different_requests_are_asked_each_once() -> None:
    found, asker = exploring({"/items": {"get": operation(integer("n")), "head": operation(integer("n"))}})

    assert found.seeds == ("GET /items: seed 1, 10 examples", "HEAD /items: seed 1, 10 examples")
    assert len(set(map(identity, asker.asked))) == len(asker.asked) == 20
    assert [one.case for one in found.examined] == asker.asked
    assert len({case.name for case in asker.asked}) == 20


def test_an_operation_without_a_choice_is_one_request() -> None:
    found, asker = exploring({"/healthz": {"get": operation()}})

    assert [case.name for case in asker.asked] == ["GET /healthz [OpenAPI]"]
    assert found.seeds == ("GET /healthz: seed 1, 1 example",)


def test_the_same_seed_makes_the_same_requests_and_another_makes_others() -> None:
    paths = {"/up": {"post": operation(integer("n"), body={"multipart/form-data": ITEM})}}

    (one, _), (again, _), (other, _) = (exploring(paths, seed=seed) for seed in (7, 7, 8))

    assert one == again
    assert one.examined != other.examined


def test_what_the_document_allows_is_asked_and_what_it_does_not() -> None:
    _, asker = exploring({"/items": {"get": operation(integer("n", minimum=5, maximum=9))}}, examples=30)

    asked = [query(case).get("n", [""]) for case in asker.asked]
    allowed = [one for one in asked if one[0] in "56789" and one[0]]
    assert len(allowed) >= 3
    assert len(asked) - len(allowed) >= 5


def test_parameters_stand_where_the_document_has_them() -> None:
    where = {"sort": "query", "X-Tag": "header", "sid": "cookie"}
    schema = {"type": "string", "pattern": "^[a-z]{3}$"}
    shared = [
        {"name": name, "in": place, "required": True, "schema": schema} for name, place in where.items()
    ]
    paths = {
        "/items/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": operation(*shared),
        }
    }

    found, asker = exploring(
        paths,
        components={"parameters": {"id": ID}},
        servers=[{"url": "https://{host}/api/v1", "variables": {"host": {"default": "x.example"}}}],
    )

    first = asker.asked[0]
    assert first.method == "GET"
    assert first.target.startswith("/api/v1/items/")
    assert first.target.removeprefix("/api/v1/items/").partition("?")[0].isdecimal()
    assert len(query(first)["sort"][0]) == 3
    assert {name for name, _ in first.headers} == {"X-Tag", "Cookie"}
    assert dict(first.headers)["Cookie"].startswith("sid=")
    assert found.seeds[0].startswith("GET /items/{id}: ")


def test_bodies_are_json_and_forms_as_the_document_has_them() -> None:
    form = "application/x-www-form-urlencoded"
    _, asker = exploring({"/items": {"post": operation(body={"application/json": ITEM, form: ITEM})}})

    types = {dict(case.headers).get("Content-Type") for case in asker.asked}
    assert {"application/json", form} <= types
    first = next(case for case in asker.asked if ("Content-Type", "application/json") in case.headers)
    assert set(json.loads(first.body)) == {"name", "count"}
    assert "[OpenAPI, body {" in first.name
    assert not [name for case in asker.asked for name, _ in case.headers if name == "Content-Length"]


def test_what_differs_is_told_by_its_smallest_case_alone() -> None:
    found, asker = exploring(
        {"/items": {"get": operation(integer("n"))}},
        lambda case: [("status", "500")] if number(case, "n") >= 1000 else [],
    )

    differing = [one for one in found.examined if one.differences]
    assert [query(one.case)["n"] for one in differing] == [["1000"]]
    assert len({one.case.name for one in found.examined}) == len(found.examined)
    assert len(asker.asked) > len(found.examined)  # the steps on the way are not told


def test_each_difference_of_an_operation_has_a_smallest_case() -> None:
    def rule(case: RequestSpec) -> Iterable[tuple[str, str]]:
        if number(case, "a") >= 100:
            yield "status", "500"
        if number(case, "b") <= -100:
            yield "status", "404"
        if number(case, "b") >= 30:
            yield "header", "ETag"

    found, _ = exploring({"/x": {"get": operation(integer("a"), integer("b"))}}, rule, examples=40)

    smallest = {
        each.candidate: (number(one.case, "a"), number(one.case, "b"))
        for one in found.examined
        for each in one.differences
    }
    assert smallest == {"500": (100, 0), "404": (0, -100), "ETag": (0, 30)}


def test_however_many_differences_there_are_none_is_left_out() -> None:
    found, _ = exploring(
        {"/x": {"get": operation(integer("a"))}}, lambda case: [("header", case.target)], examples=12
    )

    assert sum(bool(one.differences) for one in found.examined) >= 12


def test_what_differs_in_each_element_of_an_array_is_one_difference() -> None:
    found, _ = exploring(
        {"/x": {"get": operation(integer("a"))}},
        lambda case: [("json", f"/items/{len(case.target)}/id")],
    )

    assert sum(bool(one.differences) for one in found.examined) == 1


def test_making_a_case_smaller_comes_to_an_end() -> None:
    text = {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 200}}

    found, asker = exploring(
        {"/x": {"get": operation(text)}},
        lambda case: [("status", "500")] if len(case.target) > 250 else [],
        examples=3,
    )

    assert any(one.differences for one in found.examined)
    assert len(asker.asked) <= 110


def test_a_harmless_difference_is_told_and_not_searched_for() -> None:
    found, asker = exploring({"/x": {"get": operation(integer("a"))}}, lambda _: [("body", "")])

    assert len(asker.asked) == len(found.examined) == 10
    assert all(one.differences for one in found.examined)


def test_what_is_asked_anyway_is_not_asked_twice() -> None:
    known = RequestSpec(name="healthy", target="/healthz")

    found, asker = exploring({"/healthz": {"get": operation()}}, known=[known])

    assert (found.examined, asker.asked) == ((), [])


def test_an_operation_borrows_headers_and_login_of_the_plans_request_for_its_path() -> None:
    login = (LoginStep(request=RequestSpec(name="in", target="/login")),)
    other = RequestSpec(name="", target="/other", headers=(("X-Other", "1"),))
    item = RequestSpec(
        name="",
        method="PUT",
        target="/items/7?x=1",
        headers=(("Authorization", "Bearer {token}"), ("Content-Type", "text/plain"), ("Cookie", "a=1")),
        login=login,
    )
    sid = {"name": "sid", "in": "cookie", "required": True, "schema": {"const": "5"}}

    _, asker = exploring(
        {"/items/{id}": {"get": operation(ID, sid)}, "/else": {"get": operation()}}, known=[other, item]
    )

    first, last = asker.asked[0], asker.asked[-1]
    assert first.login == last.login == login
    assert dict(first.headers) == {"Authorization": "Bearer {token}", "Cookie": "sid=5; a=1"}
    assert last.target == "/else"  # not of its path, but it may need the login as well


def test_a_body_that_nobody_can_write_is_shown_as_no_examples() -> None:
    paths = {"/x": {"post": operation(body={"application/x-portcompare": {"type": "object"}})}}

    (seed,) = exploring(paths)[0].seeds

    assert seed.startswith("POST /x: seed 1, no examples: ")
    assert "application/x-portcompare" in seed


@pytest.mark.parametrize(
    ("paths", "place"),
    [
        ({"/x": {"get": {"parameters": "none"}}}, "openapi.json: GET /x: "),
        ({"/x": {"get": operation(3)}}, "openapi.json: GET /x: "),
        ({}, "openapi.json: has no operations"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_place(paths: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as caught:
        exploring(paths)

    assert str(caught.value).startswith(place)


def test_another_version_of_the_standard_is_told() -> None:
    with pytest.raises(InputError, match=r"openapi\.json: .*4\.0\.0"):
        exploring({"/x": {"get": operation()}}, openapi="4.0.0")


def test_nothing_is_left_where_the_command_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    exploring({"/x": {"get": operation(integer("n"))}}, lambda _: [("status", "500")])

    assert list(tmp_path.iterdir()) == []
