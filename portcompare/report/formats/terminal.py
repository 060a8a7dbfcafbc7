"""The run as rich renderables; only the command line prints them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from textwrap import wrap

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from portcompare.records.diagnosis import Advice
from portcompare.records.parity import Parity, Severity
from portcompare.records.results import Results
from portcompare.report.sections import conclusions, load, responses, screen
from portcompare.report.sections.measured import ARM_HEADER, rows_by_level
from portcompare.report.wording import TextTable, Tone, advice_cells, shortened, visible
from portcompare.units import count

TONE_STYLES: dict[Tone | None, str] = {
    "better": "green",
    "worse": "red",
    "same": "cyan",
    "unsure": "yellow",
    None: "",
}
_GRAVE = "bold red"
_GATE_STYLES = {True: "green", False: _GRAVE}


WIDTH = 80
MOST_LINES = 40
_MOST_NOTICES = 5
_MOST_GATES = 6
_WITH_LINES_OF_THEIR_OWN = ("RESPONSES NOT COMPARED", "RESPONSES DIFFER", "GATES")
_LINE = "  {:<25} {:<7} {:<17} {:<13} {:<12}"


def render_screen(results: Results, path: str) -> list[Text]:
    """The answer, the lines of all levels and what to know first, in 40 lines of 80 columns.

    What does not fit is counted. `path`: of the report, which is never cut.
    """
    head = [Text(line, style="bold") for line in wrap(visible(results.headline), WIDTH)[:_MOST_NOTICES]]
    head += [Text(f"advice: {text}") for text, _ in advice_cells(results.advice)]
    notices = [
        notice_line(one)
        for one in conclusions.find_notices(results)
        if one.label not in _WITH_LINES_OF_THEIR_OWN
    ]
    tail = [Text(), Text(screen.parity_line(results.parity))]
    if results.parity is not None:
        own, *_ = responses.sort_groups(results.parity)
        cells = (responses.difference_cells(group, WIDTH) for group in own if group.first.counts)
        found = [
            Text(f"  {rank}: {case}, {place}: {old} -> {new}") for case, _, rank, place, old, new in cells
        ]
        tail += _first(found, _MOST_GATES, "difference")
    tail += _first(notices, _MOST_NOTICES, "notice")
    tail += _first(_gate_lines(results), _MOST_GATES, "gate")
    room = MOST_LINES - len(head) - len(tail) - 3
    body = [*_group_lines(screen.find_groups(results), room), *map(Text, screen.sweep_lines(results))]
    lines = [*head, Text(), *_first(body, room, "line"), *tail]
    for line in lines:
        line.truncate(WIDTH, overflow="ellipsis")
    return [*lines, Text(f"report: {path}")]


def _first(lines: Sequence[Text], most: int, noun: str) -> list[Text]:
    """The first lines, and how many there are beside them."""
    if len(lines) <= most:
        return [*lines]
    return [*lines[: most - 1], Text(f"and {count(len(lines) - most + 1, f'more {noun}')} in the report")]


def _gate_lines(results: Results) -> list[Text]:
    rows = [row for table in conclusions.gate_tables(results) for row in table.rows]
    return [
        Text(f"gate {outcome}: {ratio} {ends}, {limits}: {what}: {reason}", style=_GATE_STYLES[gate.passed])
        for gate, (what, limits, ratio, ends, outcome, reason) in zip(results.gates, rows, strict=True)
    ]


def _group_lines(groups: Sequence[screen.Group], room: int) -> Iterator[Text]:
    """The levels, as many as fit: of each scenario its highest first, for there the difference shows most."""
    if not groups:
        return
    yield Text(_LINE.format("", "ratio", "95% range", "verdict", "of its limit").rstrip(), style="dim")
    ranks = Counter(group.scenario for group in groups)
    order = []
    for group in groups:
        ranks[group.scenario] -= 1
        order.append(ranks[group.scenario])
    chosen, left = set[int](), room - 2
    for place in sorted(range(len(groups)), key=order.__getitem__):
        left -= 1 + len(groups[place].lines)
        if left >= 0 or not chosen:
            chosen.add(place)
    for place in sorted(chosen):
        group = groups[place]
        first = group.baseline
        limit = f" ({first.limit})" * bool(first.limit)
        rank = f", rank {first.rank}" * bool(first.rank)
        yield Text.assemble(
            (group.title, "bold"), f": {first.name}, the baseline: {first.ratio}{limit}{rank}"
        )
        for one in group.lines:
            mark = f"{one.rank:<4}" if first.rank else ""
            name = mark + shortened(one.name, _LONGEST_NAME - len(mark))
            shown = _LINE.format(name, one.ratio, one.interval, one.verdict, one.limit).rstrip()
            if one.why:
                shown = f"  {name:<25} {one.verdict}: {one.why}"
            line = Text(shown)
            line.highlight_words([one.verdict], TONE_STYLES[one.tone])
            yield line
    if others := len(groups) - len(chosen):
        yield Text(f"and {count(others, 'more level')} in the report")


_LONGEST_NAME = 25


def render_table(results: Results) -> Table | Text:
    """The table of arms: pattern, server processing, response delay, network payload, verdict."""
    title = Text(visible(results.name), style="bold")
    if results.partial:
        title.append(" PARTIAL", style=_GRAVE)
    if not results.valid:
        title.append(" NOT VALID", style=_GRAVE)
    if not results.summaries:
        return title
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=(0, 1, 1, 0), title=title)
    pattern, *middle, payload, verdict = ARM_HEADER
    table.add_column(pattern, ratio=1, overflow="fold")
    for name in (*middle, payload.replace(" ", "\n")):
        table.add_column(name, no_wrap=True)
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
    lines += advice_texts(results.advice)
    for one in results.conclusions:
        lines.append(Text.assemble((f"{visible(one.scenario)}: ", "bold"), visible(one.text)))
    lines.append(Text(f"{responses.parity_text(results.parity)}."))
    verdicts = conclusions.claim_tables(results)[:1]  # the checks behind them fill a page
    tables = (*load.break_even_tables(results), *load.capacity_tables(results), *verdicts)
    return Group(*map(text_table, tables), *lines, *_gate_lines(results))


def advice_texts(advice: Iterable[Advice]) -> list[Text]:
    """What to do, and why."""
    return [
        Text.assemble(("advice: ", "bold green"), (text, "bold"), f" ({why})")
        for text, why in advice_cells(advice)
    ]


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


_LONGEST = 200
_LONGEST_LINE = 70
_MOST_ROWS = 40
"""A terminal with more is not read."""

_MOST_COMMANDS = 3
_TEXT_WIDTH = 160  # Of a text file
_MOST_TEXTS = 20
_STYLES: dict[Severity, str] = {"breaks": "bold red", "changes": "yellow", "harmless": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How much of a check is shown, and where the rest is."""

    most_rows: int | None = _MOST_ROWS  # None for all rows, texts and commands, the known differences too
    more: str = "the report in its folder has all"
    commands: str = "the report in its folder has all"


