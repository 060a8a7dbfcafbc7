"""Intervals, bounds, multiplicity and change points: pure functions with their sources."""
