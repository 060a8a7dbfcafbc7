"""What the load tests ask for: `portcompare run` uses these classes, and so does plain Locust.

For the latter: `locust -f loadtests/locustfile.py --flask-url http://127.0.0.1:8001 --quart-url
http://127.0.0.1:8002`; each server keeps its own line in the statistics.
"""

from portcompare.loadgen import LeanUser, declare_targets, http_request

declare_targets("flask", "quart")


class Fast(LeanUser):
    """Asks for the answer that is there at once."""

    request = http_request("/data")


class Delayed(LeanUser):
    """Asks for the answer that takes a fifth of a second."""

    request = http_request("/data", query={"delay": "0.2"})


class Slow(LeanUser):
    """Asks for the answer that takes two seconds: the classic bad route."""

    request = http_request("/data", query={"delay": "2"})


class Padded(LeanUser):
    """Asks for an answer of 64 KiB."""

    request = http_request("/data", query={"padding": "65536"})


class Blocking(LeanUser):
    """Asks for the answer that blocks whatever serves it for a fifth of a second."""

    request = http_request("/data/blocking", query={"delay": "0.2"})


class Offloaded(LeanUser):
    """Asks for the answer that blocks a thread for a fifth of a second."""

    request = http_request("/data/offloaded", query={"delay": "0.2"})


class Cached(LeanUser):
    """Asks for the answer that takes a fifth of a second the first time."""

    request = http_request("/data/cached", query={"delay": "0.2"})


class Computed(LeanUser):
    """Asks for the answer that takes some milliseconds of CPU time."""

    request = http_request("/data/computed", query={"work": "10000"})


class Upstream(LeanUser):
    """Asks for the answer for which an upstream takes a fifth of a second."""

    request = http_request("/data/upstream", query={"delay": "0.2"})
