import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from portcompare.discover import texts
from portcompare.discover.apps import Found, FoundApp, Place
from portcompare.discover.definitions import Definition
from portcompare.discover.draft import draft_plan
from portcompare.http.requests import http_request
from portcompare.loadgen.window import least_time
from tests.discover.samples import (
    ALONE,
    FULL,
    INDEX,
    ITEM,
    ITEMS,
    PAIR,
    make_app,
    make_found,
    make_route,
    read_plan,
)


def text_of(found: Found, locustfile: str = "locustfile.py") -> str:
    return texts.plan_text(draft_plan(found), found.project / "loadtests", locustfile)


def app_of(found: Found, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - an app's fields
    """The table of a baseline that differs from the usual one."""
    changed = replace(found, baseline=replace(found.baseline, **changes))
    table: dict[str, Any] = tomllib.loads(text_of(changed))["apps"]["flask"]
    return table


@pytest.mark.parametrize("found", [FULL, PAIR, ALONE], ids=["full", "pair", "alone"])
def test_it_is_a_plan_with_a_comment_above_each_key(found: Found, tmp_path: Path) -> None:
    plan = read_plan(text_of(found, "mine.py"), tmp_path)
    assert (plan.name, plan.locustfile) == ("project", Path("mine.py"))
    assert {plan.baseline, *plan.candidates} == set(plan.deployments)
    assert all(scenario.user for scenario in plan.scenarios.values())
    lines = text_of(found, "mine.py").splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(keys) > 10
    assert [lines[number] for number in keys if not lines[number - 1].startswith("# ")] == []


def test_apps_are_named_with_their_interface_and_place() -> None:
    assert app_of(PAIR) == {"target": "app:app", "interface": "wsgi", "directory": "..", "python": "python"}
    place = Place(directory=Path("/project"), pythonpath=(Path("/project/src"),), module="shop.wsgi")
    changed = app_of(PAIR, place=place, python=Path("/project/.venv/bin/python"))
    assert changed["target"] == "shop.wsgi:app"
    assert changed["pythonpath"] == ["../src"]
    assert changed["python"] == "../.venv/bin/python"
    assert app_of(PAIR, python=Path("/opt/python"))["python"] == "/opt/python"


def test_both_are_asked_whether_they_are_ready_and_what_is_left_out_can_be_switched_on(
    tmp_path: Path,
) -> None:
    text = text_of(FULL)
    plan = read_plan(text, tmp_path)
    assert {app.ready_path for app in plan.apps.values()} == {"/healthz"}
    assert [(each.path, each.expect and each.expect.status) for each in plan.parity.requests] == [
        ("/healthz", None),
        ("/items", None),
        ("/new", 404),
    ]
    assert all(app.ready_path is None for app in read_plan(text_of(PAIR), tmp_path).apps.values())
    paths = {(each.method, each.path) for each in plan.parity.requests}
    on = re.sub(r"^    # (\{.*)$", r"    \1", text, flags=re.MULTILINE)
    switched_on = {(each.method, each.path) for each in read_plan(on, tmp_path).parity.requests} - paths
    assert switched_on == {("PUT", "/items/1"), ("POST", "/items"), ("GET", "/example")}


def test_without_a_port_its_place_is_shown(tmp_path: Path) -> None:
    text = text_of(ALONE)
    assert read_plan(text, tmp_path).candidates == ["flask-gunicorn-gevent"]
    # The candidates, and the block of the port.
    ported = re.sub(r"^candidates = .*\n# with the port:\n# ", "", text, flags=re.MULTILINE)
    head, mark, block = ported.partition("# The port, once there is one")
    lines, rest = block.split("\n\n", 1)
    switched_on = [re.sub("^# ?", "", line) for line in lines.splitlines()[1:]]
    plan = read_plan("\n".join([head + mark, *switched_on, "", rest]), tmp_path)
    assert plan.candidates == ["flask-gunicorn-gevent", "quart-uvicorn"]
    assert plan.apps["quart"].interface == "asgi"


def test_a_side_that_cannot_be_imported_is_left_to_the_user_with_the_reason(tmp_path: Path) -> None:
    text = text_of(replace(PAIR, candidate=make_app("quart", problem="no \x1b[31mdb\nat all")))
    assert read_plan(text, tmp_path).apps["quart"].target == "app:app"
    assert "# TO DO: it could not be imported, so its routes are not known: no  [31mdb\n# at all" in text


def test_placeholders_of_variables_are_written_with_the_line_that_needs_them(tmp_path: Path) -> None:
    environment = {"SHOP_URL": 'http://a"b'}
    lacking = replace(PAIR.baseline, environment=environment, place_of_problem="app.py, line 2: URL")
    text = text_of(replace(PAIR, baseline=lacking))
    plan = read_plan(text, tmp_path)
    assert plan.apps["flask"].environment == environment
    assert plan.apps["quart"].environment == {}
    assert "# app.py, line 2: URL\n" in text


@pytest.mark.parametrize(
    ("variables", "environment"),
    [
        (("SHOP_MODE", "SHOP_DATABASE_URL"), {"SHOP_DATABASE_URL": "sqlite:///{folder}/shop-{arm}.db"}),
        (("DB_FILE",), {"DB_FILE": "../instance/shop-{arm}.db"}),
        ((), {"DATABASE": "../instance/shop-{arm}.db"}),
    ],
)
def test_a_shared_sqlite_file_comes_with_what_gives_each_deployment_its_own(
    tmp_path: Path, variables: tuple[str, ...], environment: dict[str, str]
) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "shop.db").touch()
    place = Place(directory=tmp_path / "app", module="app")
    shared = replace(PAIR.baseline, place=place, variables=variables)
    candidate = replace(PAIR.baseline, place=place)
    text = text_of(replace(PAIR, baseline=shared, candidate=candidate, databases=(folder / "shop.db",)))
    assert text.count("# All deployments may write to ../instance/shop.db") == 2
    _, _, block = text.partition("[apps.flask]")
    on = re.sub(
        "^# (environment|setup|teardown)", r"\1", block.partition("[apps.quart]")[0], flags=re.MULTILINE
    )
    app = tomllib.loads(on)
    expected = {name: value.replace("{folder}", str(folder)) for name, value in environment.items()}
    assert app["environment"] == expected
    copy = "'../instance/shop-{arm}.db'"
    assert (app["setup"], app["teardown"]) == ([f"cp ../instance/shop.db {copy}"], [f"rm -f {copy}"])
    assert read_plan(text, tmp_path).apps["flask"].environment == {}


