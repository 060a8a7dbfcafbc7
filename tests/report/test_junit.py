from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from portcompare.records.parity import Difference, Parity
from portcompare.report.formats.junit import render_junit, write_junit

STATUS = Difference(
    case="GET /a",
    deployment="new",
    kind="status",
    pointer="",
    severity="breaks",
    baseline="200",
    candidate="500 \x1b[31m<red>",
    curl_baseline="curl http://127.0.0.1:1/a",
    curl_candidate="curl http://127.0.0.1:2/a",
)
HEADER = replace(STATUS, kind="header", pointer="ETag", severity="changes", from_order=True)
PARITY = Parity(
    equal=False, cases=2, deployments=("control", "new"), differences=(STATUS, HEADER), seeds=("7",)
)
CASES = ("GET /a", "GET /b")


def suites(parity: Parity) -> dict[str, ET.Element]:
    root = ET.fromstring(render_junit(parity, CASES))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    return {suite.attrib["name"]: suite for suite in root}


def test_each_deployment_is_a_suite_with_its_counts_and_seeds_and_each_case_a_test() -> None:
    found = suites(PARITY)
    counts = {
        name: [suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")]
        for name, suite in found.items()
    }
    assert counts == {"control": ["2", "0", "0", "0"], "new": ["2", "1", "0", "0"]}
    assert [each.attrib for each in found["new"].iter("property")] == [{"name": "seed", "value": "7"}]
    for name, suite in found.items():
        tests = [(test.attrib["classname"], test.attrib["name"]) for test in suite.iter("testcase")]
        assert tests == [(name, "GET /a"), (name, "GET /b")]


def test_a_failure_tells_all_that_differs_with_command_lines() -> None:
    [failure] = suites(PARITY)["new"].iter("failure")

    assert failure.attrib == {
        "message": "2 differences from the baseline, the gravest breaks",
        "type": "breaks",
    }
    text = failure.text or ""
    assert text.splitlines() == [
        "breaks: status",
        "baseline:  200",
        r"candidate: 500 \x1b[31m<red>",
        "curl http://127.0.0.1:1/a",
        "curl http://127.0.0.1:2/a",
        "",
        "changes: header ETag",
        "baseline:  200",
        r"candidate: 500 \x1b[31m<red>",
        "comes from earlier requests: sent alone to fresh servers, the case does not show it",
        "curl http://127.0.0.1:1/a",
        "curl http://127.0.0.1:2/a",
    ]


def test_what_is_allowed_does_not_fail_and_is_told() -> None:
    parity = replace(PARITY, differences=(replace(STATUS, allowed="meant to be"),))
    suite = suites(parity)["new"]

    assert list(suite.iter("failure")) == []
    [output] = suite.iter("system-out")
    assert "allowed: meant to be" in (output.text or "")


def test_a_baseline_that_does_not_answer_has_a_suite_of_its_own() -> None:
    found = suites(replace(PARITY, differences=(replace(STATUS, deployment="baseline"),)))

    assert found["baseline"].attrib["failures"] == "1"


def test_it_is_written_as_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "junit.xml"
    write_junit(replace(PARITY, deployments=("é",), differences=()), CASES, path)

    assert ET.parse(path).getroot()[0].attrib["name"] == "é"  # noqa: S314 - our own
