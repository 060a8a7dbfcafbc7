"""Reports as processes with users send them, each second."""

from array import array
from collections.abc import Mapping, Sequence

from portcompare.loadgen.tallies import Tally
from portcompare.loadgen.webui.ledger import SecondReport, make_cells

Line = tuple[str, str]


def report(
    second: int,
    latencies_s: Mapping[Line, Sequence[float]],
    *,
    failures: Mapping[Line, int] | None = None,
    paces: Mapping[Line, tuple[int, int]] | None = None,
    test: int | None = 1,
    length_s: float = 1.0,
) -> SecondReport:
    tallies, lines = {}, {}
    for line, times_s in latencies_s.items():
        tally = Tally(latencies_s=array("d", times_s))
        tally.failures_s["status 500"].extend([0.1] * (failures or {}).get(line, 0))
        tallies[f"{line[1]} {line[0]}", "GET"] = tally
        lines[f"{line[1]} {line[0]}", "GET"] = line
    cells = make_cells(tallies, lines, paces=paces)
    return SecondReport(test=test, second=second, length_s=length_s, cells=cells)
