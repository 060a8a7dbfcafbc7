"""An extension that renders, responds, saves files and has files of its own, as if on Flask."""

from tests.port.apps.request import Request, get, post

APP = """
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
FILES = {"app.py": APP, "../library/flask_mail.py": LIBRARY}
REQUESTS: list[Request] = [
    post("/", files={"f": ("a.txt", b"hello")}),
    *map(get, ("/", "/mail/flask_mail.py", "/mail/x", "/none", "/page", "/page?to=1")),
]
