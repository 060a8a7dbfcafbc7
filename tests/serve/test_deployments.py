"""Starting deployments, ending them in any case, and what can happen between."""

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest

from portcompare.errors import ServerError
from portcompare.plan import Plan
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve import deployments, ports
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import plan_arms, serve_deployments, serve_upstreams
from portcompare.serve.manifest import describe_manifest
from portcompare.serve.preflight import preflight
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import Wrapper, prepare_arms
from tests.e2e.processes import wait_until
from tests.loadgen import scripted
from tests.serve.support import (
    APPS,
    all_gone,
    fetch,
    make_interpreter,
    read_plan,
    serve,
    tree_of,
    watchdog_of,
    write_deployments,
    write_plan,
)

TWO = {"gunicorn": "", "uvicorn asgi": ""}
COMMAND = (
    "app = 'one'\ncommand = 'python -m waitress --listen {host}:{port} probe:wsgi'\n"
    "environment = { LEVEL = 'deployment', BRACES = '{port} {}' }"
)
PROBE = (
    f"directory = '{APPS}'\nready_path = '/healthz'\nenvironment = {{ MODE = 'of {{arm}}', LEVEL = 'app' }}"
)


def fail_to_serve(plan: Plan, folder: Path, *names: str) -> str:
    with pytest.raises(ServerError) as raised, serve(plan, folder, *names):
        pass
    return str(raised.value)


@pytest.fixture
def stranger_port() -> Iterator[int]:
    """The port of a server of another user's, beside which granian can bind."""
    with scripted.serve(scripted.responding(scripted.OK), reuse_port=True) as stranger:
        yield stranger.port


def test_nothing_is_left_when_a_watchdog_is_killed(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, dict.fromkeys(("gunicorn", "granian", "uvicorn asgi"), "workers = 2"))
    with serve(plan, tmp_path) as running:
        pids = [pid for server in running.values() for pid in tree_of(server)]
        for server in running.values():
            os.kill(watchdog_of(server), signal.SIGKILL)
        wait_until(lambda: all_gone(pids))
        with pytest.raises(ServerError, match="ended with status -9"):
            running["gunicorn"].check_alive()


def test_blocks_append_to_the_log_of_an_arm_and_servers_listen_where_the_plan_says(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, TWO).model_copy(update={"host": IPv4Address("127.0.0.2")})
    for _ in range(2):
        with serve(plan, tmp_path, "gunicorn") as running:
            server = running["gunicorn"]
            assert server.url == f"http://127.0.0.2:{server.port}"
            assert fetch(server, "/healthz") == {}
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port))
    assert (tmp_path / "gunicorn.log").read_text().count("Starting gunicorn") == 2


def test_a_server_or_a_command_that_dies_at_its_start_shows_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no database here')")
    plan = write_plan(tmp_path, {"waitress": "", "uvicorn asgi": ""}, directory=tmp_path, target="broken:app")
    text = fail_to_serve(plan, tmp_path)
    assert text.startswith("waitress: ended with status 1")
    assert "-m waitress --host 127.0.0.1" in text
    assert "no database here" in text
    assert str(tmp_path / "waitress.log") in text
    plan = write_deployments(tmp_path, "command = 'sh -c \"echo no licence for {port}; exit 3\"'", COMMAND)
    text = fail_to_serve(plan, tmp_path, "first")
    assert text.startswith("first: ended with status 3\n    command: sh -c echo no ")
    assert "        no licence for " in text


def test_a_server_that_does_not_become_ready_is_given_up(
    tmp_path: Path, servers: dict[str, RunningServer]
) -> None:
    url = f"url = '{servers['waitress'].url}'\napp = 'one'"
    plan = write_deployments(tmp_path, url, app="ready_path = '/nowhere'\nready_timeout_s = 1")
    found = "GET /nowhere was not ready within 2 s: the status was 503.*ready_timeout_s"
    cpus = assign_cpus(plan)
    slow = Wrapper(slower=2.0)
    with (
        pytest.raises(ServerError, match=found),
        serve_deployments(plan, {"first": "first"}, folder=tmp_path, cpus=cpus, wrapper=slow),
    ):
        pass


LISTEN = """
import socket, sys, time
time.sleep(0.2)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    peer = listener.accept()[0]
    peer.recv(999)
    """


