"""Locust monkey-patches the process it is imported into, so no test imports what needs it patched.

The modules without gevent are tested directly, everything else through the real processes: the load
generator's, over its protocol, and plain Locust's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.loadgen.generator import Generator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """One load-generator process for all rounds, as in a run."""
    running = Generator(tmp_path_factory.mktemp("loadgen") / "loadgen.log")
    try:
        yield running
    finally:
        running.end()
