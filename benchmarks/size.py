"""How large is the tool, and what does it cost to load?

    .venv/bin/python -m benchmarks.size

Counts lines, files and layers of this checkout, and the CPU time of `portcompare --help`.
Writes docs/architecture.md.
"""

import ast
import io
import resource
import statistics
import subprocess
import sys
import tokenize
import tomllib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import header, publish, row, verdict

ROOT = Path(__file__).parents[1]
HELP_RUNS = 7
BLANK = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The lines of a source file; code is what is not blank, a comment or a docstring."""

    lines: int
    code: int


def main() -> None:
    """Count and publish."""
    publish("size", describe(), ROOT / "docs" / "architecture.md")


def describe() -> list[str]:
    """The table of what is counted, with the limits that the project has set itself."""
    tool = [measure(path) for path in sorted((ROOT / "portcompare").rglob("*.py"))]
    lines, code = sum(one.lines for one in tool), sum(one.code for one in tool)
    tests_lines = sum(measure(path).lines for path in (ROOT / "tests").rglob("*.py"))
    figures = [
        ("lines of portcompare/", lines, 0, 32_000, ","),
        ("files", len(tool), 0, 240, ""),
        ("median lines of a file", statistics.median(one.lines for one in tool), 100, 250, ".0f"),
        ("share of code", code / lines, 0.7, 1, ".0%"),
        ("modules beside the packages", len(list((ROOT / "portcompare").glob("*.py"))), 0, 5, ""),
        ("layers of the import contract", count_layers(), 0, 11, ""),
        ("lines of tests", tests_lines, 0, 28_000, ","),
        ("CPU time of `--help`, in seconds", help_cpu_s(), 0, 0.5, ".2f"),
    ]
    return header("figure", "now", "from", "to", "") + [
        row(name, f"{now:{form}}", f"{low:{form}}", f"{high:{form}}", verdict(met=low <= now <= high))
        for name, now, low, high, form in figures
    ]


def measure(path: Path) -> Size:
    """Count the lines of a file."""
    text = path.read_text(encoding="utf-8")
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                docstrings.update(range(statement.lineno, (statement.end_lineno or 0) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in BLANK:
            code.update(range(token.start[0], token.end[0] + 1))
    return Size(lines=text.count("\n"), code=len(code - docstrings))


def count_layers() -> int:
    """How many layers the first import contract has."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return len(next(one["layers"] for one in contracts if one["type"] == "layers"))


def help_cpu_s() -> float:
    """The median CPU time of `portcompare --help`, in seconds, without the first run, which may compile."""
    took_s = []
    for _ in range(HELP_RUNS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "portcompare", "--help"], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took_s.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(took_s[1:])


if __name__ == "__main__":
    main()