@pytest.mark.parametrize(
    ("how", "found", "is_early"),
    [
        ("time.sleep(99)", "no complete response within 0.", True),
        (
            "peer.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\n'); time.sleep(99)",
            "no complete",
            True,
        ),
        ("peer.sendall(b'SSH-2.0\\r\\n\\r\\n'); peer.close()", "invalid HTTP", False),
        ("peer.close()", "incomplete response", False),
        ("peer.sendall(b'HTTP/1.1 404 No\\r\\n\\r\\n'); peer.close()", "the status was 404", False),
        ("peer.close(); listener.close(); time.sleep(99)", "the server accepts no connection", True),
    ],
)
def test_why_a_server_is_not_ready_is_what_it_did_last(
    tmp_path: Path, how: str, found: str, *, is_early: bool
) -> None:
    (tmp_path / "service.py").write_text(LISTEN + how)
    command = f"app = 'one'\ncommand = 'python {tmp_path}/service.py {{port}}'"
    plan = write_deployments(tmp_path, command, app="ready_path = '/healthz'\nready_timeout_s = 1")
    text = fail_to_serve(plan, tmp_path, "first")
    assert f"GET /healthz was not ready within 1 s: {found}" in text
    assert ("ready_timeout_s" in text) is is_early


def test_ports_that_others_took_meanwhile_are_left_to_them(
    tmp_path: Path, stranger_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_free_ports(host: str, count: int, *, besides: object = None) -> list[int]:
        return [stranger_port] * count if besides is not None else ports.find_free_ports(host, count)

    monkeypatch.setattr(deployments, "find_free_ports", find_free_ports)
    names = ("gunicorn", "granian", "hypercorn", "uvicorn asgi", "waitress")
    with serve(write_plan(tmp_path, dict.fromkeys(names, "")), tmp_path) as running:
        for name in names:
            assert running[name].port != stranger_port
            assert fetch(running[name], "/process")["pid"] in tree_of(running[name])


def test_a_fixed_port_on_which_another_process_listens_is_an_error(
    tmp_path: Path, stranger_port: int
) -> None:
    plan = write_plan(tmp_path, {"gunicorn": f"port = {stranger_port}", "uvicorn asgi": ""})
    assert f"another process listens on port {stranger_port}" in fail_to_serve(plan, tmp_path)
    lines = f"command = 'sh -c \"exec sleep 600\" {{port}}'\nport = {stranger_port}"
    text = fail_to_serve(write_deployments(tmp_path, lines), tmp_path, "first")
    assert "no process that the command started listens" in text


def test_the_control_leaves_the_fixed_port_to_the_baseline(tmp_path: Path) -> None:
    (port,) = ports.find_free_ports("127.0.0.1", 1)
    plan = write_plan(tmp_path, {"gunicorn": f"port = {port}", "uvicorn asgi": ""})
    arms = {BASELINE: "gunicorn", CONTROL: "gunicorn", "uvicorn asgi": "uvicorn asgi"}
    planned = plan_arms(plan, arms, tmp_path, assign_cpus(plan))
    assert planned[0].port == port
    assert len({one.port for one in planned}) == 3


def test_a_command_serves_each_arm_in_its_own_environment_pinned_and_measured_like_a_server(
    tmp_path: Path,
) -> None:
    plan = write_deployments(tmp_path, COMMAND, app=PROBE)
    arms = {BASELINE: "first", CONTROL: "first"}
    with serve_deployments(plan, arms, folder=tmp_path, cpus=assign_cpus(plan)) as running:
        for arm, server in running.items():
            seen = fetch(server, "/process")
            environment = seen["environment"]
            assert environment["MODE"] == f"of {arm}"
            assert (environment["LEVEL"], environment["BRACES"]) == ("deployment", "{port} {}")
            assert seen["cpus"] == [min(os.sched_getaffinity(0))]
            usage = server.usage()
            assert usage is not None
            assert usage.cpu_s > 0
        assert running[BASELINE].port != running[CONTROL].port
        assert str(running[CONTROL].failure("is slow")).startswith("control (first): is slow\n")


SERVICE = """
import os

UPSTREAM = os.environ["UPSTREAM"]
if not UPSTREAM.startswith("http://127.0.0.1:"):
    raise ValueError(UPSTREAM)


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [UPSTREAM.encode()]
"""
STORE = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"stored"]
"""


@pytest.fixture
def with_upstream(tmp_path: Path) -> Plan:
    """Two arms whose app does not even start without the address of a third deployment."""
    (tmp_path / "service.py").write_text(SERVICE, encoding="utf-8")
    (tmp_path / "store.py").write_text(STORE, encoding="utf-8")
    service = "app = 'one'\nserver = 'waitress'"
    store = (
        "[deployments.store]\napp = 'store'\nserver = 'gunicorn'\n"
        "[apps.store]\ntarget = 'store:app'\ninterface = 'wsgi'\ndirectory = '.'"
    )
    app = "target = 'service:app'\ninterface = 'wsgi'\nenvironment = { UPSTREAM = '{upstream.store}' }"
    return write_deployments(tmp_path, service, f"{service}\n{store}", app=app)


def test_an_arm_has_the_address_of_its_upstream_and_an_upstream_that_dies_ends_the_run(
    with_upstream: Plan, tmp_path: Path
) -> None:
    cpus = assign_cpus(with_upstream)
    assert preflight(with_upstream).problems == ()
    with ExitStack() as stack:
        upstreams = stack.enter_context(serve_upstreams(with_upstream, folder=tmp_path, cpus=cpus))
        store = upstreams["store"]
        tree = tree_of(store)
        assert httpx.get(store.url, trust_env=False).text == "stored"
        plan = with_upstream.with_addresses({"store": store.url})
        with serve(plan, tmp_path, "first") as running:
            assert httpx.get(running["first"].url, trust_env=False).text == store.url
        os.kill(tree[0], signal.SIGKILL)
        assert store.process is not None
        store.process.wait(60)
        with pytest.raises(ServerError, match="store: ended with status 137"):
            stack.close()
    assert tree
    assert all_gone(tree)
    assert (tmp_path / "store.log").exists()


def test_an_upstream_is_in_the_manifest_and_checked_before_anything_is_started(
    with_upstream: Plan, tmp_path: Path
) -> None:
    cpus = assign_cpus(with_upstream)
    manifest = describe_manifest(with_upstream, cpus)
    assert [one.name for one in manifest.deployments] == ["first", "second"]
    assert manifest.deployments[0].environment == {"UPSTREAM": "{upstream.store}"}
    (store,) = manifest.upstreams
    assert store.name == "store"
    assert store.server.startswith("gunicorn ")
    assert store.cpus == cpus.generator
    (tmp_path / "store.py").write_text("raise RuntimeError('no store today')\n", encoding="utf-8")
    (problem,) = preflight(with_upstream).problems
    assert problem.where.endswith("apps.store.target")
    assert "no store today" in problem.found


PAGE = (Path(__file__).parents[2] / "docs" / "deployments.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

GREETER = """
import os
from names import GREETING

