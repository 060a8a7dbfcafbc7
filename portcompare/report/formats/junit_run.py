"""A whole run as JUnit XML: is it valid, are the answers alike, its gates, and every comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from portcompare.report.rows import comparison_rows, outcome
from portcompare.report.sections.checks import gate_tables
from portcompare.report.sections.validity import parity_text
from portcompare.report.wording import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portcompare.records.checks import GateResult
    from portcompare.records.estimates import Comparison
    from portcompare.records.results import Results
    from portcompare.report.rows import ComparisonRow

_UNDECIDED = {"inconclusive", "invalid"}


def render(results: Results) -> str:
    """Render a run as JUnit XML.

    What makes `portcompare run` end with another code than 0 fails here: a run that is not valid, answers
    that differ, a gate that is not passed. A comparison passes, whichever its verdict; one that could not be
    told is skipped, as is an inconclusive gate that the plan lets pass.
    """
    root = ET.Element("testsuites", name=f"portcompare run {visible(results.name)}")
    root.append(_suite("run", [_validity(results), _parity(results)]))
    if results.gates:
        (table,) = gate_tables(results)
        gates = zip(results.gates, table.rows, strict=True)
        root.append(_suite("gates", [_gate(gate, row) for gate, row in gates]))
    scenarios = dict.fromkeys(one.scenario for one in results.comparisons)
    rows = list(zip(results.comparisons, comparison_rows(results), strict=True))
    for scenario in scenarios:
        tests = [_comparison(one, row) for one, row in rows if one.scenario == scenario]
        root.append(_suite(visible(scenario), tests))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(name: str, tests: Sequence[ET.Element]) -> ET.Element:
    counts = {
        "tests": len(tests),
        "failures": sum(test.find("failure") is not None for test in tests),
        "errors": 0,
        "skipped": sum(test.find("skipped") is not None for test in tests),
    }
    suite = ET.Element("testsuite", {"name": name} | {key: str(number) for key, number in counts.items()})
    suite.extend(tests)
    return suite


def _validity(results: Results) -> ET.Element:
    test = ET.Element("testcase", classname="run", name="the run is valid")
    if results.partial:
        ET.SubElement(test, "failure", message="the run broke off", type="partial")
    elif not results.valid:
        message = visible("; ".join(results.invalid_reasons))
        ET.SubElement(test, "failure", message=message, type="invalid")
    ET.SubElement(test, "system-out").text = visible(results.headline)
    return test


def _parity(results: Results) -> ET.Element:
    test = ET.Element("testcase", classname="run", name="the answers are alike")
    text = parity_text(results)
    if results.parity is None:
        ET.SubElement(test, "skipped", message=text)
    elif not results.parity.equal:
        ET.SubElement(test, "failure", message=text, type="parity")
    ET.SubElement(test, "system-out").text = text
    return test


def _gate(gate: GateResult, row: tuple[str, ...]) -> ET.Element:
    name, limits, ratio, interval, result, reason = row
    test = ET.Element("testcase", classname="gates", name=f"{name}: {limits}")
    if not gate.passed:
        ET.SubElement(test, "failure", message=f"{result}: {reason}", type=result)
    elif gate.check.outcome != "kept":
        ET.SubElement(test, "skipped", message=f"{result}: {reason}")
    ET.SubElement(test, "system-out").text = f"{ratio} {interval}: {result}"
    return test


def _comparison(one: Comparison, row: ComparisonRow) -> ET.Element:
    name = f"{row.level}, {row.metric}, {row.candidate}"
    test = ET.Element("testcase", classname=row.scenario, name=name)
    if one.ratio.verdict in _UNDECIDED:
        ET.SubElement(test, "skipped", message=row.reason)
    ET.SubElement(test, "system-out").text = f"{outcome(row.ratio, row.verdict)} {row.interval}: {row.reason}"
    return test
