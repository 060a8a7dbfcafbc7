"""What does it cost an app to be watched by `portcompare diagnose`?

    .venv/bin/python -m benchmarks.watching

The fast route of this repository's Quart twin on each ASGI server, as it is and watched, loaded in turn.
"""

import statistics
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import HERE, header, in_turn, publish, ratios, row, spread, verdict, versions
from portcompare.diagnose.watching import watch_apps
from portcompare.http.requests import http_request
from portcompare.measure.generator import start_generator
from portcompare.measure.rounds import load_target
from portcompare.plan import Plan, load_plan
from portcompare.serve import assign_cpus, serve_deployments
from portcompare.serve.servers import vocabulary
from portcompare.wire.protocol import UserLoad

PLAN = """
baseline = "uvicorn"
candidates = ["hypercorn", "granian"]
[apps.quart]
target = "async_quart.app:app"
interface = "asgi"
directory = "{directory}"
[deployments]
uvicorn = {{ app = "quart", server = "uvicorn" }}
hypercorn = {{ app = "quart", server = "hypercorn" }}
granian = {{ app = "quart", server = "granian" }}
[scenarios.fast]
request = {{ path = "/data" }}
load = {{ users = [{users}] }}
"""
SERVERS = ("uvicorn", "hypercorn", "granian")
USERS, ROUNDS, WINDOW_S, LEAST_RATIO = 16, 12, 1.5, 0.85
ROOT = HERE.parent
PAGE = ROOT / "docs" / "diagnose.md"


def main() -> None:
    """Measure, and publish."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "plan.toml"
        path.write_text(PLAN.format(directory=ROOT, users=USERS), encoding="utf-8")
        plan = load_plan(path, vocabulary())
        found = {server: measure(plan, server, folder) for server in SERVERS}
    publish("watching", describe(found), page=PAGE)


def measure(plan: Plan, server: str, folder: Path) -> dict[str, list[float]]:
    """The rates of one server, as it is and watched, in requests per second."""
    cpus = assign_cpus(plan, 1)
    with ExitStack() as stack:
        generator = stack.enter_context(start_generator(folder / "loadgen.log", cpus.generator, ROOT))
        urls = {}
        for side, one in (("plain", plan), ("watched", watch_apps(plan, folder))):
            arms = {f"{server}-{side}": server}
            served = stack.enter_context(serve_deployments(one, arms, folder=folder, cpus=cpus))
            urls[side] = served[f"{server}-{side}"].url

        def rate(url: str) -> float:
            load, request = UserLoad(users=USERS), http_request("/data")
            return load_target(generator, url, load, WINDOW_S, request=request).load.rate_rps

        return in_turn({side: partial(rate, url) for side, url in urls.items()}, ROUNDS)


def describe(found: dict[str, dict[str, list[float]]]) -> list[str]:
    """The figures as Markdown."""
    lines = header("server", "as it is, requests/s", "watched, requests/s", "ratio", "required", "")
    for server, sides in found.items():
        ratio = ratios(sides["watched"], sides["plain"])
        met = verdict(met=statistics.median(ratio) >= LEAST_RATIO)
        lines.append(row(server, *map(spread, (sides["plain"], sides["watched"], ratio)), LEAST_RATIO, met))
    rounds = f"{USERS} users, {ROUNDS} rounds of {WINDOW_S:g} s of each side, in turn"
    return [*lines, "", f"{rounds}. {versions('quart', *SERVERS)}."]


if __name__ == "__main__":
    main()
