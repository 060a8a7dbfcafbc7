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
