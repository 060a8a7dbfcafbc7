from __future__ import annotations

from dataclasses import replace

from portcompare.analyse.validity import find_unknowns
from tests.measure.plans import make_manifest

MANIFEST = make_manifest()
BASELINE, CANDIDATE = MANIFEST.deployments
UNKNOWN = (
    "CPU time and memory of {} are not known: it was already running; "
    "so it was neither pinned to CPUs nor started afresh for each block"
)


def test_of_servers_that_were_started_all_is_known() -> None:
    command = replace(CANDIDATE, kind="command")
    assert find_unknowns(replace(MANIFEST, deployments=(BASELINE, command))) == ()


def test_what_is_not_known_of_a_candidate_that_was_already_running_is_told() -> None:
    running = replace(CANDIDATE, kind="url")
    assert find_unknowns(replace(MANIFEST, deployments=(BASELINE, running))) == (UNKNOWN.format("new"),)


def test_a_baseline_that_was_already_running_has_no_control_of_its_own() -> None:
    running = replace(BASELINE, kind="url")
    unknown, control = find_unknowns(replace(MANIFEST, deployments=(running, CANDIDATE)))
    assert unknown == UNKNOWN.format("old")
    assert control.startswith("the control is no second instance of old but the same server measured again")
