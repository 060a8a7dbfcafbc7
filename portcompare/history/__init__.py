"""Finished runs: their index in a database, and how a quantity went over them."""

from portcompare.history.index import RUNS, is_kept, note_run, open_history
from portcompare.history.page import write_index_page
from portcompare.history.records import HISTORY_SCHEMA_VERSION, History, IndexedRun, Trend, history_schema
from portcompare.history.terminal import render_runs, render_trend
from portcompare.history.trends import Filter, list_runs, list_trends

__all__ = [
    "HISTORY_SCHEMA_VERSION",
    "RUNS",
    "Filter",
    "History",
    "IndexedRun",
    "Trend",
    "history_schema",
    "is_kept",
    "list_runs",
    "list_trends",
    "note_run",
    "open_history",
    "render_runs",
    "render_trend",
    "write_index_page",
]
