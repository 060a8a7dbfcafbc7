from collections.abc import Iterator

import pytest

from portcompare.serve.running import RunningServer
from tests.serve.support import ADAPTED, ALL, all_gone, serve, tree_of, watchdog_of, write_plan

THREADS = 3
KNOBS = dict.fromkeys(("gunicorn", "waitress", "granian", "granian a2wsgi"), f"threads = {THREADS}")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningServer]]:
    """Every server with every interface, by deployment, running for all tests; factories make the apps."""
    folder = tmp_path_factory.mktemp("servers")
    plan = write_plan(
        folder,
        {name: KNOBS.get(name, "") for name in (*ALL, *ADAPTED)},
        target="probe:make('wsgi', mark=7)",
        asgi_target="probe:make('asgi', mark=7)",
    )
    with serve(plan, folder) as running:
        yield running
        pids = [pid for server in running.values() for pid in (watchdog_of(server), *tree_of(server))]
    assert all_gone(pids)
