"""A run as it could have been: what every test of the reports renders."""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console, RenderableType

from portcompare.analyse.comparisons import compare
from portcompare.analyse.summaries import QUANTILES, summarise
from portcompare.records.diagnosis import Advice
from portcompare.records.manifest import Manifest, ServedDeployment
from portcompare.records.metrics import METRICS
from portcompare.records.parity import CaseCoverage, Coverage, Difference, Parity
from portcompare.records.results import Conclusion, Results, Spectrum, SpectrumPoint, Summary
from portcompare.records.rounds import Bound, Latency, Round, Slice, Usage
from portcompare.report import charts
from tests.altered import altered
from tests.analyse.samples import ROUND

BASELINE = "flask-gunicorn"
CANDIDATES = ("quart-hypercorn", "quart-uvicorn")
SCENARIOS = ("fast", "delayed")
LEVELS = {"fast": (1.0, 32.0), "delayed": (1.0, 64.0)}
DELAYS_S = {"fast": 0.0, "delayed": 0.2}
CPU_S = {"baseline": 0.00062, "control": 0.00062, CANDIDATES[0]: 0.00101, CANDIDATES[1]: 0.00048}
PRICE = 0.04
SLOTS = {"baseline": 8, "control": 8, CANDIDATES[0]: None, CANDIDATES[1]: None}
_CONCLUSIONS = {
    "fast": "{} is slower than {} by 38% at 32 users: each request costs more CPU time.",
    "delayed": "{} serves 8.0 times as many requests as {} at 64 users: a waiting request no"
    " longer holds one of 8 threads.",
}
HOSTILE_CANDIDATES = ("<script>alert(1)</script>|`\"'*x*", "خادم عربي\u202eevil\n| a | b |")
HOSTILE_SCENARIOS = ("<img src=x onerror=alert(1)>", "x" * 200)
NOTICES = ["NOT VALID", "PARTIAL", "RESPONSES DIFFER", "FEW ROUNDS", "WARNING"]
"""What is to be noticed of the hostile run, the gravest first."""
IN_PART = tuple(
    CaseCoverage(case=case, status=200, compared="in part", omitted=(place,))
    for case, place in (("GET /now", "/at"), ("GET /<b>|", "Date"))
)
EMPTY_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'
DRAWING = {"tests.report.test_charts", "tests.report.test_browser"}


@pytest.fixture(scope="module", autouse=True)
def _undrawn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Charts are drawn in the tests of the charts and of the browser; in all others each is an empty SVG."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "_drawn", [])
        if request.module.__name__ not in DRAWING:
            patch.setattr("vl_convert.vegalite_to_svg", lambda _: EMPTY_SVG)
            patch.setattr("vl_convert.svg_to_png", lambda _, scale: b"\x89PNG" * bool(scale))
        yield


def unmeasured(results: Results) -> Results:
    """The run, had it ended before its first round."""
    empty: dict[str, Any] = dict.fromkeys(
        ("rounds", "comparisons", "summaries", "conclusions", "spectra"), ()
    )
    return replace(results, partial=True, parity=None, **empty)


def printed(*renderables: RenderableType, width: int = 120, colour: bool = False) -> str:
    """What a terminal of this width shows."""
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, color_system="standard" if colour else None)
    for one in renderables:
        console.print(one, crop=False)
    return file.getvalue()


@pytest.fixture(scope="session")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="session")
def hostile() -> Results:
    """Partial and invalid, with names and answers that try to break out of every format."""
    run = make_results(blocks=2, candidates=HOSTILE_CANDIDATES, scenarios=HOSTILE_SCENARIOS)
    answer = "</td></table><script>alert(2)</script>" + "long " * 400
    difference = Difference(
        case="GET /data?delay=<b>|",
        deployment=HOSTILE_CANDIDATES[0],
        kind="body",
        pointer="",
        severity="changes",
        baseline='{"delay": 0.0}',
        candidate=answer,
        curl_baseline="curl http://127.0.0.1:1/data?delay=<b>|",
        curl_candidate="curl 'http://127.0.0.1:2/```<script>alert(7)</script>\u202e'",
    )
    advice = Advice(
        text="Move <b>x</b> at a|b.py:1\u202e off",
        evidence="</li><script>alert(8)</script>",
        gain=8.0,
        effort="code",
        deployment=BASELINE,
        scenario=HOSTILE_SCENARIOS[0],
    )
    return replace(
        run,
        advice=(advice,) * 3,
        name="</title><script>alert(3)</script>",
        partial=True,
        valid=False,
        stop_reason="every interval had become as narrow as 5.00% of its ratio",
        invalid_reasons=("the control differs by 12%: <script>alert(4)</script>", "generator was the limit"),
        warnings=("CPU frequency scaling is on | <script>alert(5)</script>",),
        headline="This run is not valid: | <script>alert(6)</script>\u202e",
        parity=Parity(
            verdict="different", cases=14, deployments=HOSTILE_CANDIDATES, differences=(difference,)
        ),
    )


