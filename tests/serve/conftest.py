from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portcompare.serve import StartedServer, assign_cpus, serve_deployments
from tests.serve.support import ALL, started, write_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 3
KNOBS = dict.fromkeys(("gunicorn", "waitress", "granian"), f"threads = {THREADS}")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StartedServer]]:
    """Every server with every interface, by deployment, running for all tests."""
    folder = tmp_path_factory.mktemp("servers")
    plan = write_plan(folder, {name: KNOBS.get(name, "") for name in ALL})
    arms = {name: name for name in ALL}
    with serve_deployments(plan, arms, folder=folder, cpus=assign_cpus(plan)) as running:
        yield started(running)
