from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from portcompare.cli import up
from portcompare.records.rounds import Usage
from portcompare.serve.deployments import Use
from tests.conftest import Command

ADDRESS = "[fd00::1]:8000"


def test_addresses_are_shown_as_they_are_with_those_of_upstreams(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = Use(usage=Usage(cpu_s=1.0, rss_bytes=2**20), cores=0.5)
    live_servers = SimpleNamespace(
        servers={ADDRESS: SimpleNamespace(url=f"http://{ADDRESS}", process=object())},
        upstreams={"waiting": SimpleNamespace(url="http://127.0.0.1:8001", process=object())},
        restart_dead=list,
        read_use=Mock(side_effect=[{ADDRESS: use}, KeyboardInterrupt]),
    )
    monkeypatch.setattr(up, "preflight", lambda _: SimpleNamespace(problems=()))
    for name in ("read_plan", "assign_cpus"):
        monkeypatch.setattr(up, name, lambda _: None)
    monkeypatch.setattr(up, "serve_upstreams", lambda *_, **__: nullcontext())
    monkeypatch.setattr(up, "keep_serving", lambda *_: nullcontext(live_servers))
    monkeypatch.setattr(up, "LOOK_EVERY_S", 0.0)
    exit_code, said, _ = command("up")
    assert exit_code == 130
    assert [line.split() for line in said.splitlines()][1:] == [
        [ADDRESS, f"http://{ADDRESS}"],
        ["waiting", "http://127.0.0.1:8001", "upstream"],
        [ADDRESS, "0.50", "CPUs", "1.00", "MiB"],
    ]
