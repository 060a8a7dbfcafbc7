"""Requests over HTTP: what a server receives, and what a view makes of the response."""

from tests.port.apps.request import Request, get

APP = """
import json
import os
import requests
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen
from flask import Flask

UPSTREAM = os.environ["UPSTREAM"]
app = Flask(__name__)
shared = requests.Session()
shared.headers["X-A"] = "shared"

@app.errorhandler(requests.HTTPError)
def refused(error):
    return f"refused: {error.response.status_code}", 424

@app.get("/get")
def get():
    return requests.get(UPSTREAM + "/a?x=1", {"b": "c d", "n": None}, timeout=(3, 5)).json()

@app.get("/post")
def post():
    found = shared.post(UPSTREAM + "/a", json={"a": "ü"}, auth=("u", "p"))
    return {"found": found.json(), "cookies": shared.cookies.get_dict(), "reason": found.reason}

@app.get("/form")
def form():
    return requests.post(UPSTREAM + "/a", data={"a": [1, 2]}, headers={"X-A": None}).text

@app.get("/moved")
def moved():
    found, head = requests.get(UPSTREAM + "/moved"), requests.head(UPSTREAM + "/moved")
    return f"{found.url.endswith('/a')} {len(found.history)} {head.status_code} {head.ok}"

def fetch(path, **settings):
    return requests.get(UPSTREAM + path, **settings)

@app.get("/pool")
def pool():
    with ThreadPoolExecutor() as running:
        return "".join(found.text for found in running.map(fetch, ["/a", "/moved"]))

@app.get("/unverified")
def unverified():
    return fetch("/moved", verify=False).text

@app.get("/refused")
def refused_here():
    requests.get(UPSTREAM + "/missing").raise_for_status()

@app.get("/none")
def none():
    try:
        return requests.get("http://127.0.0.1:1").text
    except requests.exceptions.ConnectionError as error:
        return type(error).__name__

@app.get("/invalid")
def invalid():
    try:
        return requests.get("nothing").text
    except requests.RequestException as error:
        return type(error).__name__

@app.get("/opened")
def opened():
    with urlopen(Request(UPSTREAM + "/a", b"x", {"X-A": "1"}), timeout=5) as found:
        return json.load(found)
"""
FILES = {"app.py": APP}
PATHS = ("/pool", "/get", "/post", "/post", "/form", "/moved", "/refused", "/none", "/invalid", "/opened")
REQUESTS: list[Request] = [*map(get, PATHS), get("/unverified")]