def make_results(
    *, blocks: int = 6, candidates: Sequence[str] = CANDIDATES, scenarios: Sequence[str] = SCENARIOS
) -> Results:
    arms = dict(zip(("baseline", "control", *CANDIDATES), ("baseline", "control", *candidates), strict=True))
    names = dict(zip(SCENARIOS, scenarios, strict=True))
    rng = random.Random(7)  # noqa: S311 - a sample, not a secret
    rounds = [
        _round(rng, (block, order), (kind, arms[kind]), (scenario, names[scenario]), level)
        for block in range(blocks)
        for scenario in SCENARIOS
        for level in LEVELS[scenario]
        for order, kind in enumerate(arms)
    ]
    # One arm at one level never counts, as on a server that answers wrongly from the first request on.
    rounds = [
        altered(r, discarded="responses were wrong", requests=0, errors=31, error_kinds={"status 500": 31},
                rate_rps=0.0, latency_s=None, handler_s=None, received_bytes_per_request=None,
                cpu_s_per_request=None, bound=None)
        if (r.scenario, r.level, r.arm) == (names["fast"], 32.0, candidates[1])
        else r
        for r in rounds
    ]  # fmt: skip
    rounds[1] = altered(rounds[1], discarded="the load generator was the limit")
    comparisons = compare(rounds, dict.fromkeys(METRICS, 0.05))
    summaries = summarise(rounds, comparisons, lambda one, _: one.bound, PRICE)
    return Results(
        schema_version=3,
        name="plan",
        started_at="2026-03-02T09:41:07+00:00",
        duration_s=148.31,
        measured_s=sum(r.load.window_s for r in rounds),
        partial=False,
        valid=True,
        stop_reason="every interval had become as narrow as 5.00% of its ratio",
        invalid_reasons=(),
        warnings=("the load generator shares its CPU with the operating system",),
        headline="Of 16 comparisons, 9 differences hold.",
        plan=_plan(names, candidates),
        manifest=_manifest(candidates),
        parity=Parity(
            verdict="alike",
            cases=14,
            deployments=tuple(candidates),
            differences=(),
            coverage=Coverage(in_full=12, in_part=IN_PART, statuses={"200": 13, "304": 1}),
        ),
        rounds=tuple(rounds),
        comparisons=comparisons,
        summaries=summaries,
        conclusions=tuple(
            Conclusion(scenario=names[scenario], candidate=candidate, text=text.format(candidate, BASELINE))
            for scenario, text in _CONCLUSIONS.items()
            for candidate in candidates
        ),
        spectra=tuple(_spectrum(s) for s in summaries if s.latency_s),
    )


