"""The same user classes under plain Locust, without the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.loadgen.plain import LOCUSTFILE, have_asked, lines_of, locust
from tests.loadgen.scripted import OK, answering, serve

if TYPE_CHECKING:
    from pathlib import Path


WRONG = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


def test_each_target_has_its_own_lines_and_its_share_of_the_users_of_each_class() -> None:
    play = answering(OK, delay_s=0.01)
    with serve(play) as flask, serve(play) as quart:
        urls = ("--flask-url", flask.url, "--quart-url", quart.url)
        # Two users at a time, one of each class: numbering all users alike would send each class elsewhere.
        ended = locust(
            LOCUSTFILE,
            *urls,
            "-u4",
            "-r2",
            "Fast",
            "Delayed",
            until=lambda: all(have_asked(server, users=2, times=20) for server in (flask, quart)),
        )
    assert ended.returncode == 0, ended.stderr
    lines = lines_of(ended)
    assert set(lines) == {
        "flask /data",
        "quart /data",
        "flask /data?delay=0.2",
        "quart /data?delay=0.2",
    }
    assert all(line["num_failures"] == 0 for line in lines.values())
    assert all(line["num_requests"] > 5 for line in lines.values())
    assert flask.connections == quart.connections == 2
    for name, server in (("flask", flask), ("quart", quart)):
        counted = sum(line["num_requests"] for line in lines.values() if line["name"].startswith(name))
        assert len(server.requests) - 2 <= counted <= len(server.requests)  # two were cut off by the end
        assert lines[f"{name} /data"]["min_response_time"] >= 9.9


def test_a_single_host_is_loaded_without_a_name_and_failures_are_locusts_own(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, declare_targets, http_request\n"
        'class Data(LeanUser):\n    request = http_request("/data")\n'
    )
    with serve(answering(OK, WRONG, delay_s=0.01)) as server:
        ended = locust(
            locustfile,
            "--host",
            server.url,
            "-u2",
            "-r2",
            until=lambda: have_asked(server, users=2, times=20),
        )
    lines = lines_of(ended)
    assert set(lines) == {"/data"}
    line = lines["/data"]
    assert line["num_failures"] > 5
    assert abs(line["num_requests"] - 2 * line["num_failures"]) <= 2
    assert "status 500" in ended.stderr
    assert ended.returncode == 1  # as Locust has it with failures, also those of its last moment


def test_a_target_may_have_a_dash_in_its_name_and_may_be_the_only_one_given(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, declare_targets, http_request\n"
        'declare_targets("old-one", "new-one")\n'
        'class Data(LeanUser):\n    request = http_request("/data")\n'
    )
    with serve(answering(OK, delay_s=0.01)) as server:
        ended = locust(
            locustfile,
            "--new-one-url",
            server.url,
            "-u2",
            "-r2",
            until=lambda: have_asked(server, users=2, times=20),
        )
    assert ended.returncode == 0, ended.stderr
    assert set(lines_of(ended)) == {"new-one /data"}
    assert server.connections == 2


def test_without_a_server_the_error_is_one_line_that_names_the_options() -> None:
    ended = locust(LOCUSTFILE)
    assert ended.returncode == 1
    assert ended.stderr.endswith("\nno server to load: give --flask-url or --quart-url or --host\n")
    assert "Traceback" not in ended.stderr


def test_without_declared_targets_the_error_names_the_host(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from portcompare.loadgen import LeanUser, http_request\n"
        'class Data(LeanUser):\n    request = http_request("/data")\n'
    )
    ended = locust(locustfile)
    assert ended.returncode == 1
    assert ended.stderr.endswith("\nno server to load: give --host\n")


def test_users_of_other_kinds_need_no_server_of_ours(tmp_path: Path) -> None:
    locustfile = tmp_path / "locustfile.py"
    locustfile.write_text(
        "from locust import User, task\n"
        "from portcompare.loadgen import LeanUser, http_request\n"
        'class Data(LeanUser):\n    request = http_request("/data")\n'
        "class Other(User):\n"
        "    @task\n"
        "    def leave(self):\n"
        "        print('asked', flush=True)\n"
        "        self.environment.runner.quit()\n"
    )
    ended = locust(locustfile, "Other")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("asked\n")
