import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from portcompare.errors import InputError
from portcompare.plan import PlanRequest
from portcompare.plan.requests import LoginRequest, WeightedRequest
from portcompare.records.requests import LoginStep, RequestSpec
from tests.plan.plans import BEFORE, LOAD, faults_of, load, problem_of, problems_of

NOWHERE = Path("/nowhere")
PAGE = (Path(__file__).parents[2] / "docs" / "requests.md").read_text(encoding="utf-8")


def request_of(text: str) -> PlanRequest:
    return PlanRequest.model_validate(tomllib.loads(text))


def spec_of(request: PlanRequest) -> RequestSpec:
    (spec,) = request.specs(NOWHERE)
    return spec


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ({}, "/data"),
        ({"delay": "0.2"}, "/data?delay=0.2"),
        ({"delay": 0.2}, "/data?delay=0.2"),
        ({"delay": ""}, "/data?delay="),
        ({"delay": ["0", 1]}, "/data?delay=0&delay=1"),
        ({"q": "a b&c=ä"}, "/data?q=a+b%26c%3D%C3%A4"),
    ],
)
def test_the_query_is_encoded_into_the_target(query: Mapping[str, Any], target: str) -> None:
    spec = spec_of(PlanRequest.model_validate({"path": "/data", "query": query}))
    assert (spec.target, spec.name) == (target, f"GET {target}")
    longer = spec_of(PlanRequest.model_validate({"path": "/data?a=1", "query": query})).target
    assert longer == target.replace("/data", "/data?a=1").replace("1?", "1&")


def test_a_request_becomes_a_record() -> None:
    head = 'name = "mine"\nmethod = "PUT"\npath = "/"\nheaders = { X-A = "1" }\n'
    request = request_of(head + 'cookies = { a = "1", b = "2" }\nbody = "é"')
    headers = (("X-A", "1"), ("Cookie", "a=1; b=2"))
    assert spec_of(request) == RequestSpec(
        name="mine", method="PUT", target="/", headers=headers, body="é".encode()
    )
    assert spec_of(request_of('method = "GET"\npath = "/"\nbody = "x"')).body == b"x"
    assert spec_of(request_of('method = "POST"\npath = "/"\njson = false')).body == b"false"


def test_a_path_that_fits_into_a_request_line_is_accepted_and_any_other_refused() -> None:
    for path in ("/%C3%A4", "/a?b=c&b=", "/a;b='\"{}|\\^`~", "/", "/{id}"):
        assert spec_of(PlanRequest(path=path)).target == path
    for path in ("", "a", "/ä", "/a b", "/a\n", "/a\r\nHost: x", "/\x00", "/a#b"):
        with pytest.raises(ValidationError, match="path"):
            PlanRequest(path=path)


def test_headers_and_cookies_that_can_be_sent_are_accepted_and_any_others_refused() -> None:
    for value in ("", "gzip", "a b\tc", "café"):
        assert spec_of(PlanRequest(path="/", headers={"X-A": value})).headers == (("X-A", value),)
    names = [("", "1"), ("X A", "1"), ("X:", "1"), ("Ä", "1")]
    for name, value in (*names, ("X", "a\r\nb"), ("X", " a"), ("X", "€")):
        with pytest.raises(ValidationError, match="headers"):
            PlanRequest(path="/", headers={name: value})
    for value in ("a;b", "a b", "a\r\n", "ä"):
        with pytest.raises(ValidationError, match="cookies"):
            PlanRequest(path="/", cookies={"a": value})


def test_a_header_can_be_sent_several_times() -> None:
    request = request_of('path = "/"\nheaders = { X-Route = ["a", "b"], Accept = "text/html" }')
    assert spec_of(request).headers == (("X-Route", "a"), ("X-Route", "b"), ("Accept", "text/html"))
    for value in ([], ["a", "b\n"], ["a", 1], 1):
        with pytest.raises(ValidationError, match="headers"):
            PlanRequest.model_validate({"path": "/", "headers": {"X": value}})


