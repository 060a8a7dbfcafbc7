"""Records in tests: changed as flat fields, whichever nested record holds them, and taken apart."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar, cast

from portcompare.records.estimates import Estimate
from portcompare.records.rounds import LoadReport, Round, Usage

Record = TypeVar("Record")


class Known(NamedTuple):
    """An estimate that has an interval."""

    point: float
    low: float
    high: float


def known(estimate: Estimate) -> Known:
    """What is known of an estimate, which has an interval."""
    assert estimate.point is not None
    assert estimate.interval is not None
    return Known(estimate.point, *estimate.interval)


def altered(record: Record, **changes: Any) -> Record:  # noqa: ANN401 - whatever the fields hold
    """A record with other values, each in the nested record that has such a field.

    Of a round, `cpu_s_per_request` and `rss_peak_bytes` change what the server used, and `errors` is the
    number of failures of one kind; its CPU time per request stays what it was unless it is changed itself.
    """
    usage = {name: changes.pop(name) for name in ("cpu_s_per_request", "rss_peak_bytes") if name in changes}
    if "errors" in changes:
        errors = changes.pop("errors")
        changes.setdefault("error_kinds", {"failed": errors} if errors else {})
    names = [field.name for field in fields(record)]  # type: ignore[arg-type]
    mine = {name: changes.pop(name) for name in names if name in changes}
    for name in names:
        inner = getattr(record, name)
        if name not in mine and is_dataclass(inner) and not isinstance(inner, type):
            fitting = [field.name for field in fields(inner) if field.name in changes]
            if fitting:
                mine[name] = replace(inner, **{field: changes.pop(field) for field in fitting})
    assert not changes, changes
    changed: Any = replace(record, **mine)  # type: ignore[type-var]
    if isinstance(record, Round) and "usage" not in mine:
        cpu_s = usage.get("cpu_s_per_request", record.cpu_s_per_request)
        rss_bytes = usage.get("rss_peak_bytes", record.rss_peak_bytes) or 0
        changed = replace(changed, usage=_usage(changed.load, cpu_s, rss_bytes))
    return cast("Record", changed)


def _usage(load: LoadReport, cpu_s: float | None, rss_bytes: int) -> Usage | None:
    return None if cpu_s is None else Usage(cpu_s=cpu_s * load.window_s * load.rate_rps, rss_bytes=rss_bytes)
