from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from portcompare.errors import Problem
from portcompare.plan import App, load_plan
from tests.plan.plans import GOOD, SERVERS, problems_of, spoilt, write

if TYPE_CHECKING:
    from pathlib import Path

OLD = '[deployments.old]\napp = "flask"\nserver = "gunicorn"\n'
KINDS = "give exactly one of `server` (with an app), `command` and `url`"
PORT = "put `{port}` where the server is told its port: each arm and block gets a free one"
TARGETLESS = "add `target` and `interface` to the table of 'bare' in [apps]"
SHAPE = "write http://HOST:PORT or https://HOST:PORT"


@pytest.mark.parametrize(
    "target",
    [
        "service:app",
        "service.web:site.app",
        "service:make()",
        "service.web:site.make('test', debug=False)",
        'service:make({"DEBUG": [1, -2.5, None]}, name=")")',
    ],
)
def test_a_target_is_an_object_or_a_factory_with_literal_arguments(target: str) -> None:
    app = App(target=target, interface="wsgi")
    assert app.has_factory == target.endswith(")")


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("service", "should be `module:object`, or `module:factory()`"),
        ("service:app, other", "should be `module:object`, or `module:factory()`"),
        ("service:make()()", "should be `module:object`, or `module:factory()`"),
        ("service:make().app()", "should be `module:object`, or `module:factory()`"),
        ("service:make(1", "should be `module:object`, or `module:factory()`"),
        ("service:make(1 2)", "the call is no Python"),
        ("service:make(settings)", "whose arguments are literals"),
        ("service:make(*[1])", "whose arguments are literals"),
        ("service:make(**{'a': 1})", "whose arguments are literals"),
        ("service:make(__import__('os'))", "whose arguments are literals"),
    ],
)
def test_any_other_target_is_refused(target: str, found: str) -> None:
    with pytest.raises(ValidationError) as raised:
        App(target=target, interface="wsgi")
    assert found in str(raised.value)