def test_files_are_bodies_and_parts_seen_from_the_plan(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    whole = request_of('method = "PUT"\npath = "/"\nbody_file = "logo.png"')
    (spec,) = whole.specs(tmp_path)
    assert (spec.headers, spec.body) == ((("Content-Type", "image/png"),), b"\x89PNG")
    parts = request_of(
        'method = "POST"\npath = "/"\n[multipart]\nnote = "hi"\n'
        'files = [{ file = "logo.png" }, { file = "logo.png", type = "x/y", filename = "other" }]'
    )
    (spec,) = parts.specs(tmp_path)
    for line in (
        b'form-data; name="note"\r\n\r\nhi\r\n',
        b'name="files"; filename="logo.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n',
        b'name="files"; filename="other"\r\nContent-Type: x/y\r\n\r\n\x89PNG\r\n',
    ):
        assert line in spec.body


def in_plan(scenario: str) -> str:
    return f"{BEFORE}[scenarios.s]\n{LOAD}\n{scenario}\n"


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ('method = "POST", json = 1, body = "x"', "", "a request has one body, not json and body"),
        ('body_file = "x"', "", "`body_file` without a `method` would be sent with GET: add `method"),
        ('cookies = { a = "1" }, headers = { cookie = "b" }', "", "give cookies either by"),
        (
            'method = "POST", multipart = { a = "b" }, headers = { Content-Type = "x/y" }',
            "",
            "a multipart body comes with its own Content-Type",
        ),
        ('method = "POST", json = inf', "", "Out of range float values are not JSON compliant"),
        ('method = "POST", form = { a = {} }', ".form.a", "should be text, a number, or a list of these"),
        ('method = "POST", multipart = { a = {} }', ".multipart.a", "should be text, a table with `file`"),
        ('method = "POST", jsn = 1', ".jsn", "there is no such key"),
        (
            'headers = { Transfer-Encoding = "chunked" }',
            ".headers.Transfer-Encoding",
            "cannot be set: it frames the request",
        ),
    ],
)
def test_a_wrong_key_of_a_request_or_keys_that_contradict_each_other_are_reported_once(
    tmp_path: Path, text: str, key: str, found: str
) -> None:
    problem = problem_of(
        tmp_path, in_plan(f'request = {{ path = "/", {text} }}'), f"scenarios.s.request{key}"
    )
    assert problem.found.startswith(found)
    assert "json_body" not in problem.remedy


def test_the_plan_as_json_has_the_keys_of_the_plan_file(tmp_path: Path) -> None:
    plan = load(tmp_path, in_plan('request = { method = "POST", path = "/", json = { a = 1 } }'))
    written = json.loads(json.dumps(plan.as_json()))["scenarios"]["s"]["request"]
    assert written["json"] == {"a": 1}
    assert "json_body" not in written


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.jsonl"
    path.write_text('{"id": 1, "word": "a b"}\n{"id": 2, "word": "c\\"d"}\n')
    return path


def test_each_row_makes_a_request_of_the_same_name(values: Path) -> None:
    request = request_of(
        'method = "POST"\npath = "/items/{id}"\nquery = { q = "{word}" }\nheaders = { X = "{word}" }\n'
        f'json = {{ id = "{{id}}", text = "no {{id}}", word = "{{word}}" }}\nvalues = "{values.name}"'
    )
    first, second = request.specs(values.parent)
    assert first.name == second.name == "POST /items/{id}?q={word}"
    assert first.target == "/items/1?q=a%20b"
    assert second.target == "/items/2?q=c%22d"
    assert second.headers[0] == ("X", 'c"d')
    assert json.loads(second.body) == {"id": 2, "text": "no 2", "word": 'c"d'}
    assert spec_of(PlanRequest(path="/{x}")).target == "/{x}"  # without values braces are just braces
    values.unlink()  # the file is read each time
    with pytest.raises(InputError, match="there is no such file"):
        request.specs(values.parent)


def test_the_rows_of_a_request_share_its_weight(tmp_path: Path, values: Path) -> None:
    requests = f'[{{ path = "/a", weight = 3 }}, {{ path = "/{{id}}", values = "{values.name}" }}]'
    plan = load(tmp_path, in_plan(f"requests = {requests}"))
    weighted = plan.scenarios["s"].weighted_specs(tmp_path)
    assert [(spec.target, weight) for spec, weight in weighted] == [("/a", 3.0), ("/1", 0.5), ("/2", 0.5)]
    for weight in ("0", "-1", "nan", "inf"):
        found = faults_of(tmp_path, in_plan(f'requests = [{{ path = "/", weight = {weight} }}]'))
        assert [key for key, _ in found] == ["scenarios.s.requests.0.weight"]


LOGIN = """
request = { path = "/me", headers = { Authorization = "Bearer {token}" } }
[[scenarios.s.login]]
method = "POST"
path = "/login"
form = { user = "{word}" }
values = "values.jsonl"
keep = { token = "json:/access/token", csrf = "header:X-Csrf" }
[[scenarios.s.login]]
path = "/enter/{csrf}"
"""


