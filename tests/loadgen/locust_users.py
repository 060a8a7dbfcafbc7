"""User classes that are no `LeanUser`, one of each kind, as text for locustfiles."""

from pathlib import Path

IMPORTS = """\
import http.client, json, time
from pathlib import Path
from urllib.parse import urlsplit

import gevent
from locust import FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, User, constant, events, task
from locust.exception import StopUser
"""

HTTP = """
class Shopper(HttpUser):
    @task
    def buy(self):
        self.client.get("/items?tag=a%2Fb&tag=c")
"""

FAST = HTTP.replace("HttpUser", "FastHttpUser")

OWN = """
class Shopper(User):
    @task
    def buy(self):
        connection = http.client.HTTPConnection(urlsplit(self.host).netloc)
        with self.environment.events.request.measure("GET", "/items"):
            connection.request("GET", "/items?tag=a%2Fb&tag=c")
            response = connection.getresponse()
            response.read()
            if response.status >= 400:
                raise OSError(f"status {response.status}")
"""

OWN_GLOBAL = OWN.replace("self.environment.events", "events")

CLASSES = {"HttpUser": HTTP, "FastHttpUser": FAST, "User": OWN, "User, global event": OWN_GLOBAL}


def write(locustfile: Path, text: str) -> Path:
    """Make a locustfile of user classes."""
    locustfile.write_text(IMPORTS + text)
    return locustfile
