"""A load generator that has run out of file descriptors says so, and goes on with those it has."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.loadgen.generator import Generator
from tests.loadgen.scripted import OK, answering, answering_once, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_FILE_LEFT = "too many open files"


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Generator]:
    """A load generator of its own, since its limits are lowered."""
    generator = Generator(tmp_path / "loadgen.log")
    try:
        yield generator
    finally:
        generator.end()


@contextmanager
def at_most_more_files(generator: Generator, files: int) -> Iterator[None]:
    """Leave a load generator no more than so many files above those that it has open."""
    pid = generator.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - numbers, not paths
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 1 + files, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_users_without_a_file_fail_by_that_name_while_the_others_are_served(limited: Generator) -> None:
    with serve(answering(OK)) as server:
        assert limited.run(server.url, users=8).load.error_kinds == {}
        with at_most_more_files(limited, 4):
            done = limited.run_round(server.url, users=40)
        assert set(done.load.error_kinds) == {NO_FILE_LEFT}
        assert done.load.requests > 10
        assert limited.run_round(server.url, users=8).load.error_kinds == {}


def test_no_file_to_resolve_a_name_with_is_called_the_same(limited: Generator) -> None:
    with serve(answering_once(OK)) as server:
        limited.run(server.url)
        with at_most_more_files(limited, -1):
            done = limited.run_round(f"http://unknown.test:{server.port}")
    assert set(done.load.error_kinds) == {NO_FILE_LEFT}
    assert done.load.requests == 0
