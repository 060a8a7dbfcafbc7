"""Plain Locust, without the harness, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.loadgen.scripted import ScriptedServer

LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"


def locust(
    locustfile: Path, *arguments: str, until: Callable[[], bool] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Locust to its end, or until the servers saw enough: its own `-t` is early on a busy machine."""
    options = ["-f", str(locustfile), "--headless", "--json", "--only-summary"]
    with subprocess.Popen(
        [sys.executable, "-m", "locust", *options, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            if until is not None:
                deadline_s = time.monotonic() + 90
                while not until():
                    assert process.poll() is None, process.communicate()
                    assert time.monotonic() < deadline_s
                    threading.Event().wait(0.02)
                process.terminate()
            stdout, stderr = process.communicate(timeout=90)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def have_asked(server: ScriptedServer, *, users: int, times: int) -> bool:
    counts = Counter(number for number, _ in server.requests)
    return len(counts) >= users and min(counts.values()) >= times


def lines_of(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in json.loads(ended.stdout)}
