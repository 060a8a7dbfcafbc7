"""Locust monkey-patches the process it is imported into, so no test imports what needs it patched.

The modules without gevent are tested directly, everything else through the real processes: the load
generator's, over its protocol, and plain Locust's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.loadgen.certificates import Authority
from tests.loadgen.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portcompare.wire.protocol import RoundDone


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
    """One whose certificates only those trust who are told to."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def run(generator: Generator, authority: Authority, tmp_path: Path) -> Callable[..., RoundDone]:
    """Have a user class that trusts the authority ask a server."""

    def run_class(
        url: str, *, window_s: float = 0.2, timeout_s: float = 20.0, wait_s: float | None = None
    ) -> RoundDone:
        locustfile = tmp_path / "locustfile.py"
        locustfile.write_text(
            "from locust import constant\n"
            "from portcompare.loadgen import LeanUser, http_request\n"
            "class Data(LeanUser):\n"
            f'    request = http_request("/data")\n    ca_file = {str(authority.ca_file)!r}\n'
            + (f"    wait_time = constant({wait_s})\n" if wait_s else "")
        )
        assert generator.prepare(locustfile, data="Data").problems == {}
        return generator.run_round(url, scenario="data", window_s=window_s, timeout_s=timeout_s)

    return run_class
