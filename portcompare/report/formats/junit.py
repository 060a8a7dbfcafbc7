"""The answers of a check as JUnit XML: a suite a deployment, a test a case, as CI systems show them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from portcompare.report.files import write_atomically
from portcompare.report.sections.answers import place_text, remark
from portcompare.report.wording import visible
from portcompare.units import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from portcompare.records.parity import Difference, Parity

_NAME = "portcompare check"


def write_junit(parity: Parity, cases: Sequence[str], path: Path) -> None:
    """Write a check as JUnit XML.

    Raises OSError if the file cannot be written.
    """
    write_atomically(path, render_junit(parity, cases))


def render_junit(parity: Parity, cases: Sequence[str]) -> str:
    """Render a check as JUnit XML.

    A case fails at a deployment where a difference counts. What is allowed or harmless is told in its output.
    """
    found: defaultdict[tuple[str, str], list[Difference]] = defaultdict(list)
    for each in parity.differences:
        found[each.deployment, each.case].append(each)
    # The baseline has a suite of its own only where it fails to answer.
    names = dict.fromkeys((*parity.deployments, *(deployment for deployment, _ in found)))
    root = ET.Element("testsuites", name=_NAME)
    for name in names:
        root.append(_suite(parity, name, {case: found.get((name, case), []) for case in cases}))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(parity: Parity, deployment: str, cases: Mapping[str, Sequence[Difference]]) -> ET.Element:
    failing = sum(any(each.counts for each in differences) for differences in cases.values())
    suite = ET.Element(
        "testsuite",
        name=visible(deployment),
        tests=str(len(cases)),
        failures=str(failing),
        errors="0",
        skipped="0",
    )
    if parity.seeds:
        properties = ET.SubElement(suite, "properties")
        for seed in parity.seeds:
            ET.SubElement(properties, "property", name="seed", value=visible(seed))
    for case, differences in cases.items():
        test = ET.SubElement(suite, "testcase", classname=visible(deployment), name=visible(case))
        counting = [each for each in differences if each.counts]
        others = [each for each in differences if not each.counts]
        if counting:
            message = (
                f"{count(len(counting), 'difference')} from the baseline, the gravest {counting[0].severity}"
            )
            failure = ET.SubElement(test, "failure", message=message, type=counting[0].severity)
            failure.text = _text(counting)
        if others:
            ET.SubElement(test, "system-out").text = _text(others)
    return suite


def _text(differences: Sequence[Difference]) -> str:
    return "\n\n".join("\n".join(map(visible, _lines(each))) for each in differences)


def _lines(one: Difference) -> list[str]:
    lines = [
        f"{one.severity}: {place_text(one)}",
        f"baseline:  {one.baseline}",
        f"candidate: {one.candidate}",
    ]
    if remark(one):
        lines.append(remark(one))
    return [*lines, *(line for line in (one.curl_baseline, one.curl_candidate) if line)]
