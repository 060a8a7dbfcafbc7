"""How long it takes to write a run's reports, and how large they are: `benchmarks/rendering.py RUN`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from portcompare.report import RESULTS_FILE, read_results, write_reports

TIMES = 3


def main() -> None:
    """Write the reports of a run into a folder that is thrown away, several times."""
    results = read_results(Path(sys.argv[1]) / RESULTS_FILE)
    print(f"{len(results.rounds)} rounds, {len(results.summaries)} arms at levels")
    for number in range(TIMES):
        with TemporaryDirectory() as folder:
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            # A copy, or the charts of the time before would be taken.
            write_reports(read_results(Path(sys.argv[1]) / RESULTS_FILE), Path(folder))
            took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            html_bytes = (Path(folder) / "report.html").stat().st_size
            size_bytes = sum(path.stat().st_size for path in files)
        print(
            f"time {number + 1}: {took_s:.2f} s ({cpu_s:.2f} s of CPU), {len(files)} files,"
            f" {size_bytes / 1e6:.2f} MB, report.html {html_bytes / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
