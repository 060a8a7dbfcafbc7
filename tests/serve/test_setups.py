"""What is done before an arm is served and afterwards: the plan's commands, copies of the app's directory."""

import errno
import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from portcompare.errors import ServerError
from portcompare.plan import Plan
from portcompare.records.rounds import BASELINE, CONTROL
from portcompare.serve import setups
from portcompare.serve.copies import name_original
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import LiveServers, serve_deployments
from portcompare.serve.running import RunningServer
from portcompare.serve.setups import prepare_arms
from tests.serve.support import all_gone, fetch, tree_of, write_deployments

ARMS = {BASELINE: "first", CONTROL: "first", "second": "second"}
PYTHON = Path(sys.executable)


@pytest.fixture
def running(servers: dict[str, RunningServer]) -> str:
    """A deployment that needs no start: its commands are run all the same."""
    return f"app = 'one'\nurl = '{servers['waitress'].url}'"


def note(*keys: str) -> str:
    """An app whose commands note that they ran, for which arm, as TOML."""
    return "ready_path = '/process'\n" + "\n".join(
        f"{key} = ['echo {key} {{arm}} >>notes', 'echo {key} again >>notes']" for key in keys
    )


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def prepare(plan: Plan, folder: Path, *arms: str) -> AbstractContextManager[None]:
    chosen = {arm: ARMS[arm] for arm in arms or ARMS}
    return prepare_arms(plan, chosen, folder=folder, cpus=assign_cpus(plan))


def serve(plan: Plan, folder: Path, *arms: str) -> AbstractContextManager[dict[str, RunningServer]]:
    chosen = {arm: ARMS[arm] for arm in arms or ARMS}
    return serve_deployments(plan, chosen, folder=folder, cpus=assign_cpus(plan))


def test_commands_run_once_a_run_and_around_each_start_arm_by_arm(tmp_path: Path, running: str) -> None:
    app = note("setup", "teardown", "block_setup", "block_teardown")
    plan = write_deployments(tmp_path, running, app=app.replace("/process", "/healthz"))
    arms = (BASELINE, "second")
    with prepare(plan, tmp_path, *arms):
        for _ in range(2):
            with serve(plan, tmp_path, *arms), (tmp_path / "notes").open("a") as file:
                file.write("serving\n")
    block = [
        *("block_setup baseline", "block_setup again", "block_setup second", "block_setup again"),
        "serving",
        *("block_teardown second", "block_teardown again"),
        *("block_teardown baseline", "block_teardown again"),
    ]
    assert notes(tmp_path) == [
        *("setup baseline", "setup again", "setup second", "setup again"),
        *block,
        *block,
        *("teardown second", "teardown again", "teardown baseline", "teardown again"),
    ]


def test_a_command_knows_its_arm_its_port_and_its_runtime_environment(tmp_path: Path, running: str) -> None:
    (tmp_path / "libraries").mkdir()
    note = "echo $PORTCOMPARE_ARM $PORTCOMPARE_PORT $DATABASE $PWD $PYTHONPATH {} >notes"
    line = f"{note}; command -v {PYTHON.name} >>notes"
    app = f'block_setup = ["{line}"]\npythonpath = ["libraries"]\nenvironment.DATABASE = "test_{{arm}}"'
    plan = write_deployments(tmp_path, running, app=f"{app}\nready_path = '/healthz'")
    with serve(plan, tmp_path, CONTROL) as served:
        noted, python = notes(tmp_path)
    paths = os.pathsep.join(filter(None, [str(tmp_path / "libraries"), os.environ.get("PYTHONPATH")]))
    assert noted == f"control {served[CONTROL].port} test_control {tmp_path} {paths} {{}}"
    assert Path(python) == PYTHON  # and not whichever is first in PATH


def test_a_setup_that_fails_is_reported_and_undone(tmp_path: Path, running: str) -> None:
    app = "setup = ['echo setup {arm} >>notes', 'test {arm} = baseline || { echo no database; exit 4; }']\n"
    plan = write_deployments(tmp_path, running, app=app + note("teardown"))
    with pytest.raises(ServerError) as raised, prepare(plan, tmp_path):
        pass
    assert str(raised.value) == (
        f"control: {plan.path}: apps.one.setup.1: ended with status 4\n"
        "    command: test control = baseline || { echo no database; exit 4; }\n"
        f"    in {tmp_path}\n"
        f"    last lines of {tmp_path / 'control.log'}:\n"
        "        no database"
    )
    assert notes(tmp_path) == [
        *("setup baseline", "setup control"),
        *("teardown control", "teardown again", "teardown baseline", "teardown again"),
    ]


