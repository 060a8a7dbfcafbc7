"""JUnit XML, as CI systems show it: the responses of a check, and a whole run."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from portcompare.records.estimates import Comparison
from portcompare.records.parity import Difference, Parity
from portcompare.records.results import GateResult, Results
from portcompare.report.formats.results_file import write_atomically
from portcompare.report.sections.checks import gate_tables
from portcompare.report.sections.measured import ComparisonRow, comparison_rows, outcome
from portcompare.report.sections.responses import parity_text, place_text, remark
from portcompare.report.wording import visible
from portcompare.units import count


def write_junit(parity: Parity, cases: Sequence[str], path: Path) -> None:
    """Write a check as JUnit XML."""
    write_atomically(path, render_junit(parity, cases))


def render_junit(parity: Parity, cases: Sequence[str]) -> str:
    """Render a check as JUnit XML: a suite for each deployment, a test for each case.

    A case fails at a deployment where a difference counts. What is allowed or harmless is in its output.
    """
    found: defaultdict[tuple[str, str], list[Difference]] = defaultdict(list)
    for each in parity.differences:
        found[each.deployment, each.case].append(each)
    # The baseline has a suite of its own only where it fails to respond.
    names = dict.fromkeys((*parity.deployments, *(deployment for deployment, _ in found)))
    suites = []
    for name in names:
        suite = _suite(visible(name), [_case(name, case, found.get((name, case), [])) for case in cases])
        if parity.seeds:
            properties = ET.Element("properties")
            for seed in parity.seeds:
                ET.SubElement(properties, "property", name="seed", value=visible(seed))
            suite.insert(0, properties)
        suites.append(suite)
    return _document("portcompare check", suites)


def render(results: Results) -> str:
    """Render a run as JUnit XML.

    What makes `portcompare run` end with another code than 0 fails here: a run that is not valid, responses
    that differ, a gate that is not passed. A comparison passes, whichever its verdict; one that could not be
    decided is skipped, as is an inconclusive gate that the plan lets pass.
    """
    suites = [_suite("run", [_validity(results), _parity(results)])]
    for table in gate_tables(results):
        gates = zip(results.gates, table.rows, strict=True)
        suites.append(_suite("gates", [_gate(gate, row) for gate, row in gates]))
    rows = list(zip(results.comparisons, comparison_rows(results), strict=True))
    for scenario in dict.fromkeys(one.scenario for one in results.comparisons):
        tests = [_comparison(one, row) for one, row in rows if one.scenario == scenario]
        suites.append(_suite(visible(scenario), tests))
    return _document(f"portcompare run {visible(results.name)}", suites)


def _document(name: str, suites: Sequence[ET.Element]) -> str:
    root = ET.Element("testsuites", name=name)
    root.extend(suites)
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


def _case(deployment: str, case: str, differences: Sequence[Difference]) -> ET.Element:
    test = ET.Element("testcase", classname=visible(deployment), name=visible(case))
    counting = [each for each in differences if each.counts]
    others = [each for each in differences if not each.counts]
    if counting:
        gravest = counting[0].severity
        message = f"{count(len(counting), 'difference')} from the baseline, the gravest {gravest}"
        failure = ET.SubElement(test, "failure", message=message, type=gravest)
        failure.text = _text(counting)
    if others:
        ET.SubElement(test, "system-out").text = _text(others)
    return test


def _text(differences: Sequence[Difference]) -> str:
    return "\n\n".join(
        "\n".join(
            map(
                visible,
                [
                    f"{one.severity}: {place_text(one)}",
                    f"baseline:  {one.baseline}",
                    f"candidate: {one.candidate}",
                    *filter(None, (remark(one), one.curl_baseline, one.curl_candidate)),
                ],
            )
        )
        for one in differences
    )


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
    test = ET.Element("testcase", classname="run", name="the responses are alike")
    text = parity_text(results.parity)
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
    if one.ratio.verdict in {"inconclusive", "invalid"}:
        ET.SubElement(test, "skipped", message=row.reason)
    ET.SubElement(test, "system-out").text = f"{outcome(row.ratio, row.verdict)} {row.interval}: {row.reason}"
    return test
