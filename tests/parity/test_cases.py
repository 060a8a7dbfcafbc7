import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcompare.http.requests import http_request
from portcompare.parity.cases import cover_routes, derive_cases, identity, own_cases
from portcompare.records.parity import Coverage
from portcompare.records.requests import LoginStep, RequestSpec, Route

METHODS = st.sampled_from(["GET", "POST", "HEAD", "DELETE", "PROPFIND"])
TARGETS = st.sampled_from(["/", "/a", "/a?x=1", "/a/", "/b?", "/items/5"])
REQUESTS = st.lists(st.builds(RequestSpec, name=st.just(""), method=METHODS, target=TARGETS), max_size=4)


def get(*targets: str, name: str = "") -> list[RequestSpec]:
    return [RequestSpec(name=name, target=target) for target in targets]


def cases_of(*requests: RequestSpec, vary: tuple[str, ...] = ("*",)) -> tuple[RequestSpec, ...]:
    """The plan's own requests, and what is derived from them all."""
    own = own_cases(requests)
    return (*own, *derive_cases(requests, own, vary))


def varied(cases: tuple[RequestSpec, ...]) -> list[RequestSpec]:
    return [case for case in cases if case.name.endswith("]")]


def varied_requests(cases: tuple[RequestSpec, ...]) -> set[str]:
    return {case.name.partition(" [")[0] for case in varied(cases)}


def test_a_path_is_sent_head_options_a_wrong_method_and_paths_that_do_not_exist() -> None:
    cases = cases_of(*get("/data?delay=0.2", name="delayed"))
    around = [case for case in cases if case not in varied(cases)]
    assert [case.name for case in around] == [
        "GET /data?delay=0.2",
        "HEAD /data?delay=0.2",
        "HEAD /data",
        "OPTIONS /data",
        "PROPFIND /data",
        "GET /data/portcompare-no-such-path",
        "GET /portcompare-no-such-path",
    ]
    assert [f"{case.method} {case.target}" for case in around] == [case.name for case in around]


def test_only_the_paths_that_the_plan_names_are_varied() -> None:
    cases = cases_of(*get("/data?delay=2", "/items/5", "/healthz"), vary=("/items/*", "/x"))
    assert {case.target.partition("?")[0] for case in cases if case not in varied(cases)} == {
        "/data",
        "/healthz",
        "/items/5",
        "/items/5/portcompare-no-such-path",
        "/portcompare-no-such-path",
    }
    assert varied_requests(cases) == {"GET /items/5"}


def test_requests_of_one_path_come_first_share_its_other_methods_and_the_first_is_varied() -> None:
    cases = cases_of(*get("/data?delay=2", "/data", "/data?delay=0"))
    names = [case.name for case in cases]
    assert names[:3] == ["GET /data?delay=2", "GET /data", "GET /data?delay=0"]
    assert names.count("OPTIONS /data") == 1
    assert [name for name in names if "[slash at the end]" in name] == [f"{names[0]} [slash at the end]"]
    assert cases_of() == ()


def test_the_wrong_method_is_one_that_the_path_is_not_sent_and_is_safe() -> None:
    cases = cases_of(
        *get("/data", "/other"), RequestSpec(name="c", method="PROPFIND", target="/data?depth=1")
    )
    assert {"REPORT /data", "PROPFIND /other"} <= {case.name for case in cases}
    assert "PROPFIND /data" not in {case.name for case in cases}
    assert not {case.method for case in cases} & {"DELETE", "PUT", "PATCH", "POST"}


@pytest.mark.parametrize("method", ["DELETE", "PURGE"])
def test_a_method_that_may_destroy_is_sent_as_the_plan_has_it_and_never_varied(method: str) -> None:
    request = http_request("/items/5", method=method, query={"older": "9"}, json={"a": 1})
    cases = cases_of(request)
    assert [identity(case) for case in cases if case.method == method] == [identity(request)]
    assert not [case for case in cases if case.body and case.method != method]


def test_derived_cases_have_the_headers_and_login_of_their_request() -> None:
    headers = (("Authorization", "Bearer {token}"),)
    login = (LoginStep(request=RequestSpec(name="in", target="/login"), keep=(("token", "json:/t"),)),)
    cases = cases_of(RequestSpec(name="a", target="/data?x=1", headers=headers, login=login))
    others = [case for case in cases if "[header Authorization" not in case.name and "CORS" not in case.name]
    without = [case.name for case in others if not set(headers) <= set(case.headers)]
    assert without == ["GET /portcompare-no-such-path"]
    assert [case.name for case in cases if case.login != login] == without


def test_each_parameter_is_varied_in_the_first_request_that_has_it() -> None:
    cases = cases_of(*get("/data", "/data?a=1", "/data?a=2&b=3", "/data?b=4"))
    empty = [(case.name, case.target) for case in cases if case.name.endswith((" [a empty]", " [b empty]"))]
    assert empty == [("GET /data?a=1 [a empty]", "/data?a="), ("GET /data?a=2&b=3 [b empty]", "/data?a=2&b=")]


