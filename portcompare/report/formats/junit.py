"""JUnit XML, as CI systems show it: the responses of a check, and a whole run."""

from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree as ET

from portcompare.records.parity import Difference, Parity
from portcompare.records.results import Results
from portcompare.report.sections.conclusions import gate_tables
from portcompare.report.sections.measured import comparison_rows, outcome
from portcompare.report.sections.responses import coverage_texts, parity_text, place_text, remark
from portcompare.report.wording import visible
from portcompare.units import count


def render_junit(parity: Parity, cases: Sequence[str]) -> str:
    """Render a check as JUnit XML: a suite for each deployment, a test for each case.

    A case fails at a deployment where a difference counts. What is allowed or harmless is in its output.
    """
    unclear = {each.case: each.reason for each in parity.coverage.not_compared}
    unclear |= {each.case: f"fault of the plan: {each.found}" for each in parity.faults}
    # The baseline has a suite of its own only where it fails to respond.
    names = dict.fromkeys((*parity.deployments, *(each.deployment for each in parity.differences)))
    cases = tuple(dict.fromkeys((*cases, *(each.case for each in parity.differences))))  # also of a log
    suites = []
    for name in names:
        found = [each for each in parity.differences if each.deployment == name]
        suite = _suite(visible(name), [_case(name, case, found, unclear.get(case)) for case in cases])
        properties = ET.Element("properties")
        facts = [("coverage", text) for text in coverage_texts(parity)]
        for key, fact in (*facts, *(("seed", seed) for seed in parity.seeds)):
            ET.SubElement(properties, "property", name=key, value=visible(fact))
        suite.insert(0, properties)
        suites.append(suite)
    return _document("portcompare check", suites)


def render(results: Results) -> str:
    """Render a run as JUnit XML.

    What makes `portcompare run` end with another code than 0 fails here: a run that is not valid, responses
    that differ, a gate that is not passed. A comparison passes, whichever its verdict; one that could not be
    decided is skipped, as is an inconclusive gate that the plan lets pass.
    """
    suites = [_suite("run", _about_run(results))]
    if results.gates:
        suites.append(_suite("gates", _gates(results)))
    tests: dict[str, list[ET.Element]] = {}
    for one, row in zip(results.comparisons, comparison_rows(results), strict=True):
        scenario, level, metric, candidate, ratio, interval, _, verdict, reason = row
        said = f"{outcome(ratio, verdict)} {interval}: {reason}"
        skipped = reason if one.ratio.verdict in {"inconclusive", "invalid"} else None
        test = _test(scenario, f"{level}, {metric}, {candidate}", said, skipped=skipped)
        tests.setdefault(scenario, []).append(test)
    suites += [_suite(*each) for each in tests.items()]
    return _document(f"portcompare run {visible(results.name)}", suites)


def _about_run(results: Results) -> Iterator[ET.Element]:
    name, said, failed = "the run is valid", visible(results.headline), None
    if results.partial:
        failed = ("partial", visible(results.stop_reason))
    elif not results.valid:
        failed = ("invalid", visible(f"{results.headline} {'; '.join(results.invalid_reasons)}"))
    yield _test("run", name, said, failed=failed)
    name, said = "the responses are alike", parity_text(results.parity)
    if results.parity is None or results.parity.verdict == "not compared":
        yield _test("run", name, said, skipped=said)
    else:
        yield _test("run", name, said, failed=None if results.parity.equal else ("parity", said))


def _gates(results: Results) -> Iterator[ET.Element]:
    (table,) = gate_tables(results)
    for gate, (name, limits, ratio, interval, result, reason) in zip(results.gates, table.rows, strict=True):
        said, why = f"{ratio} {interval}: {result}", f"{result}: {reason}"
        failed = None if gate.passed else (result, why)
        skipped = why if gate.passed and result != "kept" else None
        yield _test("gates", f"{name}: {limits}", said, failed=failed, skipped=skipped)


def _test(
    suite: str, name: str, said: str, *, failed: tuple[str, str] | None = None, skipped: str | None = None
) -> ET.Element:
    """A test with its output; `failed` is the type of the failure and its message."""
    test = ET.Element("testcase", classname=suite, name=name)
    if failed is not None:
        ET.SubElement(test, "failure", message=failed[1], type=failed[0])
    if skipped is not None:
        ET.SubElement(test, "skipped", message=skipped)
    ET.SubElement(test, "system-out").text = said
    return test


def _document(name: str, suites: Sequence[ET.Element]) -> str:
    root = ET.Element("testsuites", name=name)
    root.extend(suites)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(name: str, tests: Iterable[ET.Element]) -> ET.Element:
    suite = ET.Element("testsuite", name=name)
    suite.extend(tests)
    counts = {"tests": "testcase", "failures": "*/failure", "errors": "*/error", "skipped": "*/skipped"}
    for key, path in counts.items():
        suite.set(key, str(len(suite.findall(path))))
    return suite


def _case(deployment: str, case: str, found: Sequence[Difference], unclear: str | None) -> ET.Element:
    test = ET.Element("testcase", classname=visible(deployment), name=visible(case))
    counting = [each for each in found if each.case == case and each.counts]
    others = [each for each in found if each.case == case and not each.counts]
    if counting:
        gravest = counting[0].severity
        message = f"{count(len(counting), 'difference')} from the baseline, the gravest {gravest}"
        ET.SubElement(test, "failure", message=message, type=gravest).text = _text(counting)
    elif unclear is not None:
        ET.SubElement(test, "skipped", message=visible(f"not compared: {unclear}"))
    if others:
        ET.SubElement(test, "system-out").text = _text(others)
    return test


def _text(differences: Sequence[Difference]) -> str:
    paragraphs = (
        (
            f"{one.severity}: {place_text(one)}",
            f"baseline:  {one.baseline}",
            f"candidate: {one.candidate}",
            *filter(None, (remark(one), one.curl_baseline, one.curl_candidate)),
        )
        for one in differences
    )
    return "\n\n".join("\n".join(map(visible, lines)) for lines in paragraphs)
