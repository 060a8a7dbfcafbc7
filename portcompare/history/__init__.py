"""Finished runs: their summaries, how a metric went over them, and how both are shown."""
