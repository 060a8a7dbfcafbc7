"""Locust's web UI with the arms side by side."""
