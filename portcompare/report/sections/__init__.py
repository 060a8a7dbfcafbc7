"""The sections of the web page, each with its template beside its builder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portcompare.records.results import Results
from portcompare.report.sections import checks, conclusions, load, measured, method, pages, record, responses


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page with a heading of its own; without values and charts it is left out."""

    title: str
    build: Callable[[Results], dict[str, Any]] = lambda _: {}  # Makes the values that its template shows
    charts: str = ""  # The subject of its charts, one of `charts.SUBJECTS`


SECTIONS: dict[str, Section] = {
    "conclusions": Section(title="Conclusions", build=conclusions.build),
    "gates": Section(title="Gates", build=checks.build_gates),
    "claims": Section(title="What people say, tested", build=checks.build_claims),
    "deployments": Section(title="What each deployment did", build=measured.build_deployments),
    "ratios": Section(title="Candidates against the baseline", build=measured.build_ratios, charts="ratios"),
    "latency": Section(title="How response times are distributed", charts="latency"),
    "load": Section(title="What more load does", build=load.build_load, charts="load"),
    "break_even": Section(title="From where on a candidate wins", build=load.build_break_even),
    "pages": Section(title="What a visitor waits for", build=pages.build),
    "time": Section(title="Where the time goes", charts="time"),
    "cost": Section(title="What it costs", charts="cost"),
    "timeline": Section(title="The run, second by second", charts="timeline"),
    "responses": Section(title="Responses", build=responses.build),
    "method": Section(title="How it was measured", build=method.build_method),
    "validity": Section(title="Whether it can be trusted", build=method.build_validity),
    "rounds": Section(title="Rounds", build=record.build_rounds),
    "files": Section(title="Files", build=record.build_files),
}
"""Each section in the page's order, by the name of its template beside this file."""
