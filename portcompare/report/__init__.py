"""Reports: one file a format; no arithmetic."""

from portcompare.report.answers import render_parity
from portcompare.report.exporters import EXPORTERS, Exporter, write_reports
from portcompare.report.histograms import Interval, histogram_path, write_histogram_log
from portcompare.report.junit import render_junit, write_junit
from portcompare.report.results_file import RESULTS_FILE, read_results, write_results
from portcompare.report.results_schema import results_schema, write_results_schema
from portcompare.report.terminal import render_conclusions, render_table

__all__ = [
    "EXPORTERS",
    "RESULTS_FILE",
    "Exporter",
    "Interval",
    "histogram_path",
    "read_results",
    "render_conclusions",
    "render_junit",
    "render_parity",
    "render_table",
    "results_schema",
    "write_histogram_log",
    "write_junit",
    "write_reports",
    "write_results",
    "write_results_schema",
]
