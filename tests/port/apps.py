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

# An extension that renders, responds, saves files and has files of its own, as if on Flask.
EXTENSION = """
import sys
from pathlib import Path
from flask import Flask

sys.path.append(str(Path(__file__).parents[1] / "library"))
from flask_mail import Mail

app = Flask(__name__)
app.secret_key = "x"
mail = Mail(app)

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

    def guarded(self, view):
        @wraps(view)
        def call():
            wsgi_errors_stream.write("")
            if flask.session.get("user"):
                return view()
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
            ),
            *(get("/load"), get("/size")),
        ),
    ),
    "extension": (
        {"app.py": EXTENSION, "../library/flask_mail.py": LIBRARY},
        (
            *(get("/"), post("/", files={"f": ("a.txt", b"hello")}), get("/mail/flask_mail.py")),
            *(get("/mail/x"), get("/none")),
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
