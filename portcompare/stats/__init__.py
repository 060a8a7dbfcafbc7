"""Intervals, bounds, quantiles and change points: pure functions with their sources."""
