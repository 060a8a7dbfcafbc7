"""How fast is one core of the load generator, beside Locust's FastHttpUser and wrk?

    .venv/bin/python -m benchmarks.speed

32 connections; server and client each on a CPU of its own. A raw ASGI callable is the target, and then a
server that does not even parse, so that the client is the limit. Writes docs/benchmarks.md.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from statistics import median

from benchmarks.common import header, in_turn, publish, ratios, row, spread, verdict, versions
from benchmarks.peers import Figures, run_fast_http_user, run_portcompare, run_wrk
from benchmarks.serving import null_target, raw_target, target

CONNECTIONS, SECONDS, ROUNDS = 32, 2.0, 6
LEAST = {"FastHttpUser": 5.0, "wrk": 0.8}
SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "a raw ASGI callable on uvicorn": partial(target, raw_target()),
    "a server that does not parse": null_target,
}


def main() -> None:
    """Measure and publish."""
    publish("speed", describe(measure(SECONDS, ROUNDS)))


def measure(seconds: float, rounds: int) -> dict[str, dict[str, list[Figures]]]:
    """Run the clients alternately, on each of the servers."""
    return {name: measure_on(serve, seconds, rounds) for name, serve in SERVERS.items()}


def measure_on(
    serve: Callable[[], AbstractContextManager[str]], seconds: float, rounds: int
) -> dict[str, list[Figures]]:
    """Run the clients alternately on one server."""
    clients = {"portcompare": run_portcompare, "FastHttpUser": run_fast_http_user, "wrk": run_wrk}
    with serve() as url:
        run = {name: partial(client, url, "/", CONNECTIONS, seconds) for name, client in clients.items()}
        return in_turn(run, rounds)


def describe(found: dict[str, dict[str, list[Figures]]]) -> list[str]:
    """The figures as Markdown."""
    lines: list[str] = []
    for server, sides in found.items():
        lines += [f"On {server}:", "", *describe_one(sides), ""]
    rounds = len(next(iter(found.values()))["portcompare"])
    return [*lines, f"{rounds} rounds on each. {versions('locust', 'geventhttpclient', 'uvicorn')}."]


def describe_one(found: dict[str, list[Figures]]) -> list[str]:
    """The figures of one server as Markdown."""
    lines = header("client", "requests/s", "share of its CPU", "CPU a request, us", "errors")
    for name, figures in found.items():
        lines.append(
            row(
                name,
                spread(one.rate_rps for one in figures),
                spread(one.cpu_ratio for one in figures),
                spread(one.cpu_s_per_request * 1e6 for one in figures),
                sum(one.errors for one in figures),
            )
        )
    lines += ["", *header("portcompare beside", "ratio of rates", "target", "", "ratio of CPU a request")]
    ours = found["portcompare"]
    for name, least in LEAST.items():
        rate = ratios([one.rate_rps for one in ours], [one.rate_rps for one in found[name]])
        cost = ratios([one.cpu_s_per_request for one in ours], [one.cpu_s_per_request for one in found[name]])
        met = verdict(met=median(rate) >= least)
        lines.append(row(name, spread(rate), f"at least {least:g}", met, spread(cost)))
    return lines


if __name__ == "__main__":
    main()