def test_a_sqlite_file_of_an_app_is_copied_with_its_directory(tmp_path: Path) -> None:
    folders = {"flask": tmp_path / "shop", "quart": tmp_path / "shop-quart"}
    files = [folder / "shop.db" for folder in folders.values()]
    baseline, candidate = (
        replace(app, place=Place(directory=folder, module="app"), databases=(file,))
        for app, folder, file in zip((PAIR.baseline, make_app("quart")), folders.values(), files, strict=True)
    )
    pair = replace(PAIR, baseline=baseline, candidate=candidate, databases=tuple(files))
    text = text_of(pair)
    assert (
        text.count("# All deployments may write to shop.db") == text.count("\n# copy_directory = true\n") == 2
    )
    assert "../shop" not in text.replace("directory = ", "").replace('"../shop', "")
    apps = read_plan(text.replace("# copy_directory", "copy_directory"), tmp_path).apps
    assert all(app.copy_directory for app in apps.values())


def test_documentation_and_websockets_are_noted(tmp_path: Path) -> None:
    app = make_app("flask", INDEX, make_route("/docs"), make_route("/ws", is_websocket=True))
    text = text_of(make_found(app))
    assert "# WebSocket routes are not compared: /ws\n# Pages of documentation are left out: /docs\n" in text
    assert read_plan(text, tmp_path).parity.requests == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [None, "/a/1/b/2"])
def test_no_placeholder_of_a_route_is_left_in_a_request_of_any_method(method: str, path: str | None) -> None:
    route = make_route(
        "/a/<own:x>/b/<path:y>", method, path=path, parameter="x", kind="own", values={"y": "2"}
    )
    one_sided = make_found(make_app("flask"), make_app("quart", route))
    for found in (make_found(make_app("flask", INDEX, route)), one_sided):
        requests = [line for line in text_of(found).splitlines() if "path = " in line and "/a/" in line]
        assert requests or method == "GET"
        written = [line.strip().removeprefix("#").partition("#")[0] for line in requests]
        assert not [line for line in written if "<" in line]


