"""The report as Markdown, fit for a comment on a pull request."""

import re
from collections.abc import Iterable, Iterator, Sequence

from portcompare import units
from portcompare.records.parity import Parity
from portcompare.records.results import Results
from portcompare.report.charts import CHART_FOLDER, main_charts
from portcompare.report.sections import conclusions, load, measured, method, pages, responses, screen
from portcompare.report.sections.work import work_tables
from portcompare.report.wording import TextTable, clipped, timestamp, visible

_MARKUP = re.compile(r"([\\`*_\[~|$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LONGEST_TEXT = 120
# A comment on GitHub holds 65,536 characters; the rest is in results.json.
_MOST_DIFFERENCES = 20
_MOST_MASKED = 50
_MOST_ARMS = 40
_MOST_COMPARISONS = 60
_MOST_COMMANDS = 10
_LONGEST_COMMANDS = 1000


def render(results: Results) -> str:
    """Render a run as GitHub-flavoured Markdown."""
    return "\n\n".join(_blocks(results)) + "\n"


def escape(text: str) -> str:
    """A text that Markdown shows as it is, in one line, also in a table's cell."""
    text = _MARKUP.sub(r"\\\1", visible(text))
    return "".join(_ENTITIES.get(char, char) for char in text)


def text_table(table: TextTable) -> Iterator[str]:
    """A table of words, and how to read it."""
    yield _table(table.header, _one_line(table.rows))
    yield escape(table.note)


def text_tables(tables: Iterable[TextTable]) -> Iterator[str]:
    """Tables of words, each under its title."""
    for table in tables:
        yield f"## {escape(table.title)}"
        yield from text_table(table)


def _blocks(results: Results) -> Iterator[str]:
    yield f"# portcompare: {escape(results.name)}"
    yield f"**{escape(results.headline)}**"
    notices = conclusions.find_notices(results)
    yield from (f"> **{one.label}**: {escape(one.text)}" for one in notices if one.grave)
    if lines := screen.table_rows(screen.find_groups(results)):
        yield from _cut_table(screen.HEADER, _one_line(lines), _MOST_ARMS)
    yield from (f"> **{one.label}**: {escape(one.text)}" for one in notices if not one.grave)
    found = [f"- **{escape(c.scenario)}**: {escape(c.text)}" for c in results.conclusions]
    yield from _folded("In sentences", ["\n".join(found)]) if found else ["There are no conclusions."]
    validity = "This run is valid" if results.valid else "**This run is NOT VALID**"
    yield (
        f"{validity}: {units.count(len(results.rounds), 'round')} in {units.duration(results.duration_s)},"
        f" {escape(timestamp(results.started_at))}. {escape(screen.parity_line(results.parity))}."
    )
    yield from text_tables((*load.break_even_tables(results), *load.capacity_tables(results)))
    yield from text_tables(conclusions.gate_tables(results))
    if results.summaries:
        arms = [row.cells for row in measured.arm_rows(results)]
        yield from _folded("What each deployment did", _cut_table(measured.ARM_HEADER, arms, _MOST_ARMS))
    if results.comparisons:
        rows = [[clipped(cell, _LONGEST_TEXT) for cell in row] for row in measured.comparison_rows(results)]
        compared = _cut_table(measured.COMPARISON_HEADER, _one_line(rows), _MOST_COMPARISONS)
        yield from _folded("All comparisons with the baseline", compared)
    yield from text_tables(
        (*work_tables(results.work), *conclusions.claim_tables(results), *pages.page_tables(results))
    )
    yield from _folded("Charts", _charts(results))
    if results.parity is not None:
        yield from _responses(results.parity)
    yield from _folded("How it was measured", _method(results))


def _folded(summary: str, blocks: Iterable[str]) -> Iterator[str]:
    """Blocks that a reader unfolds; nothing where there are none."""
    inside = list(blocks)
    if inside:
        yield f"<details>\n<summary>{summary}</summary>"
        yield from inside
        yield "</details>"


def _cut_table(header: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], most: int) -> Iterator[str]:
    """The first rows of a table, and how many there are."""
    yield _table(header, rows[:most])
    yield from _more(len(rows), most)


def _more(number: int, most: int) -> Iterator[str]:
    if number > most:
        yield f"These are the first {most} of {number:,}; results.json has all."


def _charts(results: Results) -> Iterator[str]:
    """The main charts, as files beside this one: where only the text is shown, their titles are links."""
    for name, what in main_charts(results).items():
        title = escape(what)
        yield f"[{title}]({CHART_FOLDER}/{name}.svg)\n\n![{title}]({CHART_FOLDER}/{name}.png)"


def _responses(parity: Parity) -> Iterator[str]:
    own, known, allowed = responses.sort_groups(parity)
    if own:
        yield "## Differences from the baseline's responses"
        yield escape(responses.RANKS)
        yield from _differences(own)
        yield _commands(own)
    if known:
        rows = [[(cell,) for cell in responses.known_cells(parity, each)] for each in known]
        block = f"```toml\n{responses.allowance_text(known)}\n```"
        table = _table(responses.KNOWN_HEADER, rows)
        yield from _folded(responses.known_text(known), [table, "To allow them in the plan:", block])
    if allowed:
        yield "Differences that the plan allows:"
        yield from _differences(allowed)
    if parity.seeds:
        yield f"Seeds of the generated cases: {escape(', '.join(parity.seeds))}"
    texts = responses.coverage_texts(parity)
    yield _list(texts[:_MOST_MASKED])
    yield from _more(len(texts), _MOST_MASKED)


def _differences(groups: Sequence[responses.Alike]) -> Iterator[str]:
    rows = (responses.difference_cells(group, _LONGEST_TEXT) for group in groups)
    return _cut_table(responses.DIFFERENCE_HEADER, _one_line(rows), _MOST_DIFFERENCES)


def _commands(groups: Sequence[responses.Alike]) -> str:
    """Command lines that show differences, folded; those that would fill the comment are left out."""
    pairs = responses.curl_pairs(groups)
    pairs = [pair for pair in pairs if sum(map(len, pair)) <= _LONGEST_COMMANDS]
    lines = [line for title, *pair in pairs[:_MOST_COMMANDS] for line in (f"# {title}", *pair)]
    longest = max((len(ticks) for line in lines for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(longest + 1, 3)
    code = "\n".join([f"{fence}sh", *lines, fence])
    return f"<details>\n<summary>Command lines that show them</summary>\n\n{code}\n\n</details>"


def _method(results: Results) -> Iterator[str]:
    facts = method.method_facts(results) + method.machine_facts(results)
    facts += (("All comparisons", results.evidence or "not known"),)
    yield "\n".join(f"- **{escape(term)}**: {escape(text)}" for term, text in facts)
    differences = results.manifest.differences
    yield "What is not equal besides app and server:" if differences else "Nothing else is known to differ."
    if differences:
        yield _list(differences)
    header = ("Setting", *(deployment.name for deployment in results.manifest.deployments))
    yield _table(header, _one_line(method.deployment_settings(results)))


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escape(text)}" for text in texts)


def _one_line(rows: Iterable[Iterable[str]]) -> list[list[tuple[str]]]:
    """Rows of a table whose cells are a line each."""
    return [[(cell,) for cell in row] for row in rows]


def _table(header: Sequence[str], rows: Iterable[Sequence[Sequence[str]]]) -> str:
    """A table; a cell with several lines keeps them."""
    lines = [[escape(name) for name in header], ["---"] * len(header)]
    lines += [["<br>".join(escape(line) for line in cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
