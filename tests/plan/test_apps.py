from pathlib import Path

import pytest
from pydantic import ValidationError

from portcompare.plan import App
from tests.plan.plans import GOOD, LISTED, SCENARIO, SERVERS, changed, faults_of, load, problem_of

KNOWN_SERVERS = (
    f"did you mean 'gunicorn'? Known: {', '.join(sorted(SERVERS))}; start any other server by a `command`"
)
NO_SETTING = "hypercorn has no such setting for asgi apps"
NO_ADAPTER = "uvicorn does not serve asgi apps through an adapter"
NO_WSGI_ADAPTER = "gunicorn does not serve wsgi apps through an adapter"
NO_THREADS = "uvicorn has no such setting for wsgi apps through asgiref"
NO_SUCH_ADAPTER = "Input should be 'a2wsgi' or 'asgiref' (found 'wsgi')"
OLD = '[deployments.old]\napp = "flask"\nserver = "gunicorn"\n'


TARGETS = [
    *("service:app", "service.web:site.app", "service:make()", "service.web:site.make('test', debug=False)"),
    'service:make({"DEBUG": [1, -2.5, None]}, name=")")',
]
OTHERS = [
    *("service", "service:app, other", "service:make()()", "service:make().app()", "service:make(1"),
    *("service:make(1 2)", "service:make(settings)", "service:make(*[1])", "service:make(**{'a': 1})"),
    *("service:make({[]: 1})", "service:make(__import__('os'))"),
]


def test_a_target_is_an_object_or_a_factory_with_literal_arguments() -> None:
    for target in TARGETS:
        assert App(target=target, interface="wsgi").has_factory == target.endswith(")")
    for target in OTHERS:
        with pytest.raises(ValidationError, match="write `module:object`, or `module:factory"):
            App(target=target, interface="wsgi")
    for table in ({"target": "service:app"}, {"interface": "wsgi"}):
        with pytest.raises(ValidationError, match="all of `target`, `interface`"):
            App.model_validate(table)


def test_an_app_is_ready_by_the_status_of_its_path_or_by_any_response() -> None:
    statuses = (200, 204, 302, 404, 500, 503)
    assert [status for status in statuses if App().is_ready(status)] == [200, 204, 302, 404, 500]
    assert [status for status in statuses if App(ready_path="/healthz").is_ready(status)] == [200, 204, 302]


@pytest.mark.parametrize(
    ("lines", "key", "found", "remedy"),
    [
        ('app = "flask"\n', "", "has none of these keys", "exactly one of"),
        ('command = "serve {port}"\nurl = "http://h:1"\n', "", "has `command` and `url`", "exactly one of"),
        ('server = "gunicorn"\n', "", "has no `app`", "name the app that the server is to serve"),
        ('app = "bare"\nserver = "gunicorn"\n', ".app", "the app 'bare' has no target", "or use a `command`"),
        ('command = "serve {port}"\nthreads = 8\n', "", "sets `threads` beside a `command`", "remove it"),
        ('url = "http://h:1"\nadapter = "a2wsgi"\n', "", "sets `adapter` beside a `url`", "remove it"),
        ('url = "http://h:1"\nport = 80\n', "", "sets `port` beside a `url`", "remove it"),
        ('command = "serve --port 80"\n', ".command", "does not contain `{port}`", "put `{port}`"),
        ('command = " "\n', ".command", "does not contain `{port}`", "put `{port}`"),
        ("command = 'serve \"{port}'\n", ".command", "No closing quotation", "quote it as for a shell"),
        *(
            (f'url = "{url}"\n', ".url", "is not the address of a server", "write http://HOST:PORT")
            for url in (
                *("h:1", "ftp://h", "http://h:x", "http://h:0", "http://[h", "http://h/v1", "http://h?a=1"),
                *("http://h ", "http://ä:1", "http://:1", "http://me:secret@h"),
            )
        ),
    ],
)
def test_a_deployment_is_served_in_one_way(
    tmp_path: Path, lines: str, key: str, found: str, remedy: str
) -> None:
    text = changed(OLD, f'[apps.bare]\ndirectory = "."\n\n[deployments.old]\n{lines}')
    problem = problem_of(tmp_path, text, f"deployments.old{key}")
    assert found in problem.found
    assert remedy in problem.remedy
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "key", "found", "remedy"),
    [
        ('"flask"', '"flaks"', "old.app", "there is no app 'flaks'", "did you mean 'flask'? Known: flask, q"),
        ('"gunicorn"', '"gunicron"', "old.server", "there is no server 'gunicron'", KNOWN_SERVERS),
        ('"hypercorn"', '"waitress"', "new.server", "waitress does not serve asgi apps", "servers that do: "),
        (
            '"hypercorn"',
            '"uvicorn"\nadapter = "a2wsgi"',
            "new.adapter",
            NO_ADAPTER,
            "remove it: it is for wsgi",
        ),
        (
            '"gunicorn"',
            '"gunicorn"\nadapter = "asgiref"',
            "old.adapter",
            NO_WSGI_ADAPTER,
            "servers that do: ",
        ),
        (
            '"gunicorn"',
            '"uvicorn"',
            "old.server",
            "uvicorn does not serve wsgi apps",
            'set adapter = "a2wsgi"',
        ),
        ('"gunicorn"', '"uvicorn"\nadapter = "asgiref"\nthreads = 9', "old.threads", NO_THREADS, "remove it"),
        ('"gunicorn"', '"gunicorn"\nadapter = "wsgi"', "old.adapter", NO_SUCH_ADAPTER, LISTED),
        ('"hypercorn"', '"hypercorn"\nthreads = 2', "new.threads", NO_SETTING, "remove it; it has: backlog"),
    ],
)
def test_a_deployment_names_an_app_a_server_and_settings_that_there_are(
    tmp_path: Path, *, old: str, new: str, key: str, found: str, remedy: str
) -> None:
    problem = problem_of(tmp_path, changed(old, new), f"deployments.{key}")
    assert problem.found == found
    assert problem.remedy.startswith(remedy)


