"""The users of the load tests, for `portcompare run` and for plain Locust.

With plain Locust: `locust -f loadtests/locustfile.py --flask-url http://127.0.0.1:8001 --quart-url
http://127.0.0.1:8002`; each server keeps its own line in the statistics.
"""

from portcompare.loadgen import LeanUser, declare_targets, http_request

declare_targets("flask", "quart")


class Fast(LeanUser):
    """Requests the route that responds at once."""

    request = http_request("/data")


class Delayed(LeanUser):
    """Requests the route that waits for a fifth of a second."""

    request = http_request("/data", query={"delay": "0.2"})


class Slow(LeanUser):
    """Requests the route that waits for two seconds: the classic bad route."""

    request = http_request("/data", query={"delay": "2"})


class Padded(LeanUser):
    """Requests a response of 64 KiB."""

    request = http_request("/data", query={"padding": "65536"})


class Blocking(LeanUser):
    """Requests the route that blocks its thread or event loop for a fifth of a second."""

    request = http_request("/data/blocking", query={"delay": "0.2"})


class Offloaded(LeanUser):
    """Requests the route that blocks a thread for a fifth of a second."""

    request = http_request("/data/offloaded", query={"delay": "0.2"})


class Cached(LeanUser):
    """Requests the route that takes a fifth of a second the first time and keeps its result."""

    request = http_request("/data/cached", query={"delay": "0.2"})


class Computed(LeanUser):
    """Requests the route that takes some milliseconds of CPU time."""

    request = http_request("/data/computed", query={"work": "10000"})


class Upstream(LeanUser):
    """Requests the route whose upstream takes a fifth of a second."""

    request = http_request("/data/upstream", query={"delay": "0.2"})
