"""What was measured, in words: the figures of each deployment, comparisons, every round, instructions."""

from collections.abc import Callable
from dataclasses import dataclass

from portcompare import units
from portcompare.records.estimates import Comparison
from portcompare.records.metrics import METRICS
from portcompare.records.results import Results, Summary
from portcompare.records.rounds import BASELINE, CONTROL, Round
from portcompare.records.work import Work, WorkCount
from portcompare.report.wording import (
    NO_RESULT,
    NOT_KNOWN,
    TONES,
    TextTable,
    Tone,
    interval,
    known,
    latencies,
    level_text,
    ratio_text,
    visible,
    why_usage_unknown,
)

ARM_HEADER = ("Pattern", "Server processing", "Response delay", "Network payload", "Verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRow:
    """The figures of one arm at one level, in words."""

    scenario: str
    level: str  # The level with its unit
    deployment: str
    role: str  # "baseline", "control", or empty for a candidate
    rounds: str  # How many rounds counted, and how many did not
    server: dict[str, str]  # CPU time, time in the handler and outside it, and highest memory, by their names
    unknown: str  # Why CPU time and memory are not known; empty if they are, or for another reason
    percentiles: dict[str, str]  # The response time's p50, p95 and p99, by their names
    rate: str  # Successful requests per second
    errors: str  # How many requests failed; empty if none did
    payload: str  # Size of a response
    ratio: str  # Throughput against the baseline; empty where nothing was compared, as for the baseline
    interval: str  # The ratio's 95% interval; empty where there is no ratio
    verdict: str  # The verdict on the throughput; "baseline" for the baseline
    tone: Tone | None  # How good that is; None where nothing is judged
    bound: str  # The share of the bound that was reached, and what the bound is

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The cells below `ARM_HEADER`, each as lines of text."""
        server, percentiles = (
            [f"{name} {text}" for name, text in named.items()] for named in (self.server, self.percentiles)
        )
        cells = (
            (self.scenario, self.level, self.deployment, self.role and f"({self.role})", self.rounds),
            (*server, self.unknown and f"({self.unknown})"),
            (*percentiles, f"rate {self.rate}", self.errors),
            (self.payload,),
            (outcome(self.ratio, self.verdict), self.interval, self.bound),
        )
        return tuple(tuple(filter(None, lines)) for lines in cells)


def arm_rows(results: Results) -> tuple[ArmRow, ...]:
    """One row for each arm and level, in the record's order."""
    return tuple(_arm_row(results, summary) for summary in results.summaries)


def rows_by_level(results: Results) -> dict[tuple[str, str], list[ArmRow]]:
    """The rows of the arms by scenario and level, whatever their order."""
    groups: dict[tuple[str, str], list[ArmRow]] = {}
    for row in arm_rows(results):
        groups.setdefault((row.scenario, row.level), []).append(row)
    return groups


def outcome(ratio: str, verdict: str) -> str:
    """A ratio with its verdict, both in words."""
    if ratio == NO_RESULT:
        return ratio
    return f"{ratio}, {verdict}" if ratio == NOT_KNOWN else f"{ratio} {verdict}".strip()


def _arm_row(results: Results, one: Summary) -> ArmRow:
    ratio, verdict = one.ratio, one.ratio.verdict if one.ratio else None
    discarded = f", {one.discarded_rounds:,} discarded" if one.discarded_rounds else ""
    percentiles = latencies(one.latency_s)
    return ArmRow(
        scenario=visible(one.scenario),
        level=level_text(results, one.scenario, one.level),
        deployment=visible(one.deployment),
        role=one.arm if one.arm in (BASELINE, CONTROL) else "",
        rounds=units.count(one.rounds, "round") + discarded,
        server={
            "CPU": known(one.cpu_s_per_request, units.duration),
            "handler": known(one.handler_s, units.duration),
            "outside": known(one.outside_handler_s, units.duration),
            "memory": known(one.rss_peak_bytes, units.size),
        },
        unknown=why_usage_unknown(results, one.deployment),
        percentiles={name: percentiles[name] for name in ("p50", "p95", "p99")},
        rate=known(one.rate_rps, units.rate),
        errors=", ".join(
            f"{units.count(number, what)}{how}"
            for number, what, how in (
                (one.errors, "error", ""),
                (one.censored, "request", " without a response"),
            )
            if number
        ),
        payload=known(one.received_bytes_per_request, units.size),
        ratio=ratio_text(ratio) if ratio else "",
        interval=(interval(ratio) or visible(ratio.reason)) if ratio and ratio.point is not None else "",
        verdict="baseline" if one.arm == BASELINE else verdict or NOT_KNOWN,
        tone=TONES[verdict] if verdict else None,
        bound=_bound(one),
    )


def _bound(one: Summary) -> str:
    if one.bound is None or one.bound_share is None:
        return f"bound {NOT_KNOWN}"
    rate = units.rate(one.bound.rate_rps)
    if one.bound.name == "offered":
        return f"{units.share(one.bound_share)} of the offered rate, {rate}"
    # The edges of a window let a valid rate come out a little above its bound.
    return f"{units.share(min(one.bound_share, 1.0))} of its bound, {rate}: {visible(one.bound.reason)}"


COMPARISON_COLUMNS: dict[str, Callable[[Results, Comparison], str]] = {
    "Scenario": lambda _, one: visible(one.scenario),
    "Level": lambda results, one: level_text(results, one.scenario, one.level),
    "Metric": lambda _, one: METRICS[one.metric].label,
    "Candidate": lambda _, one: visible(one.candidate),
    "Ratio": lambda _, one: ratio_text(one.ratio),
    "95% interval": lambda _, one: interval(one.ratio),
    "Blocks": lambda _, one: f"{one.ratio.blocks:,}",
    "Verdict": lambda _, one: METRICS[one.metric].word(one.ratio.verdict or "invalid"),
    "Reason": lambda _, one: visible(one.ratio.reason),
}


def comparison_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """One row for each comparison, in the record's order."""
    return tuple(
        tuple(show(results, one) for show in COMPARISON_COLUMNS.values()) for one in results.comparisons
    )


def how_measured(one: Round) -> str:
    """How many turns a round consists of, or why it was one window."""
    if not one.turns:
        return f"one window: {visible(one.why_window)}" if one.why_window else "one window"
    discarded = sum(turn.discarded is not None for turn in one.turns)
    return f"{len(one.turns):,}" + (f", {discarded:,} discarded" if discarded else "")


ROUND_COLUMNS: dict[str, Callable[[Results, Round], str]] = {
    "Block": lambda _, one: f"{one.block + 1:,}",
    "Order": lambda _, one: f"{one.order + 1:,}",
    "Scenario": lambda _, one: visible(one.scenario),
    "Level": lambda results, one: level_text(results, one.scenario, one.level),
    "Arm": lambda _, one: visible(one.arm),
    "Deployment": lambda _, one: visible(one.deployment),
    "Counts": lambda _, one: "yes" if one.discarded is None else f"discarded: {visible(one.discarded)}",
    "Measured": lambda _, one: units.duration(one.load.window_s),
    "Turns": lambda _, one: how_measured(one),
    "Warm-up": lambda _, one: units.duration(one.load.warmup_s),
    "Steady": lambda _, one: "yes" if one.load.steady else "no",
    "Requests": lambda _, one: f"{one.load.requests:,}",
    "Errors": lambda _, one: _errors(one),
    "No response": lambda _, one: f"{one.load.censored:,}",
    "Rate": lambda _, one: units.rate(one.load.rate_rps),
    "p50": lambda _, one: latencies(one.load.latency_s)["p50"],
    "p95": lambda _, one: latencies(one.load.latency_s)["p95"],
    "p99": lambda _, one: latencies(one.load.latency_s)["p99"],
    "p99.9": lambda _, one: latencies(one.load.latency_s)["p99.9"],
    "Max": lambda _, one: latencies(one.load.latency_s)["max"],
    "Longest wait": lambda _, one: known(one.load.wait_max_s, units.duration),
    "Handler": lambda _, one: known(one.load.handler_s, units.duration),
    "CPU per request": lambda results, one: known(
        one.cpu_s_per_request, units.duration, _unknown_usage(results, one)
    ),
    "Memory, peak": lambda results, one: known(one.rss_peak_bytes, units.size, _unknown_usage(results, one)),
    "Bytes per response": lambda _, one: known(one.load.received_bytes_per_request, units.size),
    "Reconnects": lambda _, one: f"{one.load.reconnects:,}",
    "Closed unannounced": lambda _, one: f"{one.load.closed_unannounced:,}",
    "Offered": lambda _, one: known(one.load.offered_rps, units.rate),
    "Not sent": lambda _, one: f"{one.load.dropped:,}",
    "Lag, p99": lambda _, one: known(one.load.lag_p99_s, units.duration),
    "Lag, max": lambda _, one: known(one.load.lag_max_s, units.duration),
    "Stall, max": lambda _, one: units.duration(one.load.stall_max_s),
    "Generator CPU": lambda _, one: units.share(one.load.generator_cpu_ratio),
    "Bound": lambda _, one: (
        f"{units.rate(one.bound.rate_rps)} ({one.bound.name})" if one.bound else NOT_KNOWN
    ),
}


def round_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """One row for each round, discarded ones too, in the record's order."""
    return tuple(tuple(show(results, one) for show in ROUND_COLUMNS.values()) for one in results.rounds)


def _errors(one: Round) -> str:
    kinds = ", ".join(f"{kind}: {times:,}" for kind, times in one.load.error_kinds.items())
    return f"{one.load.errors:,}" + (f" ({visible(kinds)})" if kinds else "")


def _unknown_usage(results: Results, one: Round) -> str:
    reason = why_usage_unknown(results, one.deployment)
    return f"{NOT_KNOWN}: {reason}" if reason else NOT_KNOWN


_COUNTERS = {
    "hardware": "by the processors' own counters, in user space",
    "callgrind": "under valgrind's callgrind",
}
_SAYS_NOT = (
    "It counts what is executed in user space, and not how long that takes: it says nothing of waiting,"
    " of the kernel's time in system calls, of caches, or of contention, as requests are sent one by one."
)
_UNFIXED = "The address layout differed from start to start, as it cannot be fixed here, so counts vary more."
_LEAST_SHARE = 0.001
_HEADER = ("Scenario", "Deployment", "Instructions", "Ratio", "95% interval", "Verdict")


def work_tables(work: Work | None) -> tuple[TextTable, ...]:
    """The tables of what was counted."""
    if work is None:
        return ()
    has_shares = any(one.shares for one in work.counts)
    counter = _COUNTERS[work.counts[0].counter] if work.counts else ""
    note = f"Counted {counter}, of the whole process tree. {_SAYS_NOT}"
    tables = (
        TextTable(
            title="Work: instructions per request",
            note=note if work.is_layout_fixed else f"{note} {_UNFIXED}",
            header=_HEADER,
            rows=tuple(map(_row, work.counts)),
        ),
        TextTable(
            title="Whose code it is",
            note="By shared object; the interpreter runs all Python code: app, framework and server.",
            header=("Scenario", "Deployment", "Shares of the instructions"),
            rows=tuple(map(_shares, work.counts)) if has_shares else (),
        ),
        TextTable(
            title="Not counted",
            note="Other deployments are compared without these.",
            header=("Deployment", "Reason"),
            rows=tuple((visible(name), visible(why)) for name, why in work.not_counted.items()),
        ),
    )
    return tuple(table for table in tables if table.rows)


def _row(one: WorkCount) -> tuple[str, ...]:
    half = (one.high - one.low) / 2 / one.instructions_per_request
    ratio, show = one.ratio, units.precise_ratio
    compared = ("", "", "baseline")
    if ratio is not None:
        verdict = METRICS["instructions"].word(ratio.verdict or "invalid")
        compared = (known(ratio.point, show), interval(ratio, show), verdict)
    counted = f"{units.instructions(one.instructions_per_request)} ± {units.share(half)}"
    return visible(one.scenario), visible(one.deployment), counted, *compared


def _shares(one: WorkCount) -> tuple[str, ...]:
    code = (f"{part} {units.share(value)}" for part, value in one.shares.items() if value >= _LEAST_SHARE)
    return visible(one.scenario), visible(one.deployment), ", ".join(code)
