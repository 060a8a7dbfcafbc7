"""Locust monkey-patches the process it is imported into, so no test imports what imports it.

The modules without Locust are tested directly, everything else through the real processes: the load
generator's, over its protocol, and plain Locust's.
"""

from collections.abc import Callable, Iterator

import pytest

from portcompare.loadgen.connection import Address, Connection, Dialer
from tests.loadgen.certificates import Authority
from tests.loadgen.generator import Generator


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """One load-generator process for all rounds, as in a run."""
    running = Generator(tmp_path_factory.mktemp("loadgen") / "loadgen.log")
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that only those trust who are told to."""
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
