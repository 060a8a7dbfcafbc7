"""Does `portcompare diagnose` find leaks of identity that are planted, and none in apps that have none?

    .venv/bin/python -m benchmarks.isolation

Six apps of benchmarks/pitfalls/leaks/ and four of benchmarks/pitfalls/logins/, each on its own server.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.common import HERE, header, publish, row, verdict
from portcompare.diagnose.isolation import find_leaks
from portcompare.plan import load_plan
from portcompare.records.diagnosis import Leak
from portcompare.run.diagnose import Examined
from portcompare.run.session import open_session
from portcompare.serve.servers import vocabulary

PITFALLS = HERE / "pitfalls"
PAGE = HERE.parent / "docs" / "pitfalls.md"


def main() -> None:
    """Compare, and publish."""
    lines, outcomes = header("app", "", "found", "s"), {"leaks": 0, "logins": 0}
    for kind in outcomes:
        for folder in sorted((PITFALLS / kind).iterdir()):
            print(folder.name, file=sys.stderr)
            began_s = monotonic()
            found = compare(folder / "plan.toml")
            outcomes[kind] += bool(found)
            text = "; ".join(f"{one.request}: {one.count} of {one.requests}" for one in found)
            lines.append(row(folder.name, kind, text, round(monotonic() - began_s)))
    planted, falsely = outcomes["leaks"], outcomes["logins"]
    said = f"{planted} of 6 leaks found ({verdict(met=planted == 6)}), {falsely} of 4 clean apps accused"  # noqa: PLR2004
    publish("isolation", [f"{said} ({verdict(met=not falsely)}).", "", *lines], page=PAGE)


def compare(path: Path) -> list[Leak]:
    """The leaks of a plan's baseline."""
    plan = load_plan(path, vocabulary())
    ((scenario, one),) = plan.scenarios.items()
    with TemporaryDirectory() as folder, open_session(plan, Path(folder)) as session:
        level = float(one.load.levels[-1])
        examined = Examined(session=session, name=plan.baseline, scenario=scenario, level=level)
        return find_leaks(scenario, examined.requests, session.logins.get(scenario, ()), examined.serve)[0]


if __name__ == "__main__":
    main()
