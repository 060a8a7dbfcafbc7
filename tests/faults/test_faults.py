import subprocess
from pathlib import Path

import pytest

from tests.faults.runner import run
from tests.faults.table import FAULTS, Fault


def make_case(fault: Fault, server: str) -> object:
    marks = [] if fault.fast == server else [pytest.mark.slow]
    return pytest.param(fault, server, marks=marks, id=f"{fault.name} ({server}, {fault.when})")


@pytest.mark.parametrize(
    ("fault", "server"), [make_case(one, server) for one in FAULTS for server in one.servers]
)
def test_a_fault_ends_as_documented(fault: Fault, server: str, tmp_path: Path) -> None:
    probe = tmp_path / "probe" / "here"
    probe.mkdir(parents=True)
    if subprocess.run([*fault.under, "true"], cwd=probe, check=False, capture_output=True).returncode:
        pytest.skip(f"not allowed here: {' '.join(fault.under[:2])}")
    assert not run(fault, server, tmp_path / "fault")
