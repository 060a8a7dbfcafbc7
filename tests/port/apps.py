"""Small whole apps and requests to them."""

from textwrap import dedent
from typing import Any

Request = tuple[str, str, dict[str, Any]]

UTF_16 = '{"a": "\u00e9"}'.encode("utf-16")


def get(path: str, **named: object) -> Request:
    return "GET", path, named


def post(path: str, **named: object) -> Request:
    return "POST", path, named


DATABASE = """
import sqlite3
from flask import current_app, g

def get_db():
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
    return g.db

def close_db(error=None):
    db = g.pop("db", None)
    if db is not None:
        db.close()

def init_app(app):
    app.teardown_appcontext(close_db)
    with app.app_context():
        with app.open_resource("schema.sql") as schema:
            get_db().executescript(schema.read().decode())
"""

# A connection in `g`, which sqlite3 lets only its own thread use, sessions, forms, messages and templates.
BLOG = """
from functools import wraps
from flask import Flask, Response, abort, flash, g, redirect, render_template, request, session, url_for
from flask import stream_with_context
import db

app = Flask(__name__)
app.secret_key = "x"
app.config["DATABASE"] = app.root_path + "/blog.db"
db.init_app(app)

@app.before_request
def load_user():
    g.user = db.get_db().execute("SELECT name FROM user WHERE name = ?", (session.get("name"),)).fetchone()

def login_required(view):
    @wraps(view)
    def wrapper(**values):
        if g.user is None:
            return redirect(url_for("log_in"))
        return view(**values)
    return wrapper

@app.template_filter()
def posts_of(name):
    return db.get_db().execute("SELECT count(*) FROM post WHERE name = ?", (name,)).fetchone()[0]

@app.route("/log-in", methods=["GET", "POST"])
def log_in():
    if request.method == "POST":
        if not request.form["name"]:
            flash("Name?")
        else:
            session["name"] = request.form["name"]
            return redirect(url_for("index"))
    return render_template("log_in.html")

@app.get("/")
def index():
    return render_template("index.html", posts=db.get_db().execute("SELECT text FROM post").fetchall())

@app.route("/new", methods=["POST"])
@login_required
def new():
    db.get_db().execute("INSERT INTO post VALUES (?, ?)", (g.user[0], request.form["text"]))
    db.get_db().commit()
    return redirect(url_for("index"))

@app.get("/stops")
def stops():
    return next(iter(db.get_db().execute("SELECT 1 WHERE 0")))

@app.get("/dump")
def dump():
    @stream_with_context
    def rows():
        for row in db.get_db().execute("SELECT text FROM post"):
            yield f"{request.path} {row[0]};"
    return Response(rows(), mimetype="text/plain")

@app.get("/post/<int:number>")
def post(number):
    row = db.get_db().execute("SELECT text FROM post WHERE rowid = ?", (number,)).fetchone()
    return {"text": row[0]} if row else abort(404)
"""

