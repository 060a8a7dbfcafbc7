"""How long does it take to write a run's reports, and how large do they get?

    .venv/bin/python -m benchmarks.rendering RUN

Takes a finished run, has its rounds stand in it again and again until there are 200, and writes its reports
into a folder that is thrown away, several times. Writes docs/benchmarks.md.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import header, publish, row, spread, verdict
from portcompare.records.results import RESULTS_FILE, Results
from portcompare.records.rounds import Round
from portcompare.report import write_reports
from portcompare.report.formats.results_file import read_results

TIMES, ROUNDS = 5, 200
MOST_S, MOST_HTML_BYTES = 3.0, 3e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What writing all reports once came to."""

    took_s: float
    files: int
    size_bytes: int
    html_bytes: int


def main() -> None:
    """Measure and publish."""
    publish("rendering", describe(measure(Path(sys.argv[-1]))))


def measure(run: Path) -> list[Rendered]:
    """Write the reports, several times."""
    return [render(run) for _ in range(TIMES)]


def render(run: Path) -> Rendered:
    """Write the reports once; of a copy, or the charts of the time before would be taken."""
    results = read_results(run / RESULTS_FILE)
    results = replace(results, rounds=tuple(islice(repeat(results), ROUNDS)))
    with TemporaryDirectory() as name:
        folder = Path(name)
        began_s = time.perf_counter()
        write_reports(results, folder)
        took_s = time.perf_counter() - began_s
        files = [path for path in folder.rglob("*") if path.is_file()]
        return Rendered(
            took_s=took_s,
            files=len(files),
            size_bytes=sum(path.stat().st_size for path in files),
            html_bytes=(folder / "report.html").stat().st_size,
        )


def repeat(results: Results) -> Iterator[Round]:
    """The rounds without end: the same again, in later blocks."""
    blocks = max(one.block for one in results.rounds) + 1
    times = 0
    while True:
        yield from (replace(one, block=one.block + times * blocks) for one in results.rounds)
        times += 1


def describe(times: list[Rendered]) -> list[str]:
    """The figures as Markdown."""
    took_s = spread(one.took_s for one in times)
    slowest_s = max(one.took_s for one in times)
    html_bytes = max(one.html_bytes for one in times)
    mb = f"{html_bytes / 1e6:.2f}"
    most_s, most_mb = f"less than {MOST_S:g}", f"less than {MOST_HTML_BYTES / 1e6:g}"
    return [
        *header("figure", "measured", "required", ""),
        row(f"all reports of {ROUNDS} rounds, s", took_s, most_s, verdict(met=slowest_s < MOST_S)),
        row("report.html, MB", mb, most_mb, verdict(met=html_bytes < MOST_HTML_BYTES)),
        "",
        f"{len(times)} times; {times[0].files} files, {times[0].size_bytes / 1e6:.2f} MB in all.",
    ]


if __name__ == "__main__":
    main()
