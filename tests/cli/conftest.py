import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcompare.measure.generator import LoadGenerator, start_generator
from tests.conftest import Command


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadGenerator]:
    """A load generator that commands share."""
    folder = tmp_path_factory.mktemp("generator")
    with start_generator(folder / "log", tuple(os.sched_getaffinity(0)), folder) as running:
        yield running


def refused(command: Command, *arguments: str | Path) -> str:
    """What a command says on stderr whose input is wrong; it prints nothing on stdout."""
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    return err