def _round(
    rng: random.Random, place: tuple[int, int], arm: tuple[str, str], scenario: tuple[str, str], level: float
) -> Round:
    block, order = place
    kind, name = arm
    delay_s, cpu_s, slots = DELAYS_S[scenario[0]], CPU_S[kind], SLOTS[kind]
    service_s = delay_s + cpu_s * 1.1
    limits = [
        (1 / cpu_s, "server CPU", f"1 CPU at {cpu_s * 1e6:.0f} us a request"),
        (level / service_s, "users", f"{level:g} users, each waiting {service_s * 1e3:.1f} ms"),
    ]
    if slots is not None:
        limits.append((slots / service_s, "slots", f"{slots} slots, each held {service_s * 1e3:.0f} ms"))
    limit_rps, bound, reason = min(limits)
    rate_rps = limit_rps * rng.uniform(0.965, 0.985)
    p50_s, window_s = level / rate_rps, 1.0 + rng.uniform(0, 0.004)
    slices = (
        Slice(requests=round(rate_rps / 10) + part % 3, errors=0, p50_s=p50_s, p99_s=p50_s * 1.45)
        for part in range(10)
    )
    cpu_used_s = cpu_s * rng.uniform(0.99, 1.01) * window_s * rate_rps
    return altered(
        ROUND,
        block=block,
        arm=name,
        deployment=BASELINE if kind in ("baseline", "control") else name,
        scenario=scenario[1],
        level=level,
        order=order,
        started_at_s=1772444467.0 + block * 20 + order * 1.3,
        window_s=window_s,
        warmup_s=0.31,
        requests=round(rate_rps),
        rate_rps=rate_rps,
        latency_s=Latency(p50=p50_s, p95=p50_s * 1.2, p99=p50_s * 1.45, p999=p50_s * 2.1, max=p50_s * 2.9),
        handler_s=delay_s + cpu_s * 0.4 if kind != CANDIDATES[1] else None,
        received_bytes_per_request=174.0 if slots else 151.0,
        slices=tuple(slices),
        usage=Usage(cpu_s=cpu_used_s, rss_bytes=41_500_000 + order * 3_000_000),
        bound=Bound(name=bound, rate_rps=limit_rps, reason=reason),
    )


def _spectrum(summary: Summary) -> Spectrum:
    assert summary.latency_s
    place = {"scenario": summary.scenario, "arm": summary.arm}
    points = tuple(
        SpectrumPoint(quantile=q, latency_s=summary.latency_s.p50 * (1 + q), rank=round(q * 12_000))
        for q in QUANTILES
    )
    return Spectrum(**place, level=summary.level, requests=12_000, points=points)


def _plan(names: dict[str, str], candidates: Sequence[str]) -> dict[str, object]:
    return {
        "name": "plan",
        "baseline": BASELINE,
        "candidates": list(candidates),
        "scenarios": {
            names[s]: {
                "user": s.title() if s == "delayed" else None,
                "request": {"method": "GET", "path": "/data"} if s == "fast" else None,
                "delay_s": DELAYS_S[s],
                "seconds": None,
                "load": {"model": "closed", "users": [int(level) for level in LEVELS[s]]},
            }
            for s in SCENARIOS
        },
        "cost": {"per_core_hour": PRICE, "currency": "EUR"},
        "rounds": {
            "seconds": 1.0, "precision": 0.05, "margin": 0.05, "min_blocks": 5, "max_blocks": 10,
            "budget_s": 150.0, "warmup_s": 0.25, "warmup_max_s": 30.0, "timeout_s": 30.0, "seed": 1,
        },
    }  # fmt: skip


def _manifest(candidates: Sequence[str]) -> Manifest:
    servers = ("gunicorn 23.0.0", "hypercorn 0.17.3", "uvicorn 0.34.0")
    frameworks = ("Flask", "Quart", "Quart")
    return Manifest(
        portcompare="0.1.0",
        python="3.11.9",
        kernel="Linux 6.8.0",
        cpu_model="AMD EPYC 7B13",
        cpu_count=4,
        cpu_governor="performance",
        load_average=0.25,
        memory_bytes=16 * 1024**3,
        generator_cpus=(3,),
        libraries={"locust": "2.32.4", "httptools": "0.6.4", "numpy": "2.2.1", "hdrhistogram": "0.10.3"},
        deployments=tuple(
            ServedDeployment(
                name=name,
                server=server,
                command=(server.split()[0], "--bind", "127.0.0.1:{port}", "app:app"),
                environment={} if framework == "Flask" else {"PYTHONASYNCIODEBUG": "0"},
                settings={"workers": "1", "keep_alive_s": "75", "backlog": "2048"}
                | ({"threads": "8"} if framework == "Flask" else {"loop": "asyncio"}),
                slots=8 if framework == "Flask" else None,
                cpus=(0,),
                versions={framework: "3.1.0" if framework == "Flask" else "0.20.0", "Werkzeug": "3.1.3"},
            )
            for name, server, framework in zip((BASELINE, *candidates), servers, frameworks, strict=True)
        ),
        differences=("flask-gunicorn parses HTTP in Python, the others in h11",),
    )