SWEEP = changed('["new"]', '["swept", "new"]') + '[deployments.swept]\napp = "flask"\nserver = "waitress"\n'


@pytest.mark.parametrize(
    ("threads", "candidates"),
    [("[8, 32, 8]", {"swept-8": 8, "swept-32": 32, "new": None}), ("[4]", {"swept": 4, "new": None})],
)
def test_several_numbers_of_threads_make_a_candidate_each(
    tmp_path: Path, threads: str, candidates: dict[str, int | None]
) -> None:
    plan = load(tmp_path, f"{SWEEP}threads = {threads}\n")
    assert {name: plan.deployments[name].threads for name in plan.candidates} == candidates
    assert plan.deployments.keys() == {"old", *candidates}


def test_a_baseline_of_several_is_no_candidate(tmp_path: Path) -> None:
    text = SWEEP.replace('"old"\nc', '"swept-8"\nc')
    assert load(tmp_path, f"{text}threads = [8, 32]\n").candidates == ["swept-32", "new"]


@pytest.mark.parametrize(
    ("old", "new", "faults"),
    [
        ('"old"\nc', '"swept"\nc', [("baseline", "'swept' has several numbers of threads")]),
        (
            '"waitress"',
            '"gunicorn-sync"',
            [("deployments.swept.threads", "gunicorn-sync has no such setting")],
        ),
        ("[8, 32]", "[]", [("deployments.swept.threads", "Input should be a valid integer")]),
        ("[8, 32]", '[8, "x"]', [("deployments.swept.threads", "Input should be a valid integer")]),
        ("[8, 32]", "[0, 32]", [("deployments.swept.threads", "Input should be greater than or equal to 1")]),
        ("[deployments.new]", "[deployments.swept-8]", [("deployments.swept.threads", "makes a deployment")]),
    ],
)
def test_what_is_wrong_with_several_numbers_is_reported_once_at_their_key(
    tmp_path: Path, old: str, new: str, faults: list[tuple[str, str]]
) -> None:
    text = f"{SWEEP}threads = [8, 32]\n"
    assert text.count(old) == 1
    found = faults_of(tmp_path, text.replace(old, new))
    assert [(key, said.startswith(text)) for (key, said), (_, text) in zip(found, faults, strict=True)] == [
        (key, True) for key, _ in faults
    ]