def test_what_was_set_up_is_torn_down_after_the_servers_have_ended(tmp_path: Path) -> None:
    app = (
        "block_setup = ['echo $PORTCOMPARE_PORT >port']\n"
        "block_teardown = ['python closed.py >>notes']\nteardown = ['echo torn down >>notes']\n"
    )
    (tmp_path / "closed.py").write_text(
        "import socket\nport = int(open('port').read())\n"
        "print('open' if socket.socket().connect_ex(('127.0.0.1', port)) == 0 else 'closed')\n"
    )
    lines = "app = 'one'\ncommand = 'python -m http.server {port} --bind {host}'"
    plan = write_deployments(tmp_path, lines, app=app)

    interrupted = pytest.raises(KeyboardInterrupt)
    with interrupted, prepare(plan, tmp_path, BASELINE), serve(plan, tmp_path, BASELINE):
        raise KeyboardInterrupt
    assert notes(tmp_path) == ["closed", "torn down"]


def test_every_teardown_is_tried_and_each_failure_reported_and_none_hides_an_error_before(
    tmp_path: Path, running: str
) -> None:
    failing = write_deployments(tmp_path, running, app="teardown = ['exit 5', 'echo {arm} >>notes']")
    failures = [f"{arm}: {failing.path}: apps.one.teardown.0: ended with status 5" for arm in reversed(ARMS)]
    with pytest.raises(ServerError) as raised, prepare(failing, tmp_path):
        pass
    assert [line for line in str(raised.value).splitlines() if "status 5" in line] == failures
    with pytest.raises(KeyboardInterrupt) as interrupted, prepare(failing, tmp_path):
        raise KeyboardInterrupt
    assert [note.splitlines()[0] for note in interrupted.value.__notes__] == failures
    assert notes(tmp_path) == ["second", "control", "baseline"] * 2


def test_a_command_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: str
) -> None:
    monkeypatch.setattr(setups, "COMMAND_LIMIT_S", 2.0)
    app = "setup = ['echo $$ >notes; sleep 600 & echo $! >>notes; echo waiting; wait']"
    plan = write_deployments(tmp_path, running, app=app)
    with pytest.raises(ServerError, match=r"did not end within 2 s(.|\n)*waiting"), prepare(plan, tmp_path):
        pass
    assert all_gone(int(pid) for pid in notes(tmp_path))


COUNTER = """
import json
import os
from pathlib import Path

FILE = Path(__file__).with_name("count")


def app(environ, start):
    if environ["PATH_INFO"] == "/add":
        FILE.write_text(str(int(FILE.read_text()) + 1))
    start("200 OK", [])
    return [json.dumps({"count": int(FILE.read_text()), "directory": os.getcwd()}).encode()]
"""
COPIED = """
directory = 'project'
pythonpath = ['project/src']
copy_directory = true
target = 'counter:app'
interface = 'wsgi'
block_setup = ['touch made-for-{arm}']
"""


def write_counter(folder: Path) -> Plan:
    source = folder / "project" / "src"
    source.mkdir(parents=True)
    (source / "counter.py").write_text(COUNTER)
    (source / "count").write_text("0")
    return write_deployments(folder, "app = 'one'\nserver = 'waitress'", app=COPIED)


def test_each_arm_is_served_from_a_copy_that_is_made_anew_for_each_start(tmp_path: Path) -> None:
    plan = write_counter(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for _ in range(2):
        with serve(plan, tmp_path, BASELINE, CONTROL) as running:
            for arm, server in running.items():
                seen = fetch(server, "/add")
                directory = seen["directory"]
                assert seen["count"] == 1
                assert (Path(directory) / f"made-for-{arm}").exists()
                assert (
                    name_original(f"{directory}/counter.py:3 in app")
                    == f"{tmp_path}/project/counter.py:3 in app"
                )
    assert [path for path in sorted(tmp_path.rglob("*")) if path.suffix != ".log"] == before


def test_a_server_that_is_started_again_keeps_its_copy(tmp_path: Path) -> None:
    plan = write_counter(tmp_path)
    with serve(plan, tmp_path, BASELINE) as running:
        cpus = assign_cpus(plan)
        live = LiveServers(plan=plan, servers=running, upstreams={}, folder=tmp_path, cpus=cpus)
        process = running[BASELINE].process
        assert process is not None
        fetch(running[BASELINE], "/add")
        os.kill(tree_of(running[BASELINE])[0], signal.SIGKILL)
        process.wait(60)
        live.restart_dead()
        assert fetch(live.servers[BASELINE], "/add")["count"] == 2


def test_a_directory_that_cannot_be_copied_is_named_with_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_project(*_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(setups, "copy_project", copy_project)
    with pytest.raises(ServerError) as raised, serve(write_counter(tmp_path), tmp_path, BASELINE):
        pass
    assert "apps.one.copy_directory: " in str(raised.value)
    assert f"{tmp_path}/project could not be copied: [Errno 28] No space left" in str(raised.value)
