"""What a port says of a project, and what it makes of apps, tests, templates and modules."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.port.rules import HEAD, port, side


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("app.wsgi_app = print(app.wsgi_app)", "Quart serves ASGI"),
        ("@app.get('/')\ndef view():\n    return request.stream.read()", "Quart has no stream"),
        ("@app.get('/')\ndef view():\n    return request.remote_user", "requests of Quart have none"),
        ("@app.after_request\ndef view(r):\n    return r.call_on_close(print)", "responses of Quart have no"),
        ("@app.get('/')\nasync def view():\n    return open('x').name", "open waits for files, and blocks"),
        ("@app.url_defaults\ndef view(e, v):\n    open('x')", "Quart calls or awaits this on the event loop"),
        (
            "class App(Flask):\n  def make_response(self, rv):\n    open('x')",
            "Quart calls or awaits this on the event loop",
        ),
        (
            "class App(Flask):\n  def process_response(self, r):\n    return super().process_response(r)",
            "Quart passes the request's context to process_response too",
        ),
        (
            "def read(name):\n    return getattr(request, name)",
            "what this reads of a request or response must",
        ),
        ("r = app.response_class('x')\nr.data += b'y'", "data is awaited before it is set"),
        ("import flask_sock", "flask_sock: it serves WebSockets of WSGI"),
        ("from flask_unheard_of import x", "flask_unheard_of: there is no rule"),
        (
            "import tracing.flask",
            "tracing.flask: there is no rule for this extension (https://pypi.org/project/tracing/)",
        ),
        ("import tracing\ntracing.Tracer().follow(of=print(app) or app)", "tracing receives the app"),
        ("with app.request_context({}):\n    print(request.path)", "only an async function can enter"),
        (
            "@app.get('/')\ndef view():\n    with app.test_client() as c:\n        return c.get('/a').data",
            "Quart's test client is entered by tests alone",
        ),
        ("page = render_template('x')", "it runs when the module is imported"),
    ],
)
def test_what_is_left_by_hand_has_a_comment_at_its_place(tmp_path: Path, text: str, why: str) -> None:
    made = port(tmp_path, {"app.py": HEAD.format(names="redirect, request, render_template") + text})
    lines = made.files["app.py"].decode().splitlines()
    (left,) = made.left
    assert left.why.startswith(why)
    place = next(number for number, line in enumerate(lines) if "# TODO(port): " in line)
    assert why in lines[place]
    changed = text.splitlines()[int(left.place.rpartition(":")[2]) - 3]
    assert lines[place + 1].strip() == changed.strip()


def test_routes_say_what_becomes_of_them_and_where(tmp_path: Path) -> None:
    views = """
        import sqlite3
        from flask import Blueprint, render_template, request
        bp = Blueprint("b", __name__)
        def read():
            return sqlite3.connect("x").execute("").fetchall()
        @bp.route("/a", methods=["GET", "POST"])
        def a():
            return read()
        @bp.put("/b")
        def b():
            return "b"
        @bp.get("/c")
        def c():
            return request.stream.read()
        """
    app = "from flask import Flask\nimport views\napp = Flask(__name__)\n"
    made = port(tmp_path, {"app.py": app, "views.py": dedent(views).lstrip()})
    assert [(each.rule, each.methods, each.outcome, each.why) for each in made.routes] == [
        ("/a", ("GET", "POST"), "in a thread", "sqlite3.connect waits for a database (views.py:5)"),
        ("/b", ("PUT",), "async", ""),
        ("/c", ("GET",), "by hand", f"{made.left[0].why} (views.py:14)"),
    ]


def test_routes_have_the_prefixes_of_their_blueprints_and_what_loops_and_lambdas_add(tmp_path: Path) -> None:
    text = """
        from shop.items import bp as items
        outer = Blueprint("outer", __name__, url_prefix="/outer")
        outer.register_blueprint(items, url_prefix="/inner")
        app.register_blueprint(outer)
        app.register_blueprint(items, name="again")
        def all():
            return request.path
        for rule, methods in {"/a": ["GET"], "/b": ["PUT", "POST"]}.items():
            app.add_url_rule(rule, rule, all, methods=methods)
        for rule, view in [("/c", all), ("/d", lambda: "d")]:
            app.add_url_rule(rule, rule, view)
        app.delete("/e")(all)
        BASE = "/v1"
        @app.get(BASE + "/f")
        @app.post(f"{BASE}/g")
        def both():
            return "x"
        """
    items = "from flask import Blueprint\nbp = Blueprint('items', __name__, url_prefix='/items')\n"
    files = {
        "app.py": HEAD.format(names="Blueprint, request") + dedent(text),
        "shop/__init__.py": "",
        "shop/items.py": items + "@bp.get('/<int:n>')\n@bp.get('')\ndef item():\n    return 'x'\n",
    }
    found = {each.rule: (*each.methods, each.outcome) for each in port(tmp_path, files).routes}
    rules = ("/outer/inner/<int:n>", "/outer/inner", "/items/<int:n>", "/items", "/a", "/c", "/v1/f")
    assert found == {
        **dict.fromkeys(rules, ("GET", "async")),
        "/b": ("PUT", "POST", "async"),
        "/d": ("GET", "in a thread"),
        "/e": ("DELETE", "async"),
        "/v1/g": ("POST", "async"),
    }


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("latin-1", "# -*- coding: latin-1 -*-\n"),
        ("cp1252", "# coding: cp1252\r\n"),
        ("utf-8-sig", "x = 1\n"),
    ],
)
def test_a_module_keeps_its_encoding_its_line_ends_and_the_comments_of_its_imports(
    tmp_path: Path, encoding: str, head: str
) -> None:
    end = "\r\n" if "\r" in head else "\n"
    before = [
        *("from flask import (  # all", "    Blueprint,", "    send_file,  # sent \u00e9", ")  # end"),
        *("# waits", "from time import sleep  # slow", "bp = Blueprint('b', __name__)", "@bp.get('/')"),
        *("def view():", "    sleep(1)", "    return send_file('\u00fc')", "text = '''a", "\u00e9'''", ""),
    ]
    after = [
        *("from quart import (  # all", "    Blueprint,", "    )  # end", "# sent \u00e9"),
        *("from as_flask import send_file", "# waits", "# slow", "import asyncio", before[6], before[7]),
        *(
            "async def view():",
            "    await asyncio.sleep(1)",
            "    return await send_file('\u00fc')",
            *before[11:],
        ),
    ]
    (tmp_path / "views.py").write_bytes((head + end.join(before)).encode(encoding))
    made = port(tmp_path, {"app.py": HEAD.format(names="g")})
    assert made.files["views.py"].decode(encoding) == head + end.join(after)


@pytest.mark.parametrize(
    "call",
    [
        *("asyncio.run(read())", "loop.run_until_complete(read())", "async_to_sync(read)()"),
        "app.ensure_sync(read)()",
        *("hashlib.pbkdf2_hmac('sha256', b'', b'', 1)", "hashlib.scrypt(b'')", "bcrypt.hashpw(b'', b'')"),
    ],
)
def test_what_runs_an_event_loop_or_computes_for_long_stays_in_a_thread(tmp_path: Path, call: str) -> None:
    text = "import asyncio, bcrypt, hashlib, time\nfrom asgiref.sync import async_to_sync\n"
    text += f"@app.get('/')\ndef view(loop, read):\n    time.sleep(1)\n    return {call}\n"
    made = port(tmp_path, {"app.py": HEAD.format(names="g") + text})
    assert made.routes[0].outcome == "in a thread"
    assert f"\ndef view(loop, read):\n    time.sleep(1)\n    return {call}\n" in made.files["app.py"].decode()


@pytest.mark.parametrize("package", [{}, {"web/__init__.py": ""}])
def test_a_module_with_the_name_of_a_library_does_not_hide_it(
    tmp_path: Path, package: dict[str, str]
) -> None:
    app = "from web.requests import load\n@app.get('/')\ndef view():\n    return load()\n"
    files = {
        "app.py": HEAD.format(names="g") + app,
        "web/requests.py": "import requests\ndef load():\n    return requests.get('http://a').text\n",
    }
    made = port(tmp_path, files | package)
    assert [each.outcome for each in made.routes] == ["async"]
    assert b"return (await HttpSession().get('http://a')).text" in made.files["web/requests.py"]


def test_a_function_may_call_itself_by_what_it_receives(tmp_path: Path) -> None:
    text = "def run(f, other):\n    return f(other, other)\n"
    text += "@app.get('/')\ndef view():\n    return run(run, print)\nrun(run, view)\n"
    assert port(tmp_path, {"app.py": HEAD.format(names="g") + text}).routes


def test_what_walks_through_a_librarys_objects_is_followed_to_an_end(tmp_path: Path) -> None:
    walk = "def walk(node):\n    return walk(node.left) or walk(node.right) or walk(node.up) or node\n"
    view = "@app.get('/')\ndef view():\n    time.sleep(1)\n    return str(walk(trees.root))\n"
    head = HEAD.format(names="request")
    made = port(tmp_path, {"app.py": f"import time\nimport trees\n{head}{walk}{view}"})
    assert [(each.rule, each.outcome) for each in made.routes] == [("/", "async")]


def test_a_template_that_blocks_is_rendered_in_a_thread(tmp_path: Path) -> None:
    text = """
        @app.template_global()
        def unread():
            return open("x").read()
        @app.get("/")
        def view():
            return render_template("x.html")
        """
    made = port(tmp_path, {"app.py": HEAD.format(names="render_template") + dedent(text)})
    assert made.routes[0].why == "what its template calls may block (app.py:9)"
    assert "    return render_in_thread(" in made.files["app.py"].decode()


def test_tests_await_the_client(tmp_path: Path) -> None:
    change = """
          import pytest
          from app import app
          @pytest.fixture
          def client():
              with app.app_context():
                  yield app.test_client()
        - def log_in(client, name):
        + async def log_in(client, name):
        -     return client.post("/", data={"name": name}, follow_redirects=True)
        +     return await client.post("/", data={"name": name}, follow_redirects=True)
        - def test_it(client):
        + async def test_it(client):
        -     assert b"x" in log_in(client, "a").data
        +     assert b"x" in await (await log_in(client, "a")).data
        -     with client.session_transaction() as session:
        +     async with client.session_transaction() as session:
                  session["x"] = 1
        -     assert client.get("/").get_json() == {}
        +     assert await (await client.get("/")).get_json() == {}
        """
    before, after = (side(dedent(change), without=mark) for mark in "+-")
    made = port(tmp_path, {"app.py": HEAD.format(names="g"), "tests/test_app.py": before})
    assert made.files["tests/test_app.py"].decode() == after


def test_a_factory_and_modules_that_import_each_other(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "from flask import Flask\ndef create_app():\n    app = Flask(__name__)\n"
        "    from . import api\n    api.init(app)\n    return app\n",
        "shop/api.py": "import flask\nfrom shop import tools\ndef init(app: flask.Flask) -> None:\n"
        "    app.before_request(tools.check)\n    @app.cli.command('seed')\n    def seed():\n        pass\n",
        "shop/tools.py": "from flask import request as r\nimport shop.api\ndef check():\n    return r.form\n",
    }
    made = port(tmp_path, files)
    texts = {name: text.decode() for name, text in made.files.items()}
    assert texts["shop/__init__.py"].startswith(
        "from .as_flask import Quart\ndef create_app():\n    app = Quart("
    )
    assert "from .as_flask import Quart, with_appcontext\nfrom shop import tools\n" in texts["shop/api.py"]
    assert "def init(app: Quart) -> None:" in texts["shop/api.py"]
    assert "    @app.cli.command('seed')\n    @with_appcontext\n    def seed():" in texts["shop/api.py"]
    assert texts["shop/tools.py"].endswith("async def check():\n    return await r.form\n")
    compile(texts["shop/as_flask.py"], "as_flask.py", "exec")


def test_routes_that_need_an_extension_that_is_left_are_left_too(tmp_path: Path) -> None:
    text = """
        from flask_restful import Api, Resource
        from flask_unheard_of import Guard, Shop
        from tokens.parts.flask_oauth import Server
        auth, api, shop, server = Guard(), Api(app), Shop(), Server()
        @app.post("/token")
        def token():
            return server.respond()
        @app.get("/a")
        @auth.login_required
        def a():
            return "a"
        class Items(Resource):
            def get(self):
                return []
        api.add_resource(Items, "/items")
        @shop.route("/orders")
        class Orders:
            def get(self):
                return []
        @app.get("/b")
        def b():
            return "b"
        """
    made = port(tmp_path, {"app.py": HEAD.format(names="g") + dedent(text)})
    assert {each.rule: each.outcome for each in made.routes} == {
        "/a": "by hand",
        "/items": "in a thread",
        "/orders": "by hand",
        "/token": "by hand",
        "/b": "async",
    }


def test_an_app_whose_class_has_another_name_is_one_of_the_helper(tmp_path: Path) -> None:
    made = port(tmp_path, {"app.py": "from flask import Flask as F\napp = F(__name__)\n"})
    assert made.files["app.py"] == b"from as_flask import Quart as F\napp = F(__name__)\n"


def test_what_is_not_python_of_this_version_stays_as_it_is(tmp_path: Path) -> None:
    made = port(tmp_path, {"app.py": HEAD.format(names="g"), "old.py": "x = 1\nprint x\n"})
    assert "old.py" not in made.files
    (left,) = made.left
    assert left.place == "old.py:2"
    assert left.why.startswith("stays as it is, as it is not Python 3.")


def test_the_environment_contexts_and_names_of_flask_alone_stay_those_of_flask(tmp_path: Path) -> None:
    text = "from flask.logging import default_handler, wsgi_errors_stream\napp.config.from_prefixed_env()\n"
    text += "context = app.app_context()\ncontext.push()\ncontext.pop()\n"
    made = port(tmp_path, {"app.py": HEAD.format(names="g") + text})
    lines = made.files["app.py"].decode().splitlines()
    assert lines[-6:] == [
        "from quart.logging import default_handler",
        "from flask.logging import wsgi_errors_stream",
        'app.config.from_prefixed_env("FLASK")',
        "context = app.app_context()",
        "context.__enter__()",
        "context.__exit__(None, None, None)",
    ]
