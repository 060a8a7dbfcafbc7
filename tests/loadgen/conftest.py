"""Locust monkey-patches the process it is imported into, so no test imports what imports it as it is.

The modules without Locust are tested directly, some of the others with Locust unpatched, and everything else
through the real processes: the load generator's, over its protocol, and plain Locust's.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from portcompare.http.requests import Address
from portcompare.loadgen.connection import Connection, Dialer
from tests.loadgen.certificates import Authority
from tests.loadgen.generator import Generator


def import_unpatched(name: str) -> Any:  # noqa: ANN401 - a module
    """A module that imports Locust, without the monkey-patching of everything else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
        return import_module(name)


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """One load-generator process for all rounds, as in a run."""
    with Generator(tmp_path_factory.mktemp("loadgen") / "loadgen.log") as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that only those trust who are given it."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def connect() -> Iterator[Callable[..., Connection]]:
    """Make connections of this process."""
    made: list[Connection] = []

    def make(url: str, *, time_limit_s: float = 20.0, ca_file: str | None = None) -> Connection:
        made.append(Connection(Dialer(Address.of(url), ca_file), time_limit_s))
        return made[-1]

    yield make
    for connection in made:
        connection.close()
