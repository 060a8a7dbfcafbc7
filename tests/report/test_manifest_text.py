from dataclasses import replace

from portcompare.records.results import Results
from portcompare.report.formats.results_file import render_manifest as render


def test_facts_are_sorted_lines_with_a_key_and_a_value_each(results: Results) -> None:
    manifest = results.manifest
    first = replace(manifest.deployments[0], environment={"GREETING": "a\nb \u00e9"})
    shown = replace(results, manifest=replace(manifest, deployments=(first, *manifest.deployments[1:])))
    lines = render(shown).splitlines()
    assert lines == sorted(lines)
    assert {
        f"cpu_count: {manifest.cpu_count}",
        f"deployments.{first.name}.environment.GREETING: a\\nb \u00e9",
        f"deployments.{first.name}.command: {' '.join(first.command)}",
        *(f"deployments.{one.name}.slots: {one.slots}" for one in manifest.deployments),
    } <= set(lines)
    assert not [line for line in lines if line.startswith(("differences", "load_average"))]


def test_what_changed_between_two_runs_is_what_differs(results: Results) -> None:
    before = results.manifest
    first = replace(before.deployments[0], settings=before.deployments[0].settings | {"threads": "99"})
    after = replace(before, kernel="Linux 99", deployments=(first, *before.deployments[1:]))
    old, new = (set(render(replace(results, manifest=one)).splitlines()) for one in (before, after))
    assert new - old == {"kernel: Linux 99", f"deployments.{first.name}.settings.threads: 99"}