# What differs silently: JSON of another type, files, sessions that are only read, errors, forms in templates.
SITE = """
import io
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from flask import Flask, Response, flash, g, get_flashed_messages, jsonify, make_response, render_template
from flask import copy_current_request_context, redirect, render_template_string, request, send_file
from flask import send_from_directory, session, stream_with_context

app = Flask(__name__)
app.secret_key = "x"

@app.after_request
def count(response):
    if response.mimetype != "text/plain" and not response.direct_passthrough:
        response.headers["X-Size"] = str(len(response.get_data()))
    return response

@app.errorhandler(404)
def missing(error):
    return render_template_string("none at {{ request.path }}"), 404

@app.context_processor
def shared():
    return dict(shout=shout)

def shout(text):
    return text.upper()

@app.route("/", methods=["GET", "POST"])
def index():
    response = make_response(render_template("page.html"))
    response.headers["X-A"] = "b"
    return response

@app.post("/json")
def read():
    return jsonify(request.get_json())

@app.post("/quiet")
def quiet():
    return jsonify(request.get_json(silent=True))

@app.get("/seen")
def seen():
    return str(session.get("n"))

@app.get("/flash")
def message():
    flash("one")
    return "".join(get_flashed_messages())

@app.post("/upload")
def upload():
    request.files["f"].save(app.root_path + "/kept.txt")
    return {"name": request.files["f"].filename, **request.form}

@app.get("/kept")
def kept():
    return send_from_directory(app.root_path, "kept.txt", as_attachment=True, download_name="k.txt")

@app.get("/memory")
def memory():
    return send_file(io.BytesIO(b"abc"), mimetype="text/plain", max_age=5)

@app.get("/ticks")
def ticks():
    def generate():
        for number in range(3):
            time.sleep(0.001)
            yield f"{number} {request.path} "
    return Response(stream_with_context(generate()), mimetype="text/plain")

@app.post("/copied")
def copied():
    @copy_current_request_context
    def work(name):
        return f"{request.path} {request.form[name]}"
    with ThreadPoolExecutor() as pool:
        return pool.submit(work, "x").result()

@app.get("/started")
def started():
    found = []
    def work():
        found.append(request.path)
    thread = Thread(target=copy_current_request_context(work))
    thread.start()
    thread.join()
    return found

@app.get("/environ")
def environ():
    return {name: request.environ[name] for name in ("PATH_INFO", "HTTP_HOST", "QUERY_STRING")}

@app.post("/data")
def data():
    return request.data

@app.get("/headers")
def headers():
    return sorted(name for name, _ in request.headers)

@app.get("/go")
def go():
    return redirect("/\u00fc?")

@app.delete("/nothing")
def nothing():
    return "", 204

@app.get("/fails")
def fails():
    raise KeyError("x") if request.args else KeyError("y")
"""

# Classes of its own where Flask has one, and objects that are called or whose operators render.
CLASSES = """
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

# What Flask takes as a response or a rule and Quart does not, and what tears down after an error.
ANSWERS = """
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

# Requests over HTTP: what a server receives, and what a view makes of the response.
CLIENT = """
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
def ask():
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

# An extension that renders, responds, saves files and has files of its own, as if on Flask.
EXTENSION = """
import sys
from pathlib import Path
from flask import Blueprint, Flask, redirect, request

sys.path.append(str(Path(__file__).parents[1] / "library"))
from flask_mail import Mail

app = Flask(__name__)
app.secret_key = "x"
mail = Mail(app)

pages = Blueprint("pages", __name__)
mail.exempt(pages)

@pages.get("/page")
@mail.guarded
def page():
    return redirect("/") if request.args else "page"

app.register_blueprint(pages)

@app.get("/")
@mail.guarded
def index():
    return "in"

@app.post("/")
def keep():
    return mail.keep(app.root_path + "/kept.txt")
"""
LIBRARY = """
from functools import wraps
from pathlib import Path
import flask
from flask.logging import wsgi_errors_stream

class Mail:
    def __init__(self, app):
        path = Path(__file__).parent
        app.register_blueprint(flask.Blueprint("mail", __name__, static_folder=path, static_url_path="/mail"))
        self.wsgi_app = app.wsgi_app
        self.handle = app.handle_user_exception
        app.handle_user_exception = self.describe
        app.after_request(self.count)
        self.free = set()

    def exempt(self, view):
        self.free.add(view.name if isinstance(view, flask.Blueprint) else view.__name__)

    def guarded(self, view):
        @wraps(view)
        def call():
            wsgi_errors_stream.write("")
            if flask.session.get("user") or flask.request.blueprint in self.free:
                response = view()
                return response if isinstance(response, flask.Response) else flask.jsonify(response)
            return flask.make_response(flask.render_template_string("{{ request.path }}"), 401)
        return call

    def count(self, response):
        if flask.request.path == "/" and not response.is_streamed:
            response.headers["X-Size"] = str(len(response.get_data()))
        return response

    def describe(self, error):
        if flask.request.path == "/mail/x":
            return flask.make_response({"error": str(error)}, 404)
        return self.handle(error)

    def keep(self, path):
        flask.request.files["f"].save(path)
        return flask.current_app.make_response(Path(path).read_text())
