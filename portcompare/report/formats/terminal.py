"""The run as rich renderables; only the command line prints them."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from portcompare.records.parity import Parity, Severity
from portcompare.records.results import Results
from portcompare.report.sections import conclusions, load, responses
from portcompare.report.sections.measured import ARM_HEADER, rows_by_level
from portcompare.report.wording import TextTable, Tone, visible

TONE_STYLES: dict[Tone | None, str] = {
    "better": "green",
    "worse": "red",
    "same": "cyan",
    "unsure": "yellow",
    None: "",
}
_GRAVE = "bold red"


def render_table(results: Results) -> Table | Text:
    """The table of arms: pattern, server processing, response delay, network payload, verdict."""
    title = Text(visible(results.name), style="bold")
    if results.partial:
        title.append(" PARTIAL", style=_GRAVE)
    if not results.valid:
        title.append(" NOT VALID", style=_GRAVE)
    if not results.summaries:
        return title
    table = _spacious_table(title)
    pattern, server, delay, payload, verdict = ARM_HEADER
    table.add_column(pattern, ratio=1, overflow="fold")
    table.add_column(server, no_wrap=True)
    table.add_column(delay, no_wrap=True)
    table.add_column(payload.replace(" ", "\n"), no_wrap=True)
    table.add_column(verdict, ratio=1, overflow="fold")
    for rows in rows_by_level(results).values():
        for row in rows:
            # Texts and not markup, for a name may hold brackets.
            cells = [Text("\n").join(map(Text, lines)) for lines in row.cells]
            cells[0].highlight_words([row.deployment], "bold")
            cells[-1].highlight_words([row.verdict], TONE_STYLES[row.tone])
            table.add_row(*cells)
        table.add_section()
    return table


def render_conclusions(results: Results) -> Group:
    """Sweeps, claims, headline, notices, conclusions, parity and gates."""
    lines = [Text(visible(results.headline), style="bold")]
    lines += map(notice_line, conclusions.find_notices(results))
    for one in results.conclusions:
        lines.append(Text.assemble((f"{visible(one.scenario)}: ", "bold"), visible(one.text)))
    lines.append(Text(f"{responses.parity_text(results.parity)}."))
    verdicts = conclusions.claim_tables(results)[:1]  # the checks behind them fill a page
    tables = (*load.break_even_tables(results), *load.capacity_tables(results), *verdicts)
    return Group(*map(text_table, tables), *lines, *_gate_tables(results))


def notice_line(notice: conclusions.Notice) -> Text:
    """What must be known before any figure."""
    return Text.assemble((notice.label, _GRAVE if notice.grave else "bold yellow"), f": {notice.text}")


def text_table(found: TextTable) -> Table:
    """A table of words."""
    table = Table(box=box.SIMPLE_HEAD, title=Text(found.title), caption=Text(found.note), expand=True)
    for name in found.header:
        table.add_column(Text(name), overflow="fold")
    for row in found.rows:
        table.add_row(*map(Text, row))
    return table


def _gate_tables(results: Results) -> Iterator[Table]:
    """For a terminal of 80 columns or more: the reason stands below the gate."""
    for found in conclusions.gate_tables(results):
        table = _spacious_table(Text(found.title, "bold"))
        table.add_column(found.header[0], ratio=1, overflow="fold")
        for name in found.header[1:-1]:
            table.add_column(name, no_wrap=True)
        for gate, (what, *cells, reason) in zip(results.gates, found.rows, strict=True):
            style = "green" if gate.passed else "bold red"
            *middle, outcome = map(Text, cells)
            outcome.stylize(style)
            table.add_row(Text.assemble(what, "\n", (reason, "dim")), *middle, outcome)
        yield table


def _spacious_table(title: Text) -> Table:
    """A table with an empty line below each row."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=(0, 1, 1, 0), title=title)


_LONGEST = 200
_MOST_ROWS = 40
"""A terminal with more is not read; JSON has all."""

_MOST_TEXTS = 20
_STYLES: dict[Severity, str] = {"breaks": "bold red", "changes": "yellow", "harmless": "dim"}


def render_parity(parity: Parity) -> Group:
    """Whether all deployments respond alike, and every difference."""
    return Group(*_parts(parity))


def _parts(parity: Parity) -> Iterator[RenderableType]:
    for found, traceback, remedy in map(responses.fault_texts, parity.faults):
        yield Text(f"FAULT OF THE PLAN: {found}", style=_GRAVE)
        yield Text("\n".join(f"    {line}" for line in (*traceback.splitlines(), remedy)))
    styles = {"alike": "green", "different": _GRAVE, "not compared": "yellow"}
    yield Text(f"{responses.parity_text(parity)}.", style=styles[parity.verdict])
    shown, allowed = responses.group_differences(parity.differences)
    if shown:
        yield Text(f"\n{responses.RANKS}\n")
        yield from _table(shown)
        yield Text("\nTo see it while `portcompare up` serves them (it prints the ports):")
        for title, *commands in responses.curl_pairs(group.first for group in shown[:_MOST_ROWS]):
            yield Text(title, style="bold")
            # Not wrapped: a line that is copied must stay one.
            yield from (Text(f"  {line}", no_wrap=True, overflow="ignore") for line in commands)
    if allowed:
        yield Text("\nAllowed by the plan:")
        yield from _table(allowed)
    texts = responses.coverage_texts(parity)
    yield Text()
    yield from (Text(text) for text in texts[:_MOST_TEXTS])
    yield from _more(len(texts), _MOST_TEXTS)
    if parity.seeds:
        yield Text(f"\nSeeds of the generated cases: {visible(', '.join(parity.seeds))}")
    yield from (Text(f"\nWARNING: {visible(warning)}", style="yellow") for warning in parity.warnings)


def _table(groups: Sequence[responses.Alike]) -> Iterator[RenderableType]:
    table = Table(*(name.lower() for name in responses.DIFFERENCE_HEADER), box=None, show_lines=True)
    for group in groups[:_MOST_ROWS]:
        cells = (Text(cell) for cell in responses.difference_cells(group, _LONGEST))
        table.add_row(*cells, style=_STYLES[group.first.severity])
    yield table
    yield from _more(len(groups), _MOST_ROWS)


def _more(number: int, most: int) -> Iterator[Text]:
    if number > most:
        yield Text(f"  and {number - most} more: `--json`, or the run's results.json, has all")
