"""A load worker that records each message it sends, and whose clocks can be wrong.

python -m benchmarks.clients.recording_worker FILE PORT AHEAD_S
"""

import sys
import time


def main(path: str, port: int, ahead_s: float) -> None:
    """Join the leader at a port of this machine.

    Args:
        path: The file to which each message is appended, one JSON object a line.
        port: The leader's.
        ahead_s: How far this process's clocks are ahead of the machine's.
    """
    perf_counter, wall_clock = time.perf_counter, time.time
    if ahead_s:  # before the worker's modules take these functions
        time.perf_counter = lambda: perf_counter() + ahead_s
        time.time = lambda: wall_clock() + ahead_s

    from portcompare.loadgen import worker  # noqa: PLC0415
    from portcompare.wire.protocol import encode  # noqa: PLC0415

    def recorded(message: object) -> str:
        line = encode(message)
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(line)
        return line

    worker.encode = recorded  # type: ignore[attr-defined]
    worker.main("127.0.0.1", port, None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