def render_parity(parity: Parity, shown: Shown | None = None) -> Group:
    """Whether all deployments respond alike, and the differences."""
    return Group(*_parts(parity, shown or Shown()))


def print_parity(parity: Parity) -> str:
    """A check as plain text, with all differences and commands."""
    console = Console(file=StringIO(), width=_TEXT_WIDTH)
    with console.capture() as captured:
        console.print(render_parity(parity, Shown(most_rows=None)), crop=False)
    return captured.get()


def _parts(parity: Parity, shown: Shown) -> Iterator[RenderableType]:
    for found, traceback, remedy in map(responses.fault_texts, parity.faults):
        yield Text(f"FAULT OF THE PLAN: {found}", style=_GRAVE)
        yield Text("\n".join(f"    {line}" for line in (*traceback.splitlines(), remedy)))
    styles = {"alike": "green", "different": _GRAVE, "not compared": "yellow"}
    yield Text(f"{responses.parity_text(parity)}.", style=styles[parity.verdict])
    own, known, allowed = responses.sort_groups(parity)
    if own:
        yield Text(f"\n{responses.RANKS}\n")
        yield from _rows(own, shown)
        yield from _commands(responses.curl_pairs(own), shown)
    if known:
        yield Text(f"\n{responses.known_text(known)}" + (f": {shown.more}" if shown.most_rows else ""))
        for text, routes, case, name, source in (responses.known_cells(parity, each) for each in known):
            if shown.most_rows is None:
                yield Text(f"  {name}, on {routes}, such as {case}: {text} ({source})")
        yield Text("If that is no trouble to the clients, allow it in the plan:\n")
        yield Text(responses.allowance_text(known), no_wrap=True, overflow="ignore")
    if allowed:
        yield Text("\nAllowed by the plan:")
        yield from _rows(allowed, shown)
    texts = responses.coverage_texts(parity)
    most_texts = _MOST_TEXTS if shown.most_rows else len(texts)
    yield Text()
    yield from (Text(text) for text in texts[:most_texts])
    yield from _more(len(texts) - most_texts, shown)
    if parity.seeds:
        yield Text(f"\nSeeds of the generated cases: {visible(', '.join(parity.seeds))}")
    yield from (Text(f"\nWARNING: {visible(warning)}", style="yellow") for warning in parity.warnings)


def _commands(pairs: Sequence[tuple[str, str, str]], shown: Shown) -> Iterator[Text]:
    most = _MOST_COMMANDS if shown.most_rows else len(pairs)
    if pairs:
        yield Text("\nTo see it while `portcompare up` serves them:")
    for title, *commands in pairs[:most]:
        yield Text(title, style="bold")
        # Not wrapped: a line that is copied must stay one.
        yield from (Text(f"  {line}", no_wrap=True, overflow="ignore") for line in commands)
    if len(pairs) > most:
        more = f"  and {len(pairs) - most} more pairs: {shown.commands}"
        yield Text(more, no_wrap=True, overflow="ignore")


def _rows(groups: Sequence[responses.Alike], shown: Shown) -> Iterator[Text]:
    """Differences, each in a few lines: a table would be too narrow for what they hold."""
    rows = groups[: shown.most_rows]
    for group in rows:
        case, deployments, rank, _, baseline, candidate = responses.difference_cells(group, _LONGEST)
        values = f": {baseline} -> {candidate}"
        if len(values) > _LONGEST_LINE:
            values = f"\n    baseline:  {baseline}\n    candidate: {candidate}"
        yield Text(f"{rank}: {case} at {deployments}", style=_STYLES[group.first.severity])
        yield Text(f"    {visible(responses.place_text(group.first))}{values}")
        if remark := responses.remark(group.first):
            yield Text(f"    {visible(remark)}")
    yield from _more(len(groups) - len(rows), shown)


def _more(number: int, shown: Shown) -> Iterator[Text]:
    if number > 0:
        yield Text(f"  and {number} more: {shown.more}")
