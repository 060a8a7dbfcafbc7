"""Does `portcompare diagnose --try` confirm advice that is right, and withdraw advice that is wrong?

    .venv/bin/python -m benchmarks.advice [ADVICE...]

Tries twelve pieces of advice on two small apps, half of them wrong, and writes docs/diagnose.md; with some it
only prints. It takes eleven minutes.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.common import HERE, header, publish, row, verdict, versions
from portcompare import units
from portcompare.plan import Plan
from portcompare.plan.types import Origins
from portcompare.records.diagnosis import Advice
from portcompare.records.estimates import Estimate
from portcompare.report.wording import with_ends
from portcompare.run.advice import try_advice
from portcompare.run.progress import Progress

APPS = HERE / "pitfalls" / "advice"
PAGE = HERE.parent / "docs" / "diagnose.md"
USERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A piece of advice on a deployment, and whether it is right."""

    text: str
    is_right: bool
    path: str
    change: dict[str, str | int]
    server: str = "gunicorn"  # As it is now, with the defaults
    gain: float = 2.0  # What is said of it

    @property
    def app(self) -> str:
        """What is served."""
        return "quart" if self.server in ("granian", "hypercorn") else "flask"


CASES = (
    Case(text="threads where requests wait", is_right=True, path="/wait", change={"threads": USERS}),
    Case(text="threads where they compute", is_right=False, path="/compute", change={"threads": USERS}),
    Case(
        text="threads of waitress", is_right=True, server="waitress", path="/wait", change={"threads": USERS}
    ),
    Case(
        text="gevent where requests wait", is_right=True, path="/wait", change={"server": "gunicorn-gevent"}
    ),
    Case(
        text="gevent where they compute",
        is_right=False,
        path="/compute",
        change={"server": "gunicorn-gevent"},
    ),
    Case(
        text="threads instead of sync workers",
        is_right=True,
        server="gunicorn-sync",
        path="/brief",
        change={"server": "gunicorn"},
        gain=8.0,
    ),
    Case(text="workers for a CPU that is busy", is_right=False, path="/compute", change={"workers": 2}),
    Case(
        text="workers for a blocked event loop",
        is_right=True,
        server="granian",
        path="/blocked",
        change={"workers": 2},
    ),
    Case(
        text="uvicorn for a fast route",
        is_right=True,
        server="hypercorn",
        path="/fast",
        change={"server": "uvicorn"},
        gain=1.8,
    ),
    Case(
        text="uvloop for a blocked event loop",
        is_right=False,
        server="hypercorn",
        path="/blocked",
        change={"loop": "uvloop"},
    ),
    Case(text="a longer backlog", is_right=False, path="/wait", change={"backlog": 4096}),
    Case(
        text="a shorter keep-alive",
        is_right=False,
        server="hypercorn",
        path="/wait",
        change={"keep_alive_s": 5},
    ),
)


def main(texts: list[str]) -> None:
    """Try them all, and publish."""
    rows = []
    with TemporaryDirectory() as folder, Progress() as progress:
        for number, case in enumerate(CASES):
            if not texts or case.text in texts:
                began_s = monotonic()
                (tried,) = try_advice(
                    make_plan(case), [make_advice(case)], Path(folder, str(number)), progress
                )
                rows.append((case, tried, monotonic() - began_s))
                print(describe_one(*rows[-1]), file=sys.stderr)
    publish("advice", describe(rows), page=PAGE, dry=bool(texts))


def make_plan(case: Case) -> Plan:
    """The plan of what there is, on one CPU."""
    interface = "asgi" if case.app == "quart" else "wsgi"
    now = {"app": case.app, "server": case.server}
    return Plan.model_validate(
        {
            "origins": Origins(plan=APPS / "plan.toml"),
            "name": "advice",
            "baseline": "now",
            "candidates": ["beside"],
            "apps": {case.app: {"target": f"{case.app}_app:app", "interface": interface, "directory": APPS}},
            "deployments": {"now": now, "beside": now},
            "scenarios": {"load": {"request": {"path": case.path}, "load": {"users": [USERS]}}},
            "cpus": {"server": [0]},
        }
    )


def make_advice(case: Case) -> Advice:
    """The piece of advice."""
    return Advice(
        text=case.text,
        evidence="",
        gain=case.gain,
        effort="setting",
        deployment="now",
        scenario="load",
        change=case.change,
    )


def is_judged_rightly(case: Case, tried: Advice) -> bool:
    """Whether right advice is confirmed, and wrong advice withdrawn."""
    return tried.outcome == ("confirmed" if case.is_right else "withdrawn")


def describe(rows: list[tuple[Case, Advice, float]]) -> list[str]:
    """The figures as Markdown."""
    right = sum(is_judged_rightly(case, tried) for case, tried, _ in rows)
    return [
        f"{right} of {len(rows)} pieces of advice judged rightly: {verdict(met=right == len(rows))}.",
        "",
        *header("advice", "said", "it is", "outcome", "measured", "", "s"),
        *(describe_one(*each) for each in rows),
        "",
        f"{USERS} users. {versions('flask', 'quart', 'gunicorn', 'hypercorn', 'uvicorn', 'waitress')}.",
    ]


def describe_one(case: Case, tried: Advice, took_s: float) -> str:
    """One row."""
    found = tried.measured or Estimate()
    return row(
        case.text,
        f"{case.gain:g}x",
        "right" if case.is_right else "wrong",
        tried.outcome,
        with_ends(found, units.ratio) or found.reason,
        "" if is_judged_rightly(case, tried) else "**missed**",
        f"{took_s:.0f}",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
