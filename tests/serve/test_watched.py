"""That an app can be watched on every server, and responds as it does without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portcompare.diagnose.watching import read_seen, watch_apps
from portcompare.serve.cpus import assign_cpus
from portcompare.serve.deployments import serve_deployments
from portcompare.serve.running import RunningServer
from tests.e2e.processes import wait_until
from tests.serve.support import ADAPTED, ALL, fetch, write_plan

NAMES = [*ALL, *ADAPTED]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, RunningServer]]]:
    folder = tmp_path_factory.mktemp("watched")
    plan = write_plan(
        folder,
        dict.fromkeys(NAMES, ""),
        target="probe:make('wsgi', mark=7)",
        asgi_target="probe:make('asgi', mark=7)",
    )
    arms = {name: name for name in NAMES}
    with serve_deployments(watch_apps(plan, folder), arms, folder=folder, cpus=assign_cpus(plan)) as running:
        yield folder, running


@pytest.mark.parametrize("name", NAMES)
def test_requests_are_seen_on_every_server(
    watched: tuple[Path, dict[str, RunningServer]], servers: dict[str, RunningServer], name: str
) -> None:
    folder, running = watched
    seen, plain = (fetch(each[name], "/process") for each in (running, servers))
    assert seen["made"] == plain["made"]
    # What it has written may be of another process than the one that responded, or of a moment before.
    wait_until(lambda: "GET /process" in read_seen(folder, name).routes)
