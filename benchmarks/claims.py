"""What people say of slow Flask routes: is it so?

    .venv/bin/python -m benchmarks.claims FOLDER

Runs loadtests/claims.toml into the folder, unless it holds that run already, which takes ten minutes, and
writes what it found into docs/claims.md. `make claims` makes the environment that it needs as well.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import HERE, header, publish, row, run_plan
from portcompare.records.results import Results
from portcompare.report.sections.conclusions import claim_tables

PLAN = HERE.parent / "loadtests" / "claims.toml"
PAGE = HERE.parent / "docs" / "claims.md"


def main(folder: Path) -> None:
    """Measure and publish."""
    publish("claims", list(describe(run_plan(PLAN, folder))), page=PAGE)


def describe(results: Results) -> Iterator[str]:
    """The verdicts and the checks behind them as Markdown."""
    blocks = len({one.block for one in results.rounds})
    valid = "the run is valid" if results.valid else f"NOT VALID: {'; '.join(results.invalid_reasons)}"
    served = "; ".join(
        f"{one.name}: {', '.join(f'{name} {version}' for name, version in one.versions.items())}"
        for one in results.manifest.deployments
    )
    yield f"{blocks} blocks; {valid}. {served}."
    for table in claim_tables(results):
        yield ""
        yield from header(*table.header)
        yield from (row(*cells) for cells in table.rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
