"""Requests under other names, whose parts are set or got by name; what is called before views; signals."""

from tests.port.apps.request import Request, get, post

APP = """
import sqlite3
from threading import Thread
from dataclasses import dataclass
from flask import Flask, Response, abort, g, jsonify, redirect, render_template_string, request as sent
from flask import template_rendered, url_for
from werkzeug.exceptions import HTTPException
import flask

app = Flask(__name__)
rendered = []

class Elsewhere(HTTPException):
    code = 303
    def get_response(self, environ):
        return redirect("/elsewhere" + environ["PATH_INFO"], 303)

@dataclass
class Page:
    request: "flask.Request"
    other: flask.Request | None = None
    @property
    def name(self):
        return self.request.form["a"]
    def body(self):
        return self.other.get_json(force=True)

@app.url_value_preprocessor
def load(endpoint, values):
    g.db = sqlite3.connect(":memory:")
    g.number = g.db.execute("select 3").fetchone()[0]
    if values and values.pop("page", "") == "none":
        raise Elsewhere

@app.before_request
def set_form():
    if sent.path == "/raw":
        return
    sent.form = {**sent.form, **sent.args}
    g.number += g.db.execute("select 1").fetchone()[0]
    return "no" if "deny" in sent.form else None

@template_rendered.connect_via(app)
def note(sender, template, context, **_):
    rendered.append(context["n"])

@app.get("/page/<page>")
def page():
    open(app.root_path + "/app.py").close()
    return render_template_string("{{ n }}", n=g.number) + str(rendered[-1])

@app.post("/form")
def form():
    return {**sent.form, "name": getattr(sent, "form")["a"], "page": Page(sent).name}

@app.post("/json")
def body():
    return jsonify(sent.json, getattr(sent, "get_json")(), Page(sent, sent._get_current_object()).body())

@app.post("/raw")
def raw():
    first = sent.get_data() if sent.args else b""
    return [repr(first), repr(sent.data), sent.get_data(as_text=True), sent.form.get("a")]

def describe(name):
    with app.test_request_context(f"/page/{name}?a=1", method="POST", base_url="https://h", data={"b": "2"}):
        there = url_for("page", page="c", _external=True)
        return [sent.url, sent.endpoint, sent.form["b"], sent.args["a"], there]

DESCRIBED = describe("none")

@app.post("/shown")
def shown():
    return render_template_string("{% for name in request.form %}{{ name }}={{ request.form.a }}{% endfor %}")

@app.get("/described")
def described():
    found = []
    thread = Thread(target=lambda: found.extend(describe("b")))
    thread.start()
    thread.join()
    return [DESCRIBED, found]

@app.get("/pairs")
def pairs():
    return "pairs", (("X-Size", "1"), ("Vary", "a"))

@app.get("/passed")
def passed():
    return Response(iter([b"a", b"b"]), direct_passthrough=True, mimetype="text/plain")
"""
MULTIPART = {"Content-Type": "multipart/form-data; boundary=B"}
FILES = {"app.py": APP}
REQUESTS: list[Request] = [
    *map(get, ("/page/a", "/page/none", "/page/b?deny=1", "/none", "/pairs", "/passed", "/described")),
    post("/form?b=2", data={"a": "1"}),
    post("/form", content=b"a=%ff", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    *(post(path, data={"a": "1"}) for path in ("/raw", "/raw?read=1")),
    *(
        post(path, data={"a": "1"}, files={"f": ("a.txt", b"x")}, headers=MULTIPART)
        for path in ("/raw", "/raw?read=1")
    ),
    post("/shown", data={"a": "1"}),
    post("/raw", content=b"\xff"),
    *(post("/json", json={"a": "1"}), post("/json", content="x")),
]
