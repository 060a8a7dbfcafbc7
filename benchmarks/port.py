"""Does the Flask twin, ported by rule, respond and perform as the Quart twin? And how long does a port take?

    .venv/bin/python -m benchmarks.port [--smoke]

Both ports take turns on uvicorn in one run, after all cases of the twins were compared; then a made-up
project of 20,000 lines is ported, three times. Writes docs/porting.md; --smoke is short and only prints.
"""

import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import tomlkit

from benchmarks.common import HERE, header, publish, row, run_plan, spread, verdict
from portcompare.records.results import Results
from portcompare.report.sections.screen import parity_line

ROOT = HERE.parent
PAGE = ROOT / "docs" / "porting.md"
LEAST_RATIO = 0.95
LINES, MOST_S = 20_000, 30.0
SCENARIOS = {
    "delayed": {"user": "Delayed", "seconds": 1.0, "delay_s": 0.2, "load": {"users": [64]}},
    "fast": {"user": "Fast", "seconds": 0.4, "load": {"users": [32]}},
}
MODULE = """
from flask import Blueprint, g, jsonify, render_template, request, session

bp = Blueprint("part{number}", __name__)


@bp.before_request
def load_user():
    g.user = session.get("user_id")


@bp.get("/part{number}/<int:item_id>")
def item(item_id):
    names = [name for name in request.args.getlist("name") if name]
    if not names:
        return jsonify(error="name a name"), 400
    return render_template("item.html", item=describe(item_id), names=names)


@bp.post("/part{number}")
def add():
    data = request.get_json()
    for key, value in sorted(data.items()):
        session[key] = value
    return jsonify(data), 201


def describe(item_id):
    parts = divmod(item_id, {number} + 1)
    return " ".join(str(part) for part in parts)
"""


def main(*, smoke: bool) -> None:
    """Measure and publish."""
    with tempfile.TemporaryDirectory(prefix="port-") as name:
        folder = Path(name)
        port(ROOT / "sync_flask", folder / "ported")
        lines = describe(run_plan(write_plan(folder, 45 if smoke else 100), folder / "run"))
        times_s = [time_port(folder, 500 if smoke else LINES, number) for number in range(1 if smoke else 3)]
    found = verdict(met=max(times_s) < MOST_S)
    lines += [
        "",
        f"A port of {LINES:,} lines takes {spread(times_s)} s; required: less than {MOST_S:g} s, {found}.",
    ]
    publish("port", lines, page=PAGE, dry=smoke)


def port(project: Path, out: Path) -> None:
    """Port a project by the command."""
    command = [sys.executable, "-m", "portcompare", "port", str(project), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write_plan(folder: Path, budget_s: int) -> Path:
    """The plan that compares the port by rule with the twin, by the twins' own cases."""
    twins = tomllib.loads((ROOT / "loadtests" / "twins.toml").read_text(encoding="utf-8"))
    apps = {name: twins["apps"][name] | {"directory": str(ROOT)} for name in ("quart", "upstream")}
    apps["ported"] = apps["quart"] | {"target": "sync_flask.app:app", "directory": str(folder / "ported")}
    plan = {
        "baseline": "quart",
        "candidates": ["ported"],
        "locustfile": str(ROOT / "loadtests" / "locustfile.py"),
        "apps": apps,
        "deployments": {
            **{name: {"app": name, "server": "uvicorn"} for name in ("quart", "ported")},
            "waiting": twins["deployments"]["waiting"],
        },
        "scenarios": SCENARIOS,
        "parity": twins["parity"],
        "rounds": {"budget_s": budget_s},
    }
    path = folder / "plan.toml"
    path.write_text(tomlkit.dumps(plan), encoding="utf-8")
    return path


def describe(results: Results) -> list[str]:
    """The ratios of throughput, and what was compared."""
    lines = [
        *header(
            "scenario", "users", "rate of the port by rule, over the Quart twin's", "95% range", "verdict"
        )
    ]
    for one in results.comparisons:
        if one.metric == "throughput" and one.candidate == "ported":
            ratio = one.ratio
            ends = "" if ratio.low is None or ratio.high is None else f"[{ratio.low:.3f}, {ratio.high:.3f}]"
            point = "no result" if ratio.point is None else f"{ratio.point:.3f}"
            lines.append(row(one.scenario, f"{one.level:g}", point, ends, ratio.verdict))
    delayed = next(
        one.ratio
        for one in results.comparisons
        if (one.metric, one.candidate, one.scenario) == ("throughput", "ported", "delayed")
    )
    is_met = delayed.low is not None and delayed.low >= LEAST_RATIO
    alike = verdict(met=results.parity is not None and results.parity.verdict == "alike")
    required = f"Required of `delayed`: at least {LEAST_RATIO:g}, {verdict(met=is_met)}."
    return [*lines, "", f"{required} {parity_line(results.parity)}; required: every case alike, {alike}."]


def time_port(folder: Path, lines: int, number: int) -> float:
    """How long it takes to port a made-up project, in seconds."""
    project = folder / f"project{number}"
    project.mkdir()
    each = MODULE.count("\n")
    names = [f"part{part}" for part in range(lines // each)]
    for part, name in enumerate(names):
        (project / f"{name}.py").write_text(MODULE.replace("{number}", str(part)), encoding="utf-8")
    imports = "\n".join(f"import {name}" for name in names)
    registered = "\n".join(f"app.register_blueprint({name}.bp)" for name in names)
    text = f"from flask import Flask\n\n{imports}\n\napp = Flask(__name__)\n{registered}\n"
    (project / "app.py").write_text(text, encoding="utf-8")
    began_s = time.monotonic()
    port(project, folder / f"out{number}")
    return time.monotonic() - began_s


if __name__ == "__main__":
    main(smoke="--smoke" in sys.argv)
