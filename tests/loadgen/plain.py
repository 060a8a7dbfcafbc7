"""Plain Locust, without the harness, as a process."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.e2e.processes import wait_until
from tests.loadgen.scripted import ScriptedServer

LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"


def locust(
    locustfile: Path,
    *arguments: str,
    until: Callable[[], object],
) -> subprocess.CompletedProcess[str]:
    """Run Locust until a condition holds: its own `-t` is early on a busy machine."""
    options = ["-f", str(locustfile), "--headless", "--json", "--only-summary"]
    with subprocess.Popen(
        [sys.executable, "-m", "locust", *options, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: until() or process.poll() is not None, 90)
            process.terminate()
            stdout, stderr = process.communicate(timeout=90)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def have_sent(server: ScriptedServer, *, users: int, times: int) -> bool:
    """Whether so many users have sent so many requests each."""
    counts = Counter(number for number, _ in server.requests)
    return len(counts) >= users and min(counts.values()) >= times