"""

APPS: dict[str, tuple[dict[str, str], tuple[Request, ...]]] = {
    "blog": (
        {
            "app.py": BLOG,
            "db.py": DATABASE,
            "schema.sql": "DROP TABLE IF EXISTS user; DROP TABLE IF EXISTS post; CREATE TABLE user (name);"
            "CREATE TABLE post (name, text); INSERT INTO user VALUES ('ann');",
            "templates/log_in.html": "{{ get_flashed_messages() }}<form>{{ request.form.name }}</form>",
            "templates/index.html": "{{ 'ann'|posts_of }}{% for p in posts %} {{ p }}{% endfor %}",
        },
        (
            *(get("/"), get("/log-in"), post("/new", data={"text": "a"}), post("/log-in", data={"name": ""})),
            *(post("/log-in", data={"x": ""}), post("/log-in", data={"name": "ann"}), get("/")),
            *(post("/new", data={"text": "<b>"}), get("/"), get("/post/1"), get("/post/7"), get("/log-in")),
            *(get("/dump"), ("HEAD", "/stops", {})),
        ),
    ),
    "classes": (
        {"app.py": CLASSES},
        (
            *(
                post("/user", data={"name": "a"}),
                post("/number", json={"n": 1}),
                post("/number", data={"n": "1"}),
                post("/number", content="{", headers={"Content-Type": "application/json"}),
            ),
            *(get("/load"), get("/size")),
        ),
    ),
    "answers": (
        {
            "app.py": ANSWERS,
            "kept/a.txt": "kept",
            "templates/macros.html": "{% macro greet(n) %}hello {{ n }}{% endmacro %}",
        },
        (
            *(get("/status"), get("/iterator"), get("/list"), get("/json"), get("/to"), get("/abort")),
            *(
                get("/pages"),
                get("/chosen/0"),
                get("/chosen/1"),
                get("/steps"),
                get("/encoded"),
                get("/macro"),
                get("/files/static/a.txt"),
            ),
            post("/wsgi?q=\u00fc", content="x"),
            post("/saved", files={"f": ("a.txt", b"hello")}),
            get(
                "/proxied",
                headers={
                    "X-Forwarded-For": "1.1.1.1, 2.2.2.2",
                    "X-Forwarded-Host": "h",
                    "X-Forwarded-Prefix": "/p",
                },
            ),
            *(get("/old"), post("/fails"), get("/ended"), ("HEAD", "/list", {})),
        ),
    ),
    "client": (
        {"app.py": CLIENT},
        (
            *(
                get("/pool"),
                get("/get"),
                get("/post"),
                get("/post"),
                get("/form"),
                get("/moved"),
                get("/refused"),
            ),
            *(get("/none"), get("/invalid"), get("/opened"), get("/unverified")),
        ),
    ),
    "extension": (
        {"app.py": EXTENSION, "../library/flask_mail.py": LIBRARY},
        (
            *(get("/"), post("/", files={"f": ("a.txt", b"hello")}), get("/mail/flask_mail.py")),
            *(get("/mail/x"), get("/none"), get("/page"), get("/page?to=1")),
        ),
    ),
    "site": (
        {
            "app.py": SITE,
            "templates/page.html": dedent("{{ shout('a') }} {{ request.form.name }} {{ url_for('seen') }}"),
            "static/a.css": "a {}",
        },
        (
            *(get("/"), post("/", data={"name": "n"}), post("/json", json=[1]), post("/json", content="x")),
            *(post("/json", content="{", headers={"Content-Type": "application/json"}), post("/quiet")),
            *(post("/json", content=UTF_16, headers={"Content-Type": "application/json"}),),
            *(post("/json", content=b"\xff", headers={"Content-Type": "application/json"}),),
            *(get("/seen"), get("/flash"), get("/none"), get("/static/a.css"), ("HEAD", "/static/a.css", {})),
            get("/static/a.css", headers={"Range": "bytes=0-1"}),
            get("/static/a.css", headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
            *(post("/data", data={"x": "1"}), post("/data", content="x"), get("/headers"), get("/go")),
            post("/upload", files={"f": ("a.txt", b"hello")}, data={"x": "1"}),
            *(
                post("/upload", data={"x": "1"}),
                get("/kept"),
                get("/memory"),
                get("/ticks"),
                get("/environ?a=1"),
            ),
            *(post("/copied", data={"x": "1"}), get("/started")),
            *(("DELETE", "/nothing", {}), ("DELETE", "/", {}), ("OPTIONS", "/json", {})),
            post("/fails"),
        ),
    ),
}