def test_baseline_and_candidates_can_be_addresses(tmp_path: Path) -> None:
    text = GOOD.replace('baseline = "old"', 'baseline = { url = "http://10.0.0.7:5000/" }').replace(
        'candidates = ["new"]', 'candidates = ["new", { url = "https://example.org", app = "quart" }]'
    )
    plan = load(tmp_path, text)
    assert [arm.deployment for arm in plan.arms] == ["10.0.0.7:5000"] * 2 + ["new", "example.org"]
    assert plan.deployments["10.0.0.7:5000"].url == "http://10.0.0.7:5000/"
    assert plan.app_of("example.org") is plan.apps["quart"]
    assert plan.app_of("10.0.0.7:5000") == App()
    assert plan.where("deployments", "10.0.0.7:5000", "url") == f"{plan.path}: baseline.url"
    assert plan.where("deployments", "example.org") == f"{plan.path}: candidates.1"
    assert plan.as_json()["baseline"] == "10.0.0.7:5000"
    text = 'baseline = { url = "http://a:1" }\ncandidates = [{ url = "http://b:1" }]\n' + SCENARIO
    assert list(load(tmp_path, text).deployments) == ["a:1", "b:1"]  # and no apps are needed


CALLED_OLD = "would be called 'old', which is the name of a table in [deployments]"


@pytest.mark.parametrize(
    ("new", "key", "found"),
    [
        ('{ command = "serve {port}" }', "", "is a table without a `url` that names a host"),
        ('{ url = "nowhere" }', "", "is a table without a `url` that names a host"),
        ('{ url = "http://old" }', "", CALLED_OLD),
        ('{ url = "http://h/x" }', ".url", "is not the address of a server alone, but has a path or a query"),
        ('{ url = "http://me:pw@h" }', ".url", "is not the address of a server alone, but names a user"),
        ('{ url = "http://h", port = 1 }', "", "sets `port` beside a `url`"),
    ],
)
def test_a_wrong_address_is_reported_at_the_key_that_contains_it(
    tmp_path: Path, new: str, key: str, found: str
) -> None:
    assert faults_of(tmp_path, changed('["new"]', f'["new", {new}]')) == [(f"candidates.1{key}", found)]


OTHER = '\n[apps.other]\ntarget = "other:app"\ninterface = "asgi"\n'
STORE = OTHER + '\n[deployments.store]\napp = "other"\nserver = "uvicorn"\n'
IN_APP = 'interface = "asgi"\n\n[deployments.old]'


def with_environment(value: str, more: str = STORE) -> str:
    """The good plan, whose Quart app has a variable."""
    return changed(IN_APP, IN_APP.replace("\n\n", f'\nenvironment = {{ STORE = "{value}" }}\n\n')) + more


def test_upstreams_are_the_deployments_that_environments_of_apps_and_deployments_name(tmp_path: Path) -> None:
    plan = load(tmp_path, with_environment("{upstream.store}/v1"))
    assert plan.upstreams == ("store",)
    assert [arm.deployment for arm in plan.arms] == ["old", "old", "new"]
    assert load(tmp_path, with_environment("http://store")).upstreams == ()
    wrong = with_environment("{upstream.store}", STORE.replace("uvicorn", "unicorn"))
    assert [key for key, _ in faults_of(tmp_path, wrong)] == ["deployments.store.server"]
    text = changed('server = "hypercorn"', 'server = "hypercorn"\nenvironment.A = "{upstream.store}"')
    plan = load(tmp_path, text + STORE)
    assert plan.upstreams == ("store",)
    filled = plan.with_addresses({"store": "http://127.0.0.1:8000"})
    assert filled.deployments["new"].environment == {"A": "http://127.0.0.1:8000"}
    plan = load(tmp_path, with_environment("{upstream.store}/v1, {arm}, {upstream.store}"))
    filled = plan.with_addresses({"store": "http://127.0.0.1:8000"})
    expected = {"STORE": "http://127.0.0.1:8000/v1, {arm}, http://127.0.0.1:8000"}
    assert filled.apps["quart"].environment == expected
    assert filled.upstreams == ()
    assert plan.upstreams == ("store",)


@pytest.mark.parametrize(
    ("value", "more", "found", "remedy"),
    [
        ("{upstream.stroe}", STORE, "there is no deployment 'stroe'", "did you mean 'store'? Known: new"),
        ("{upstream.old}", "", "the upstream 'old' is itself measured", "its own deployment"),
        (
            "{upstream.store}",
            STORE.replace("uvicorn", "hypercorn").replace('"other"\nserver', '"quart"\nserver'),
            "the upstream 'store' has an upstream itself",
            "give it an app that has none",
        ),
    ],
)
def test_a_deployment_that_cannot_be_an_upstream_is_reported(
    tmp_path: Path, value: str, more: str, found: str, remedy: str
) -> None:
    problem = problem_of(tmp_path, with_environment(value, more), "apps.quart.environment.STORE")
    assert problem.found == found
    assert remedy in problem.remedy