@pytest.mark.usefixtures("values")
def test_a_login_has_steps_with_a_variant_for_each_row(tmp_path: Path) -> None:
    login, enter = load(tmp_path, in_plan(LOGIN)).scenarios["s"].login_steps(tmp_path)
    assert [step.request.body for step in login] == [b"user=a%20b", b"user=c%22d"]
    assert login[0].keep == (("token", "json:/access/token"), ("csrf", "header:X-Csrf"))
    assert enter == (LoginStep(request=RequestSpec(name="GET /enter/{csrf}", target="/enter/{csrf}")),)


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "remedy"),
    [
        ("Bearer {token}", "Bearer {tokne}", "request", "nothing fills {tokne}", "did you mean 'token'? "),
        ("/enter/{csrf}", "/enter/{id}", "login.1", "nothing fills {id}", "known: csrf, token"),
        ('"{word}"', '"{wrod}", id = "{id}"', "login.0", "nothing fills {wrod}", "did you mean 'word'? "),
        ('"{word}"', '"me"', "login.0.values", "no column is used", "write {column} where a value goes, or "),
    ],
)
@pytest.mark.usefixtures("values")
def test_a_placeholder_that_nothing_fills_is_reported_with_the_known_names(
    tmp_path: Path, *, old: str, new: str, key: str, found: str, remedy: str
) -> None:
    assert LOGIN.count(old) == 1
    problem = problem_of(tmp_path, in_plan(LOGIN.replace(old, new)), f"scenarios.s.{key}")
    assert problem.found == found
    assert problem.remedy.startswith(remedy)


def test_a_place_that_no_value_can_be_kept_from_is_reported(tmp_path: Path) -> None:
    for where in ("json:token", "body:/a", "header:", "cookie:a b", ""):
        found = faults_of(tmp_path, in_plan(LOGIN.replace("json:/access/token", where)))
        assert [key for key, _ in found] == ["scenarios.s.login.0.keep.token"]


def test_missing_files_of_logins_requests_and_parity_are_reported_at_once(tmp_path: Path) -> None:
    text = in_plan(
        'login = [{ method = "POST", path = "/", body_file = "a.txt" }]\n'
        'requests = [{ path = "/{x}", values = "b.csv" }]\n'
        '[parity]\nrequests = [{ method = "PUT", path = "/", multipart = { f = { file = "c.txt" } } }]'
    )
    assert dict(faults_of(tmp_path, text)) == {
        str(tmp_path / "a.txt"): "cannot be read: No such file or directory",
        str(tmp_path / "b.csv"): "there is no such file",
        str(tmp_path / "c.txt"): "cannot be read: No such file or directory",
    }


def test_a_row_that_cannot_be_sent_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("x\nfine\n漢\n", encoding="utf-8")
    text = in_plan('request = { path = "/", headers = { X = "{x}" }, values = "v.csv" }')
    (problem,) = problems_of(tmp_path, text)
    assert problem.where == f"{tmp_path / 'v.csv'}: line 3"
    assert "'X'" in problem.found
    assert problem.remedy == "correct the row's values"


def test_the_snippets_of_the_docs_page_send_what_it_says(tmp_path: Path) -> None:
    for name, content in re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    snippets = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    sent = {
        name: [(f"{spec.method} {spec.target}", spec.body) for spec, _ in scenario.weighted_specs(tmp_path)]
        for name, scenario in load(tmp_path, BEFORE + "\n".join(snippets)).scenarios.items()
    }
    assert sent["search"] == [("GET /items?q=green+tea&tag=a&tag=b", b"")]
    assert sent["reading"] == [
        ("GET /items/1?like=green%20tea", b""),
        ("GET /items/2?like=salt%20%26%20pepper", b""),
    ]
    (body,) = re.findall(r"The first row sends `(.*)`", PAGE)
    assert sent["tagging"][0] == ("PUT /items/1/tags", body.encode())
    lines = [line for line, _ in sent["writing"]]
    assert lines == ["POST /orders", "POST /contact", "POST /import", "PUT /orders/1"]
    upload = b'filename="upload.csv"\r\nContent-Type: text/csv\r\n\r\nid,word\n1,green tea\n'
    assert upload in sent["writing"][2][1]


@pytest.mark.parametrize("section", [WeightedRequest, LoginRequest])
def test_every_key_of_a_request_is_on_the_docs_page(section: type[WeightedRequest | LoginRequest]) -> None:
    names = {field.alias or name for name, field in section.model_fields.items()}
    assert {name for name in names if not re.search(rf"(`|^){name}(`| =)", PAGE, re.MULTILINE)} == set()
