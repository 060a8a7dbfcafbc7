"""What Flask takes as a response or a rule and Quart does not, and what tears down after an error."""

from tests.port.apps.request import Request, get, post

APP = """
import io
import json
from functools import partial
from flask import Blueprint, Flask, Response, current_app, get_template_attribute, jsonify, make_response
from flask import redirect, render_template_string, request
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)
app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1, x_prefix=1)
ended = []

class Page:
    def show(self):
        return self.text() + "!"
    def text(self):
        raise NotImplementedError

class Rendered(Page):
    def text(self):
        return render_template_string("rendered {{ n }}", n=1)

class Plain(Page):
    def text(self):
        return "plain"

def read(name):
    return render_template_string("{{ n }}", n=name)

class Steps:
    def __init__(self, *steps):
        self.steps = steps
    def run(self, text):
        for step in self.steps:
            text = step(text)
        return text

class Encoder(json.JSONEncoder):
    def default(self, value):
        return read("encoded")

steps = Steps(read, lambda text: text + "!")
VIEWS = [lambda: "lambda", partial(read, "partial")]
files = Blueprint("files", __name__, url_prefix="/files", static_folder="kept")
app.register_blueprint(files)
app.add_url_rule("/old", endpoint="old", redirect_to="/status")

@app.teardown_appcontext
def first(error):
    ended.append(f"first {error!r}")

@app.teardown_appcontext
def last(error):
    ended.append(f"last {error!r}")

@app.after_request
def measure(response):
    response.headers["X-Size"] = str(len(response.data))
    return response

@app.get("/status")
def status():
    return "made", "201 Made By Hand", {"X-A": "b"}

def serve(environ, start_response):
    start_response("202 Accepted", [("Content-Type", "text/plain")])
    yield environ["wsgi.input"].read()
    yield environ["QUERY_STRING"].encode()

@app.post("/wsgi")
def wsgi():
    return serve

@app.get("/iterator")
def iterator():
    return iter(["a", "b"])

@app.get("/list")
def parts():
    return current_app.response_class(["a", "b"], mimetype="text/plain")

@app.get("/json")
def made():
    response = app.json.response(a=1)
    response.set_cookie("n", str(len(response.get_data())))
    return response

@app.get("/to")
def to():
    return redirect("/status", Response=Response)

@app.get("/abort")
def aborted():
    from flask import abort
    abort(make_response(jsonify(why="no"), 409))

@app.get("/pages")
def pages():
    return Rendered().show() + Plain().show() + "".join(map(read, "ab")) + VIEWS[1]()

@app.get("/chosen/<int:number>")
def chosen(number):
    view = VIEWS[number]
    return view()

@app.get("/steps")
def stepped():
    return steps.run("x")

@app.get("/encoded")
def encoded():
    return json.dumps(object(), cls=Encoder)

@app.get("/macro")
def macro():
    return get_template_attribute("macros.html", "greet")("you")

@app.post("/saved")
def saved():
    kept = io.BytesIO()
    request.files["f"].save(kept)
    return kept.getvalue()

@app.get("/proxied")
def proxied():
    return f"{request.remote_addr} {request.url}"

@app.post("/fails")
def fails():
    ended.clear()
    raise KeyError("x")

@app.get("/ended")
def shown():
    return "; ".join(ended[:2])
"""
FILES = {
    "app.py": APP,
    "kept/a.txt": "kept",
    "templates/macros.html": "{% macro greet(n) %}hello {{ n }}{% endmacro %}",
}
FORWARDED = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Host": "h", "X-Forwarded-Prefix": "/p"}
REQUESTS: list[Request] = [
    *map(
        get, ("/status", "/iterator", "/list", "/json", "/to", "/abort", "/pages", "/chosen/0", "/chosen/1")
    ),
    *map(get, ("/steps", "/encoded", "/macro", "/files/static/a.txt", "/old")),
    post("/wsgi?q=\u00fc", content="x"),
    post("/saved", files={"f": ("a.txt", b"hello")}),
    get("/proxied", headers=FORWARDED),
    *(post("/fails"), get("/ended")),
    ("HEAD", "/list", {}),
]
