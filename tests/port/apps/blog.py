"""A blog: a connection in `g`, which sqlite3 lets only its own thread use, sessions, forms and templates."""

from tests.port.apps.request import Request, get, post

APP = """
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
FILES = {
    "app.py": APP,
    "db.py": DATABASE,
    "schema.sql": "DROP TABLE IF EXISTS user; DROP TABLE IF EXISTS post; CREATE TABLE user (name);"
    "CREATE TABLE post (name, text); INSERT INTO user VALUES ('ann');",
    "templates/log_in.html": "{{ get_flashed_messages() }}<form>{{ request.form.name }}</form>",
    "templates/index.html": "{{ 'ann'|posts_of }}{% for p in posts %} {{ p }}{% endfor %}",
}
FORMS = [
    ("/new", {"text": "a"}),
    *(("/log-in", data) for data in ({"name": ""}, {"x": ""}, {"name": "ann"})),
    ("/new", {"text": "<b>"}),
]
REQUESTS: list[Request] = [
    *map(get, ("/", "/log-in")),
    *(post(path, data=data) for path, data in FORMS),
    *map(get, ("/", "/post/1", "/post/7", "/log-in", "/dump")),
    ("HEAD", "/stops", {}),
]
