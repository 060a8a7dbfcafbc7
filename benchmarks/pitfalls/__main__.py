"""Does `portcompare diagnose` name what is wrong in apps with one pitfall each, and nothing in clean ones?

    .venv/bin/python -m benchmarks.pitfalls [NAME...]

Writes docs/pitfalls.md; with names of apps it only prints. expected.toml holds what is to be found.
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import tomlkit
from pydantic import TypeAdapter

from benchmarks.common import header, publish, row, verdict, versions
from benchmarks.pitfalls.upstream import upstream
from portcompare.records.diagnosis import Diagnosis, Site

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "pitfalls.md"
TABLE = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
CANDIDATE, MARKER, USERS = "quart", "# here", 16
LEAST_NAMED, MOST_FALSE, LONGEST_S, LIMIT_S = 23, 0, 60.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one app."""

    name: str
    named: str  # What was found as expected; empty if that was missed, or if nothing is to be found
    others: list[str]  # What else was found
    took_s: float
    problem: str = ""  # Why there is no diagnosis

    @property
    def result(self) -> str:
        """In a word, beside what is to be found."""
        if self.name in TABLE["clean"]:
            return "**not clean**" if self.others or self.problem else "clean"
        return "named" if self.named else "**missed**"


def main(names: list[str]) -> None:
    """Diagnose the apps, and publish."""
    outcomes = []
    with upstream() as address, TemporaryDirectory() as folder:
        for name in names or [*TABLE["apps"], *TABLE["clean"]]:
            outcomes.append(diagnose(name, address, Path(folder)))
            print(describe_one(outcomes[-1]), file=sys.stderr)
    publish("pitfalls", describe(outcomes), page=PAGE, dry=bool(names))


def diagnose(name: str, upstream_url: str, folder: Path) -> Outcome:
    """Diagnose one app, and compare what was found with what is to be found."""
    plan = folder / f"{name}.toml"
    plan.write_text(make_plan(name, upstream_url, folder), encoding="utf-8")
    began_s = monotonic()
    command = [sys.executable, "-m", "portcompare", "diagnose", str(plan), "--arm", CANDIDATE, "--json"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        diagnosis = TypeAdapter(Diagnosis).validate_json(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        last = (error.stderr or b"").decode() if isinstance(error, subprocess.TimeoutExpired) else done.stderr
        problem = " ".join(last.split("\n")[-3:]).strip() or type(error).__name__
        return Outcome(name=name, named="", others=[], took_s=monotonic() - began_s, problem=problem)
    expected, others = judge(name, diagnosis)
    named = expected[0] if expected else ""
    return Outcome(name=name, named=named, others=others, took_s=monotonic() - began_s)


def make_plan(name: str, upstream_url: str, folder: Path) -> str:
    """The plan of one app, which writes into a folder, beside a Flask app that responds at once."""
    is_clean = name in TABLE["clean"]
    requests = TABLE["clean"][name] if is_clean else TABLE["apps"][name]["requests"]
    scenario: dict[str, Any] = {"requests": requests, "load": {"users": [USERS]}}
    if name in TABLE["login"]:
        scenario["login"] = TABLE["login"][name]
    directory = HERE / ("clean" if is_clean else "apps") / name
    plan = {
        "baseline": "flask",
        "candidates": [CANDIDATE],
        "apps": {
            "flask": {"target": "flask_twin:app", "interface": "wsgi", "directory": str(HERE)},
            CANDIDATE: {
                "target": "app:app",
                "interface": "asgi",
                "directory": str(directory),
                "environment": {"UPSTREAM": upstream_url, "TMPDIR": str(folder)},
            },
        },
        "deployments": {
            "flask": {"app": "flask", "server": "gunicorn"},
            CANDIDATE: {"app": CANDIDATE, "server": "hypercorn"},
        },
        "scenarios": {name: scenario},
    }
    return tomlkit.dumps(plan)


def judge(name: str, diagnosis: Diagnosis) -> tuple[list[str], list[str]]:
    """The findings that are expected of an app, and all others."""
    marked = set(marked_lines(HERE / "apps" / name))
    entry = TABLE["apps"].get(name, {"lists": [], "words": []})
    expected, others = [], []
    for kind in ("blocking", "waiting", "mistakes"):
        for found in getattr(diagnosis, kind):
            is_here = found.deployment == CANDIDATE and (found.file, found.line) in marked
            has_words = all(word in f"{found.call} {found.reason}".lower() for word in entry["words"])
            text = f"{kind}: {describe_site(found)}"
            if is_here and kind in entry["lists"] and has_words:
                expected.append(text)
            elif not is_here or kind not in entry["lists"]:
                others.append(text)
    others += [f"isolation: {leak.request}" for leak in diagnosis.isolation]
    return expected, others


def marked_lines(directory: Path) -> Iterator[tuple[str, int]]:
    """The lines of an app that have the marker, each with its file."""
    for path in directory.rglob("*.*"):
        if path.suffix in (".py", ".html"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if MARKER in line:
                    yield str(path.relative_to(directory)), number


def describe_site(found: Site) -> str:
    """A finding in short."""
    return f"`{found.call}` at {found.file}:{found.line}"


def describe(outcomes: list[Outcome]) -> list[str]:
    """The figures as Markdown."""
    pitfalls = [one for one in outcomes if one.name in TABLE["apps"]]
    named = sum(bool(one.named) for one in pitfalls)
    unclean = sum(bool(one.others or one.problem) for one in outcomes if one.name in TABLE["clean"])
    longest_s = max(one.took_s for one in outcomes)
    return [
        *header("figure", "is", "required", ""),
        row("pitfalls named", f"{named} of {len(pitfalls)}", LEAST_NAMED, verdict(met=named >= LEAST_NAMED)),
        row(
            "clean apps of which something is reported",
            f"{unclean} of {len(outcomes) - len(pitfalls)}",
            MOST_FALSE,
            verdict(met=unclean <= MOST_FALSE),
        ),
        row(
            "longest diagnosis, s",
            f"{longest_s:.0f}",
            f"{LONGEST_S:.0f}",
            verdict(met=longest_s <= LONGEST_S),
        ),
        "",
        *header("app", "", "as expected", "beside it", "s"),
        *map(describe_one, outcomes),
        "",
        f"{USERS} users. {versions('quart', 'hypercorn')}.",
    ]


def describe_one(one: Outcome) -> str:
    """One app's row."""
    others = "; ".join(one.others) or one.problem
    return row(one.name, one.result, one.named, others, f"{one.took_s:.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
