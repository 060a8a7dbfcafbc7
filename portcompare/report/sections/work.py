"""Work in words: what each deployment executes for a request, against the baseline, and whose code it is."""

from portcompare import units
from portcompare.records.metrics import METRICS
from portcompare.records.work import Work, WorkCount
from portcompare.report.wording import TextTable, interval, known, visible

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
