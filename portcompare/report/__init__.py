"""Reports: one file a format; no arithmetic."""

from portcompare.records.results import RESULTS_FILE
from portcompare.report.charts.svg import ROWS, Figure, draw, told
from portcompare.report.files import write_atomically
from portcompare.report.formats.diff_terminal import render_diff
from portcompare.report.formats.diffs import DIFF_EXPORTERS, write_diff
from portcompare.report.formats.exporters import EXPORTERS, write_reports
from portcompare.report.formats.histograms import (
    HISTOGRAM_FOLDER,
    Interval,
    histogram_path,
    write_histogram_log,
)
from portcompare.report.formats.junit import render_junit, write_junit
from portcompare.report.formats.results_file import read_results, write_results
from portcompare.report.formats.results_schema import diff_schema, record_schema, results_schema, write_schema
from portcompare.report.formats.terminal import render_conclusions, render_parity, render_table
from portcompare.report.formats.web_page import render_page
from portcompare.report.wording import level_text, margin_of, timestamp, visible

__all__ = [
    "DIFF_EXPORTERS",
    "EXPORTERS",
    "HISTOGRAM_FOLDER",
    "RESULTS_FILE",
    "ROWS",
    "Figure",
    "Interval",
    "diff_schema",
    "draw",
    "histogram_path",
    "level_text",
    "margin_of",
    "read_results",
    "record_schema",
    "render_conclusions",
    "render_diff",
    "render_junit",
    "render_page",
    "render_parity",
    "render_table",
    "results_schema",
    "timestamp",
    "told",
    "visible",
    "write_atomically",
    "write_diff",
    "write_histogram_log",
    "write_junit",
    "write_reports",
    "write_results",
    "write_schema",
]
