"""Locust's web UI with the arms side by side: what is counted, added up, computed once a second, shown."""
