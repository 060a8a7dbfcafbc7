"""A load worker that writes down each account it gives, and whose clocks can go wrong.

python -m benchmarks.clients.telling_worker FILE PORT AHEAD_S
"""

from __future__ import annotations

import sys
import time
from typing import Any


def main(told: str, port: int, ahead_s: float) -> None:
    """Join the leader at a port of this machine.

    Args:
        told: Where each message to the leader is appended, one JSON object a line.
        port: The leader's.
        ahead_s: How far this process's clocks are ahead of the machine's.
    """
    perf_counter, wall_clock = time.perf_counter, time.time
    if ahead_s:  # before the worker's modules take these functions
        time.perf_counter = lambda: perf_counter() + ahead_s
        time.time = lambda: wall_clock() + ahead_s

    from portcompare.loadgen import worker  # noqa: PLC0415
    from portcompare.wire.protocol import encode  # noqa: PLC0415

    say = worker.Worker._say  # noqa: SLF001 - what it says is what is wanted

    def tell(self: worker.Worker, message: Any) -> None:  # noqa: ANN401 - any message
        with open(told, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(encode(message))
        say(self, message)

    worker.Worker._say = tell  # type: ignore[method-assign] # noqa: SLF001
    worker.main("127.0.0.1", port, None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
