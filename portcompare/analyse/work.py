"""Work compared: instructions per request of candidates with the baseline's, and of a run with another's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from portcompare.analyse.comparisons import judge_ratio
from portcompare.records.estimates import Change, Comparison, Estimate
from portcompare.records.work import ANY_LEVEL, CounterName, Work, WorkCount
from portcompare.stats.intervals import unpaired_ratio

_Counts = Mapping[tuple[str, str], WorkCount]  # by scenario and deployment


def compare_work(work: Work, baseline: str, margin: float) -> Work:
    """Give each deployment but the baseline its ratio, wherever both were counted."""
    counts = _by_place(work)

    def ratio_of(one: WorkCount) -> Estimate | None:
        reference = counts.get((one.scenario, baseline))
        if reference is None or one.deployment == baseline:
            return None
        ratio, _ = unpaired_ratio(reference.slices, one.slices)
        return judge_ratio("instructions", ratio, margin)

    return replace(work, counts=tuple(replace(one, ratio=ratio_of(one)) for one in work.counts))


def work_comparisons(work: Work | None) -> Iterator[Comparison]:
    """The comparisons with the baseline, as those of rounds."""
    for one in work.counts if work is not None else ():
        if one.ratio is not None:
            yield Comparison(
                scenario=one.scenario,
                level=ANY_LEVEL,
                metric="instructions",
                candidate=one.deployment,
                ratio=one.ratio,
            )


def work_changes(
    old: Work | None, new: Work | None, margin: float, *, baseline: str | None = None
) -> Iterator[Change]:
    """Compare two runs wherever the same counter counted the same.

    `baseline`: compare the ratios to that deployment; None to compare the counts themselves.
    """
    then, now = (_slices(work, baseline) for work in (old, new))
    for place in (place for place in now if place in then):
        before, after = then[place], now[place]
        ratio, degrees = unpaired_ratio(before, after)
        scenario, deployment, _ = place
        yield Change(
            scenario=scenario,
            level=ANY_LEVEL,
            metric="instructions",
            deployment=deployment,
            old_blocks=len(before),
            new_blocks=len(after),
            degrees_of_freedom=degrees,
            ratio=judge_ratio("instructions", ratio, margin),
        )


def _slices(work: Work | None, baseline: str | None) -> dict[tuple[str, str, CounterName], Sequence[float]]:
    """The values of the slices by scenario, deployment and counter, divided by those of a baseline."""
    counts = _by_place(work)
    found: dict[tuple[str, str, CounterName], Sequence[float]] = {}
    for (scenario, deployment), one in counts.items():
        reference = counts.get((scenario, str(baseline)))
        if baseline is None:
            found[scenario, deployment, one.counter] = one.slices
        elif reference is not None and deployment != baseline:
            pairs = zip(one.slices, reference.slices, strict=False)  # one may have been cut short
            found[scenario, deployment, one.counter] = [value / other for value, other in pairs]
    return found


def _by_place(work: Work | None) -> _Counts:
    return {(one.scenario, one.deployment): one for one in (work.counts if work is not None else ())}
