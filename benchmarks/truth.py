"""How true are the latencies, beside those of a server that keeps its own account?

    .venv/bin/python -m benchmarks.truth

The truth is the server's own clock, request by request, from the receipt of the request to the end of its
answer. Locust's own figures, which it rounds, stand beside. Writes docs/benchmarks.md.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from benchmarks.common import header, in_turn, is_near, publish, row, spread, verdict, versions
from benchmarks.peers import Figures, run_fast_http_user, run_portcompare
from benchmarks.serving import take_account, target, timed_target

SECONDS, ROUNDS, USERS = 2.0, 6, 8
KNOWN = {"1 ms": "/?ms=1", "5 ms": "/?ms=5", "50 ms": "/?ms=50", "1 ms, every 10th 50 ms": "/?ms=1,50"}
SHARE, FLOOR_S = 0.01, 150e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A client's figures and the server's, of the same requests."""

    measured: Figures
    true: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A percentile beside the truth, round by round.

    Attributes:
        true_s: Median of the truth.
        differences_s: What the client says beyond the truth of the same round.
        ratio: Median of the rounds' ratios.
    """

    true_s: float
    differences_s: list[float]
    ratio: float

    @classmethod
    def of(cls, rounds: list[Told], percentile: str) -> "Beside":
        """Compare what each round reported."""
        pairs = [(getattr(one.measured, percentile), getattr(one.true, percentile)) for one in rounds]
        return cls(
            true_s=median(true_s for _, true_s in pairs),
            differences_s=[measured_s - true_s for measured_s, true_s in pairs],
            ratio=median(measured_s / true_s for measured_s, true_s in pairs),
        )

    @property
    def difference_s(self) -> float:
        """Median of the differences."""
        return median(self.differences_s)

    def cells(self) -> tuple[str, str]:
        """The difference and the ratio, for a table."""
        return spread(one * 1e6 for one in self.differences_s), f"{self.ratio:.4f}"


def main() -> None:
    """Measure and publish."""
    publish("truth", describe(measure(SECONDS, ROUNDS)))


def measure(seconds: float, rounds: int) -> dict[str, dict[str, list[Told]]]:
    """Run the clients alternately, on each kind of response."""
    clients = {"portcompare": run_portcompare, "Locust": run_fast_http_user}
    with target(timed_target()) as url:
        return {
            name: in_turn(
                {side: partial(with_truth, client, url, path, seconds) for side, client in clients.items()},
                rounds,
            )
            for name, path in KNOWN.items()
        }


def with_truth(
    client: Callable[[str, str, int, float], Figures], url: str, path: str, seconds: float
) -> Told:
    """A client's figures, and the server's of the same requests.

    The clients stop right after their windows: so the window is the end of the account. What lies before
    it is the warm-up, in which connections are made.
    """
    take_account(url)
    measured = client(url, path, USERS, seconds)
    account_s = np.array(json.loads(take_account(url)))
    answered_s, latency_s = account_s.T
    inside_s = latency_s[answered_s > answered_s.max() - seconds]
    p50_s, p99_s = np.percentile(inside_s, [50, 99], method="inverted_cdf")
    true = Figures(rate_rps=len(inside_s) / seconds, p50_s=float(p50_s), p99_s=float(p99_s))
    return Told(measured=measured, true=true)


def describe(found: dict[str, dict[str, list[Told]]]) -> list[str]:
    """The figures as Markdown."""
    lines = header(
        *("server", "percentile", "truth, us", "portcompare - truth, us", "ratio"),
        *(f"within {SHARE:.0%} or {FLOOR_S * 1e6:g} us", "Locust - its truth, us", "ratio"),
    )
    for server, sides in found.items():
        for percentile in ("p50_s", "p99_s"):
            ours, locust = (Beside.of(rounds, percentile) for rounds in sides.values())
            near = is_near(ours.true_s + ours.difference_s, ours.true_s, share=SHARE, floor_s=FLOOR_S)
            lines.append(
                row(
                    server,
                    percentile.removesuffix("_s"),
                    f"{ours.true_s * 1e6:,.0f}",
                    *ours.cells(),
                    verdict(met=near),
                    *locust.cells(),
                )
            )
    rounds = len(next(iter(found.values()))["portcompare"])
    return [*lines, "", f"{rounds} rounds of {USERS} users. {versions('locust')}."]


if __name__ == "__main__":
    main()
