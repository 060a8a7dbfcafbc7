"""What servers open while they are checked: on a real server, and from what it has recorded."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from portcompare.serve.contacts import describe_contacts, watch_contacts
from tests.serve.support import write_plan

ARMS = cast("Any", {"baseline": None, "control": None, "new": None})


def describe(folder: Path, own_ports: set[int] | None = None, **lines: str) -> list[str]:
    for arm, text in lines.items():
        (folder / f"contacts-{arm}.txt").write_text(text)
    return list(describe_contacts(folder, ARMS, own_ports or set()))


def test_a_database_that_several_arms_open_is_shared_and_one_of_its_own_is_not(tmp_path: Path) -> None:
    own = "file /srv/new.db\nfile /srv/:memory:\n"
    [warning] = describe(tmp_path, baseline="file /srv/a.db\n", control="file /srv/a.db\n", new=own)
    assert warning.startswith("baseline, control share the database /srv/a.db: give each its own")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("host api.example.com:443\naddress 203.0.113.7:443\n", "api.example.com:443"),
        ("address 203.0.113.7:443\n", "203.0.113.7:443"),
        ("address 127.0.0.1:5432\n", "127.0.0.1:5432"),
        ("host 10.0.0.5:6379\naddress 10.0.0.5:6379\n", "10.0.0.5:6379"),
    ],
)
def test_a_host_that_is_not_the_plans_is_named_once(tmp_path: Path, lines: str, named: str) -> None:
    own = "host localhost:8101\naddress 127.0.0.1:8101\n"  # an upstream of the plan
    assert describe(tmp_path, {8101}, baseline=lines + own, control=lines, new=own) == [
        f"baseline: contacts {named} while it is checked: what it writes there is real"
    ]


def test_what_a_process_opens_is_recorded_and_the_users_own_customisation_still_runs(tmp_path: Path) -> None:
    plan = watch_contacts(write_plan(tmp_path, {"waitress": "", "gunicorn": ""}), tmp_path)
    app = next(iter(plan.apps.values()))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("import builtins; builtins.customised = 'yes'")
    path = os.pathsep.join([str(app.pythonpath[-1]), str(tmp_path / "own")])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = (
            f"import socket, sqlite3; sqlite3.connect('x.db'); sqlite3.connect(':memory:'); "
            f"socket.create_connection(('127.0.0.1', {port})); print(customised)"
        )
        environment = {"PYTHONPATH": path, **app.environment}
        environment = {name: value.replace("{arm}", "new") for name, value in environment.items()}
        command = [sys.executable, "-c", code]
        shown = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True)
    assert shown == "yes\n"
    assert (tmp_path / "contacts-new.txt").read_text().splitlines() == [
        f"file {tmp_path / 'x.db'}",
        f"file {tmp_path / ':memory:'}",
        f"host 127.0.0.1:{port}",
        f"address 127.0.0.1:{port}",
    ]