def test_other_apps_are_listed_or_some_of_many() -> None:
    others = [
        Definition(framework="flask", file=Path(f"/project/tools/{n}.py"), line=7, name="admin")
        for n in range(12)
    ]
    assert "# admin (tools/0.py, line 7)" in text_of(replace(PAIR, others=(others[0],)))
    assert "# admin (tools/9.py, line 7)\n# and 2 more\n" in text_of(replace(PAIR, others=tuple(others)))


def document(baseline: FoundApp, *files: Path) -> tuple[str | None, str]:
    text = text_of(replace(make_found(baseline), openapi=files))
    parity: dict[str, str] = tomllib.loads(text).get("parity", {})
    return parity.get("openapi"), text


DOCUMENT = Path("/project/docs/openapi.json")


def test_an_openapi_document_is_named_unless_its_cases_would_change_data_or_it_could_not_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(texts, "find_spec", str)  # as if schemathesis was installed
    served = make_app("flask", INDEX, make_route("/openapi.json"))
    assert document(served)[0] == "/openapi.json"
    assert document(served, DOCUMENT)[0] == "../docs/openapi.json"
    assert document(make_app("flask", INDEX))[0] is None
    named, text = document(make_app("flask", INDEX, ITEMS), DOCUMENT)
    assert named is None
    assert '# openapi = "../docs/openapi.json"' in text
    monkeypatch.setattr(texts, "find_spec", lambda _: None)
    named, text = document(make_app("flask", INDEX), DOCUMENT)
    assert named is None
    assert "with this key, portcompare says how to.\n# openapi = " in text


@pytest.mark.parametrize("routes", [1, 3, 20])
def test_the_least_number_of_blocks_fits_into_the_budget(routes: int, tmp_path: Path) -> None:
    app = make_app("flask", *(make_route(f"/{number}") for number in range(routes)))
    plan = read_plan(text_of(make_found(app)), tmp_path)
    assert 120 <= plan.rounds.budget_s <= 180
    block_s = sum(plan.window_s(name) + least_time(0.0) for name, _ in plan.levels) * len(plan.arms)
    starts_s = 3.0
    assert plan.rounds.min_blocks * (block_s + starts_s) < plan.rounds.budget_s


def locustfile_of(found: Found) -> str:
    return texts.locustfile_text(draft_plan(found), "mine.py")


def execute(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a locustfile defines; without Locust, which would monkey-patch this process."""
    loadgen = ModuleType("portcompare.loadgen")
    vars(loadgen).update(LeanUser=object, http_request=http_request, declare_targets=lambda *names: names)
    monkeypatch.setitem(sys.modules, "portcompare.loadgen", loadgen)
    defined: dict[str, Any] = {}
    exec(compile(text, "mine.py", "exec"), defined)  # noqa: S102 - it is what is tested
    return defined


def test_each_scenario_has_its_class_and_many_routes_are_a_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    defined = execute(locustfile_of(ALONE), monkeypatch)
    assert defined["Index"].request == http_request("/")
    names = [scenario.user for scenario in draft_plan(FULL).scenarios]
    assert set(names) <= set(execute(locustfile_of(FULL), monkeypatch))
    mix = make_found(make_app("flask", INDEX, ITEM, ITEMS, make_route("/users")))
    text = locustfile_of(mix)
    paths = ["/", "/items/1", "/items", "/users"]
    assert execute(text, monkeypatch)["AllRoutes"].requests == {http_request(path): 1 for path in paths}
    above, _, _ = text.partition('        http_request("/items/1")')
    assert above.endswith("        # invented for /items/<int:n>: does it exist?\n")


def test_what_is_left_out_can_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = locustfile_of(FULL)
    assert "LeftOut" not in execute(text, monkeypatch)
    before, _, block = text.partition("# What is left out, and why:\n#\n")
    defined = execute(before + re.sub("^# ?", "", block, flags=re.MULTILINE), monkeypatch)
    asked = {(request.method, request.target) for request in defined["LeftOut"].requests}
    assert {("PUT", "/items/1"), ("POST", "/items")} <= asked


def test_plain_locust_is_told_of_both_sides() -> None:
    text, urls = locustfile_of(FULL), "--flask-url http://127.0.0.1:8001 --quart-url http://127.0.0.1:8002"
    assert 'declare_targets("flask", "quart")' in text
    assert f"locust -f loadtests/mine.py {urls}" in text
    assert 'declare_targets("flask")' in locustfile_of(ALONE)
