"""Classes of its own where Flask has one, and objects that are called or whose operators render."""

from tests.port.apps.request import Request, get, post

APP = """
from flask import Flask as Base, Request, current_app, render_template_string, request
from flask.sessions import SecureCookieSessionInterface
from flask import session

class Parsed(Request):
    def user(self):
        return self.form["name"]
    @property
    def number(self):
        return self.get_json()["n"]
    def on_json_loading_failed(self, error):
        return {"n": 0} if error is None else super().on_json_loading_failed(error)

class Sessions(SecureCookieSessionInterface):
    def get_cookie_name(self, app):
        return "s"

class App(Base):
    request_class = Parsed
    session_interface = Sessions()
    def make_response(self, value):
        response = super().make_response(value)
        response.headers["X-Size"] = str(len(response.get_data()))
        return response

class Cached:
    def __init__(self, function):
        self.function = function
        self.found = {}
    def __call__(self, name):
        if name not in self.found:
            self.found[name] = self.function(name)
        return self.found[name]

class Pages:
    def __getitem__(self, name):
        return render_template_string("page {{ n }}", n=name)

app = App(__name__)
app.debug = True
app.secret_key = "x"

@Cached
def load(name):
    return render_template_string("loaded {{ n }}", n=name)

@app.post("/user")
def user():
    return request.user()

@app.post("/number")
def number():
    return str(request.number)

@app.get("/load")
def loaded():
    return load("a") + load("a") + Pages()["b"] + str(session.get("n"))

@app.get("/size")
def size():
    return str(len(current_app.response_class("abc").get_data()))
"""
FILES = {"app.py": APP}
REQUESTS: list[Request] = [
    post("/user", data={"name": "a"}),
    post("/number", json={"n": 1}),
    post("/number", data={"n": "1"}),
    post("/number", content="{", headers={"Content-Type": "application/json"}),
    *map(get, ("/load", "/size")),
]