def test_one_route_is_paths_that_differ_in_an_identifier_and_rows_of_one_template() -> None:
    uuid = "0b8c1d0a-7b1e-4c5d-9a53-c1f0a7d0d3f1"
    by_path = get("/items/1/notes", "/items/2/notes", f"/items/{uuid}/notes", "/items/1/tags")
    rows = get("/users/ada", "/users/bob", "/users/eve", name="GET /users/{user}")
    assert varied_requests(cases_of(*by_path)) == {"GET /items/1/notes", "GET /items/1/tags"}
    cases = cases_of(*rows)
    assert [case.name for case in cases[:3]] == ["GET /users/ada", "GET /users/bob", "GET /users/eve"]
    assert varied_requests(cases) == {"GET /users/ada"}


def test_each_method_of_a_path_is_varied_and_the_root_has_one_missing_path() -> None:
    cases = cases_of(*get("/a"), RequestSpec(name="", target="/a", method="POST", body=b"x"))
    assert {case.method for case in varied(cases)} == {"GET", "POST", "OPTIONS"}  # the last for CORS
    assert [case.name for case in cases if case.name == "OPTIONS /a"] == ["OPTIONS /a"]
    names = [case.name for case in cases_of(*get("/?x=1"))]
    assert names.count("GET /portcompare-no-such-path") == 1
    assert not [name for name in names if "//" in name.partition(" [")[0]]


def test_cases_of_the_same_method_and_target_are_numbered() -> None:
    bodies = [RequestSpec(name="", method="DELETE", target="/data", body=body) for body in (b"a", b"b", b"a")]
    assert [(case.name, case.body) for case in cases_of(*bodies)[:2]] == [
        ("DELETE /data", b"a"),
        ("DELETE /data (2)", b"b"),
    ]


def test_no_derived_case_is_longer_than_every_server_hands_on_to_the_app() -> None:
    short, long, longest = "/data?x=1", "/data?x=" + "y" * 2000, "/" + "x" * 9000
    names = {}
    for target in (short, long):
        cases = cases_of(*get(target))
        assert max(len(case.target) for case in cases) <= 4000
        names[target] = {case.name for case in cases}
    assert f"GET {short} [x repeated]" in names[short]
    assert f"GET {long} [x repeated]" not in names[long]
    assert f"GET {long} [x empty]" in names[long]
    assert cases_of(*get(longest))[0].target == longest  # the plan's own is sent all the same


@settings(max_examples=10)
@given(REQUESTS, REQUESTS)
def test_every_case_is_there_once_under_its_own_name(
    scenarios: list[RequestSpec], own: list[RequestSpec]
) -> None:
    cases = cases_of(*scenarios, *own)
    assert len({case.name for case in cases}) == len(cases)
    assert len(set(map(identity, cases))) == len(cases)
    assert set(map(identity, (*scenarios, *own))) <= set(map(identity, cases))
    assert cases == cases_of(*scenarios, *own)


def route(rule: str, *methods: str, is_websocket: bool = False) -> Route:
    return Route(rule=rule, methods=methods or ("GET",), is_websocket=is_websocket)


NOTHING = Coverage()
OLD = (route("/"), route("/items/<int:item_id>", "GET", "DELETE"), route("/files/<path:name>"))


def test_routes_are_counted_by_method_and_those_without_a_request_are_named() -> None:
    new = (*OLD[:1], route("/items/<id>"), OLD[2], route("/live", is_websocket=True))
    requests = [http_request("/items/7?full=1"), http_request("/items/7", method="PUT")]
    assert cover_routes(NOTHING, {"old": OLD, "new": new}, requests) == Coverage(
        routes_known=5,
        routes_requested=1,
        unrequested=(
            "DELETE /items/<int:item_id> (only old has it, it writes: only the plan's own requests are sent)",
            "GET / (the plan has no request for it)",
            "GET /files/<path:name> (its path needs a value)",
            "WEBSOCKET /live (only new has it, websockets are not compared)",
        ),
    )


@pytest.mark.parametrize(
    ("rule", "path", "is_covered"),
    [
        ("/a.b", "/a.b", True),
        ("/a.b", "/axb", False),
        ("/<any(x,y):kind>/<string(length=2):code>", "/x/de", True),
        ("/<name>", "/a/b", False),
        ("/<path:name>", "/a/b", True),
        ("/items/", "/items", False),
        ("/<a>-<b>", "/1-2", True),
    ],
)
def test_a_path_leads_to_a_rule(rule: str, path: str, *, is_covered: bool) -> None:
    found = cover_routes(NOTHING, {"app": (route(rule),)}, [RequestSpec(name="", target=path)])
    assert found.routes_requested == is_covered


def test_without_a_table_of_routes_nothing_is_known() -> None:
    assert cover_routes(NOTHING, {}, [http_request("/")]) == NOTHING