def make_app(name, cache=True):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        text = f"{GREETING} {name} {cache} {open(os.environ.get('DATABASE', 'names.py')).read()}"
        return [f'{{"text": "{text}"}}'.encode()]
    return app

app = make_app("plain")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in (".venv-old", ".venv-new"):
        make_interpreter(tmp_path / name)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "libraries" / "names.py").write_text("GREETING = 'Hello'")
    (tmp_path / "names.py").write_text("GREETING = 'Hello'")
    (tmp_path / "service.py").write_text(GREETER)
    (tmp_path / "service_async.py").write_text("async def app(scope, receive, send): ...")
    (tmp_path / "inventory.py").write_text("async def app(scope, receive, send): ...")
    (tmp_path / "seed.py").write_text("import sys\nopen(sys.argv[1], 'w').write('seed of ' + sys.argv[1])")
    return tmp_path


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_plan_can_be_served(project: Path, snippet: str) -> None:
    with scripted.serve(scripted.responding(scripted.OK)) as there:
        snippet = snippet.replace("127.0.0.1:5000", f"127.0.0.1:{there.port}")
        snippet = snippet.replace("https://staging.example.org", f"http://localhost:{there.port}")
        plan = read_plan(project / "loadtests", snippet)
        assert preflight(plan).problems == ()
    assert plan.upstreams == (("inventory",) if "upstream" in snippet else ())


def test_arms_have_an_interpreter_and_a_database_of_their_own(project: Path) -> None:
    plan = read_plan(project / "loadtests", SNIPPETS[0])
    arms, cpus = {"baseline": "old", "control": "old"}, assign_cpus(plan)
    with (
        prepare_arms(plan, arms, folder=project, cpus=cpus),
        serve_deployments(plan, arms, folder=project, cpus=cpus) as servers,
    ):
        for arm, server in servers.items():
            assert fetch(server, "/") == {"text": f"Hello test False seed of test_{arm}.db"}
            assert server.process is not None
            assert server.process.command[0] == str(project / ".venv-old" / "bin" / "python")
    assert list(project.glob("*.db")) == []