@pytest.mark.parametrize("table", [{"target": "service:app"}, {"interface": "wsgi"}])
def test_target_and_interface_come_together(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`target` and `interface` together"):
        App.model_validate(table)


@pytest.mark.parametrize(
    ("ready_path", "status", "is_ready"),
    [
        (None, 200, True),
        (None, 404, True),
        (None, 500, True),
        (None, 503, False),
        ("/healthz", 204, True),
        ("/healthz", 302, True),
        ("/healthz", 404, False),
        ("/healthz", 503, False),
    ],
)
def test_an_app_is_ready_when_its_path_says_so_or_it_answers_at_all(
    ready_path: str | None, status: int, *, is_ready: bool
) -> None:
    assert App(ready_path=ready_path).is_ready(status) == is_ready


@pytest.mark.parametrize(
    "case",
    [
        ('app = "flask"\n', "", "says not what serves it", KINDS),
        ('command = "serve {port}"\nurl = "http://h:1"\n', "", "has `command` and `url`", KINDS),
        (
            'server = "gunicorn"\n',
            ".app",
            "is missing",
            "name the app that the server is to serve",
        ),
        (
            'app = "bare"\nserver = "gunicorn"\n',
            ".app",
            "the app 'bare' has no target that gunicorn could serve",
            f"{TARGETLESS}, or give a `command` instead of the server",
        ),
        (
            'command = "serve {port}"\nthreads = 8\n',
            ".threads",
            "cannot be set where `command` says what serves",
            "remove it, and say it in the command; portcompare does not know how",
        ),
        (
            'url = "http://h:1"\nport = 80\n',
            ".port",
            "cannot be set where `url` says what serves",
            "remove it; that server is started by somebody else",
        ),
        ('command = "serve --port 80"\n', ".command", "does not say where the port goes", PORT),
        ('command = " "\n', ".command", "is empty", "write the program and its arguments"),
        (
            "command = 'serve \"{port}'\n",
            ".command",
            "cannot be split into words as a shell would: No closing quotation",
            "quote it as for a shell",
        ),
        ('url = "h:1"\n', ".url", "'h:1' is not the address of a server", SHAPE),
        ('url = "ftp://h"\n', ".url", "'ftp://h' is not the address of a server", SHAPE),
        (
            'url = "http://h:x"\n',
            ".url",
            "is no address: Port could not be cast to integer value as 'x'",
            SHAPE,
        ),
        (
            'url = "http://me:secret@h"\n',
            ".url",
            "names a user",
            f"{SHAPE}, and send an Authorization header with the requests",
        ),
        (
            'url = "http://h/v1"\n',
            ".url",
            "'http://h/v1' goes on after the port",
            f"{SHAPE}; paths belong to the requests, and are sent to all deployments alike",
        ),
    ],
)
def test_a_deployment_says_in_one_way_what_serves(tmp_path: Path, case: tuple[str, str, str, str]) -> None:
    lines, key, found, remedy = case
    text = spoilt(OLD, f'[apps.bare]\ndirectory = "."\n\n[deployments.old]\n{lines}')
    path = write(tmp_path / "plan.toml", text)

    assert problems_of(path) == (Problem(where=f"{path}: deployments.old{key}", found=found, remedy=remedy),)


def test_an_address_can_stand_where_a_deployment_is_named(tmp_path: Path) -> None:
    text = GOOD.replace('baseline = "old"', 'baseline = { url = "http://10.0.0.7:5000/" }').replace(
        'candidates = ["new"]', 'candidates = ["new", { url = "https://example.org", app = "quart" }]'
    )
    plan = load_plan(write(tmp_path / "plan.toml", text), SERVERS)

    assert [arm.deployment for arm in plan.arms] == ["10.0.0.7:5000"] * 2 + ["new", "example.org"]
    assert plan.deployments["10.0.0.7:5000"].url == "http://10.0.0.7:5000/"
    assert plan.app_of("example.org") is plan.apps["quart"]
    assert plan.app_of("10.0.0.7:5000") == App()
    assert plan.where("deployments", "10.0.0.7:5000", "url") == f"{plan.path}: baseline.url"
    assert plan.where("deployments", "example.org") == f"{plan.path}: candidates.1"
    assert plan.as_json()["baseline"] == "10.0.0.7:5000"


def test_a_plan_of_addresses_alone_needs_no_apps(tmp_path: Path) -> None:
    text = (
        'baseline = { url = "http://a:1" }\ncandidates = [{ url = "http://b:1" }]\n'
        '[scenarios.fast]\nrequest = { path = "/" }\nload = { users = [1] }\n'
    )
    assert list(load_plan(write(tmp_path / "plan.toml", text), SERVERS).deployments) == ["a:1", "b:1"]


@pytest.mark.parametrize(
    ("old", "new", "where", "found"),
    [
        (
            'baseline = "old"',
            'baseline = { command = "serve {port}" }',
            "baseline",
            "is a table without a `url` that names a host",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", { url = "nowhere" }]',
            "candidates.1",
            "is a table without a `url` that names a host",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", { url = "http://old" }]',
            "candidates.1",
            "would be called 'old', as a table of [deployments] is",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", { url = "http://h/x" }]',
            "candidates.1.url",
            "'http://h/x' goes on after the port",
        ),
        (
            'candidates = ["new"]',
            'candidates = ["new", { url = "http://h", port = 1 }]',
            "candidates.1.port",
            "cannot be set where `url` says what serves",
        ),
    ],
)
def test_what_is_wrong_with_an_address_is_told_where_it_stands(
    tmp_path: Path, old: str, new: str, where: str, found: str
) -> None:
    path = write(tmp_path / "plan.toml", spoilt(old, new))

    [problem] = problems_of(path)

    assert (problem.where, problem.found) == (f"{path}: {where}", found)
