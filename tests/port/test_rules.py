"""Each rule as code before and after it."""

from pathlib import Path
from textwrap import dedent

import pytest

from portcompare.port.make import port_project
from portcompare.port.records import Port

HEAD = "from flask import Flask, {names}\napp = Flask(__name__)\n"


def port(folder: Path, files: dict[str, str]) -> Port:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = port_project(folder)
    assert made is not None
    return made


def port_text(folder: Path, text: str) -> str:
    """The text of a module's port, whose app is in the file beside it."""
    app = "from flask import Flask\nimport views\napp = Flask(__name__)\n"
    return port(folder, {"app.py": app, "views.py": dedent(text).lstrip()}).files["views.py"].decode()


VIEW = "from flask import Blueprint, {names}\nbp = Blueprint('b', __name__)\n"


def case(name: str, names: str, before: str, after: str, imports: str = "") -> object:
    """A view's code before and after: `names` are imported from flask, `imports` must be there."""
    return pytest.param(names, dedent(before).lstrip(), dedent(after).lstrip(), imports, id=name)


@pytest.mark.parametrize(
    ("names", "before", "after", "imports"),
    [
        case(
            "what needs nothing is async, with its comments",
            "g",
            """
            @bp.get("/")   # the first
            def view(  a ):
                # nothing
                return  'x'
            """,
            """
            @bp.get("/")   # the first
            async def view(  a ):
                # nothing
                return  'x'
            """,
        ),
        case(
            "attributes and calls that Quart has awaited",
            "request, render_template",
            """
            @bp.post("/")
            def view():
                name = request.form["name"]
                data = request.get_json(silent=True) or request.json
                return render_template(
                    "x.html",  # the page
                    name=name, files=request.files.getlist("f"), q=request.args["q"],
                )
            """,
            """
            @bp.post("/")
            async def view():
                name = (await request.form)["name"]
                data = await request.get_json(silent=True) or await request.json
                return await render_template(
                    "x.html",  # the page
                    name=name, files=(await request.files).getlist("f"), q=request.args["q"],
                )
            """,
        ),
        case(
            "upwards through the project's own calls, and in comprehensions",
            "render_template",
            """
            class Page:
                def show(self, name):
                    return render_template(name).strip()
            def all_pages(page):
                return [page.show(name) for name in "ab"]
            @bp.route("/")
            def view():
                return "".join(all_pages(Page()))
            """,
            """
            class Page:
                async def show(self, name):
                    return (await render_template(name)).strip()
            async def all_pages(page):
                return [await page.show(name) for name in "ab"]
            @bp.route("/")
            async def view():
                return "".join(await all_pages(Page()))
            """,
        ),
        case(
            "decorators, and what they are given",
            "session, abort",
            """
            from functools import wraps
            def needs(role):
                def decorator(view):
                    @wraps(view)
                    def wrapper(*args, **kwargs):
                        if role not in session:
                            abort(403)
                        return view(*args, **kwargs)
                    return wrapper
                return decorator
            @bp.route("/")
            @needs("admin")
            def view():
                return "x"
            """,
            """
            from functools import wraps
            def needs(role):
                def decorator(view):
                    @wraps(view)
                    async def wrapper(*args, **kwargs):
                        if role not in session:
                            abort(403)
                        return await view(*args, **kwargs)
                    return wrapper
                return decorator
            @bp.route("/")
            @needs("admin")
            async def view():
                return "x"
            """,
        ),
        case(
            "hooks, and the response that they receive",
            "g",
            """
            @bp.before_app_request
            def begin():
                g.x = 1
            @bp.after_request
            def finish(response):
                response.headers["X"] = str(len(response.get_data()))
                return response
            def close(error=None):
                g.pop("x")
            bp.teardown_app_request(close)
            @bp.app_context_processor
            def more():
                return {"shout": shout}
            @bp.app_template_filter()
            def shout(text):
                return text.upper()
            """,
            """
            @bp.before_app_request
            async def begin():
                g.x = 1
            @bp.after_request
            async def finish(response):
                response.headers["X"] = str(len(await response.get_data()))
                return response
            async def close(error=None):
                g.pop("x")
            bp.teardown_app_request(close)
            @bp.app_context_processor
            async def more():
                return {"shout": shout}
            @bp.app_template_filter()
            def shout(text):
                return text.upper()
            """,
        ),
        case(
            "time that is waited for, and a lock that is held meanwhile",
            "jsonify",
            """
            from threading import Lock
            from time import sleep
            lock = Lock()
            def wait(seconds):
                with lock:
                    sleep(seconds)
            @bp.get("/")
            def view():
                wait(1)
                return jsonify(a=1).get_data(as_text=True)
            """,
            """
            lock = asyncio.Lock()
            async def wait(seconds):
                async with lock:
                    await asyncio.sleep(seconds)
            @bp.get("/")
            async def view():
                await wait(1)
                return await jsonify(a=1).get_data(as_text=True)
            """,
            "import asyncio",
        ),
        case(
            "locks that nothing is waited for in, or that are held otherwise, stay",
            "jsonify",
            """
            import threading
            import time
            lock = threading.Lock()
            other = threading.Lock()
            @bp.get("/")
            def view():
                with lock:
                    return jsonify(a=1)
            @bp.get("/b")
            def wait():
                other.acquire()
                with other:
                    time.sleep(1)
            """,
            """
            import threading
            import time
            lock = threading.Lock()
            other = threading.Lock()
            @bp.get("/")
            async def view():
                with lock:
                    return jsonify(a=1)
            @bp.get("/b")
            def wait():
                other.acquire()
                with other:
                    time.sleep(1)
            """,
        ),
        case(
            "what blocks stays in a thread, and waits there for what is awaited elsewhere",
            "g, request, render_template, flash",
            """
            import sqlite3
            def get_db():
                g.db = sqlite3.connect("x")
                return g.db
            @bp.post("/")
            def view():
                get_db().execute("", (request.form["a"],))
                flash("done")
                return render_template("x.html")
            """,
            """
            import sqlite3
            def get_db():
                g.db = sqlite3.connect("x")
                return g.db
            @bp.post("/")
            def view():
                get_db().execute("", (wait_for(request.form)["a"],))
                wait_for(flash("done"))
                return render_in_thread("x.html")
            """,
            "from as_flask import render_in_thread, wait_for",
        ),
        case(
            "a call that blocks goes to a thread alone where something else is waited for",
            "g",
            """
            import subprocess
            import time
            def read():
                return open("x").read()
            @bp.get("/")
            def view():
                time.sleep(1)
                return read() + subprocess.run(["a"]).stdout
            """,
            """
            import subprocess
            def read():
                return open("x").read()
            @bp.get("/")
            async def view():
                await asyncio.sleep(1)
                return await in_thread(read)() + (await in_thread(subprocess.run)(["a"])).stdout
            """,
            "import asyncio",
        ),
        case(
            "a streaming generator that waits, and a function that a thread runs",
            "Response, stream_with_context",
            """
            import time
            from threading import Thread
            def ticks():
                time.sleep(1)
                yield "x"
            def work():
                time.sleep(1)
            @bp.get("/")
            def view():
                Thread(target=work).start()
                return Response(stream_with_context(ticks()))
            """,
            """
            import time
            from threading import Thread
            async def ticks():
                await asyncio.sleep(1)
                yield "x"
            def work():
                time.sleep(1)
            @bp.get("/")
            async def view():
                Thread(target=work).start()
                return Response(stream_with_context(ticks()))
            """,
            "from as_flask import stream_with_context",
        ),
        case(
            "a copy of the request's context: what gets it and what makes it stay in a thread",
            "copy_current_request_context, request",
            """
            @bp.post("/a")
            def one(pool):
                @copy_current_request_context
                def work():
                    return request.json
                return pool.run(work)
            @bp.get("/b")
            def other(thread):
                thread(copy_current_request_context(print)).join()
            """,
            """
            @bp.post("/a")
            def one(pool):
                @copy_current_request_context
                def work():
                    return wait_for(request.json)
                return pool.run(work)
            @bp.get("/b")
            def other(thread):
                thread(copy_current_request_context(print)).join()
            """,
            "from as_flask import copy_current_request_context, wait_for",
        ),
        case(
            "functions that are chosen from a container, or by their name",
            "current_app, request",
            """
            def read():
                return request.form
            class Page:
                def show(self):
                    return request.form
                def hide(self):
                    return "x"
            ALL = {"read": read, "x": lambda: "x"}
            @bp.post("/a")
            def one(name):
                return ALL[name]()
            @bp.post("/b")
            def other(name):
                return ALL.get(name, lambda: "none")()
            @bp.post("/c")
            def last(name):
                return getattr(Page(), name)()
            """,
            """
            async def read():
                return await request.form
            class Page:
                async def show(self):
                    return await request.form
                def hide(self):
                    return "x"
            ALL = {"read": read, "x": lambda: "x"}
            @bp.post("/a")
            async def one(name):
                return await current_app.ensure_async(ALL[name])()
            @bp.post("/b")
            async def other(name):
                return await current_app.ensure_async(ALL.get(name, lambda: "none"))()
            @bp.post("/c")
            async def last(name):
                return await current_app.ensure_async(getattr(Page(), name))()
            """,
        ),
        case(
            "requests over HTTP, by one shared client",
            "abort",
            """
            import requests
            @bp.get("/")
            def view():
                try:
                    found = requests.get("http://x", params={"a": 1}, allow_redirects=False)
                except requests.exceptions.Timeout:
                    abort(504)
                return found.json() if found.ok else found.text
            """,
            """
            import httpx
            @bp.get("/")
            async def view():
                try:
                    found = await http.get("http://x", params={"a": 1}, follow_redirects=False)
                except httpx.TimeoutException:
                    abort(504)
                return found.json() if found.is_success else found.text
            """,
            "from as_flask import http",
        ),
        case(
            "requests that mean something else to httpx stay in a thread",
            "g",
            """
            import requests
            @bp.get("/")
            def view():
                return requests.get("http://x", stream=True).raw.read()
            """,
            """
            import requests
            @bp.get("/")
            def view():
                return requests.get("http://x", stream=True).raw.read()
            """,
        ),
        case(
            "a client of httpx, wherever it is made",
            "g",
            """
            import httpx
            client = httpx.Client()
            @bp.get("/")
            def view():
                with httpx.Client() as own:
                    own.get("http://x")
                    own.close()
                return client.get("http://x").json()
            """,
            """
            import httpx
            client = httpx.AsyncClient()
            @bp.get("/")
            async def view():
                async with httpx.AsyncClient() as own:
                    await own.get("http://x")
                    await own.aclose()
                return (await client.get("http://x")).json()
            """,
        ),
        case(
            "views of classes, and what their decorators are given",
            "request",
            """
            from flask.views import MethodView
            def checked(view):
                def wrapper(**kwargs):
                    return view(**kwargs)
                return wrapper
            class Items(MethodView):
                decorators = [checked]
                def post(self):
                    return request.json
            bp.add_url_rule("/", view_func=Items.as_view("items"))
            """,
            """
            from quart.views import MethodView
            def checked(view):
                async def wrapper(**kwargs):
                    return await view(**kwargs)
                return wrapper
            class Items(MethodView):
                decorators = [checked]
                async def post(self):
                    return await request.json
            bp.add_url_rule("/", view_func=Items.as_view("items"))
            """,
        ),
        case(
            "one decorator of views of both kinds",
            "jsonify",
            """
            def logged(view):
                def wrapper(**kwargs):
                    return view(**kwargs)
                return wrapper
            @bp.get("/a")
            @logged
            def one():
                return jsonify(1)
            @bp.get("/b")
            @logged
            def other():
                return open("x").read()
            """,
            """
            def logged(view):
                async def wrapper(**kwargs):
                    return await current_app.ensure_async(view)(**kwargs)
                return wrapper
            @bp.get("/a")
            @logged
            async def one():
                return jsonify(1)
            @bp.get("/b")
            @logged
            def other():
                return open("x").read()
            """,
            "from quart import current_app",
        ),
        case(
            "a property, a lambda and a generator expression, where await cannot go",
            "g, render_template, request",
            """
            class Page:
                @property
                def text(self):
                    return render_template("a")
            @bp.get("/a")
            def one():
                return Page().text
            @bp.get("/b")
            def other():
                return str(render_template(n) for n in max(g.a, key=lambda x: request.form[x]))
            """,
            """
            class Page:
                @property
                def text(self):
                    return render_in_thread("a")
            @bp.get("/a")
            def one():
                return Page().text
            @bp.get("/b")
            def other():
                return str(render_in_thread(n) for n in max(g.a, key=lambda x: wait_for(request.form)[x]))
            """,
            "render_in_thread",
        ),
        case(
            "methods of base classes, and of objects that nothing is known of",
            "current_app, request, views",
            """
            class Base(views.MethodView):
                def get(self, name):
                    return request.form
            class Page(Base):
                def get(self, name):
                    return super().get(name)
            class Named(Page):
                def get(self, name):
                    return super(Page, self).get(name)
            class Store:
                def keep(self):
                    return open("x").read()
                def accept(self):
                    return request.form
            @bp.get("/a")
            def one():
                return current_app.store.keep()
            @bp.get("/b")
            def other(store):
                return store.accept()
            """,
            """
            class Base(views.MethodView):
                async def get(self, name):
                    return await request.form
            class Page(Base):
                async def get(self, name):
                    return await super().get(name)
            class Named(Page):
                async def get(self, name):
                    return await super(Page, self).get(name)
            class Store:
                def keep(self):
                    return open("x").read()
                async def accept(self):
                    return await request.form
            @bp.get("/a")
            def one():
                return current_app.store.keep()
            @bp.get("/b")
            async def other(store):
                return await current_app.ensure_async(store.accept)()
            """,
        ),
        case(
            "what other modules bring all at once",
            "g",
            """
            from sqlite3 import *
            from flask import *
            @bp.get("/a")
            def one():
                return connect("x").execute("").fetchall()
            @bp.get("/b")
            def other():
                return render_template("x")
            """,
            """
            from sqlite3 import *
            from quart import *
            @bp.get("/a")
            def one():
                return connect("x").execute("").fetchall()
            @bp.get("/b")
            async def other():
                return await render_template("x")
            """,
        ),
        case(
            "what is awaited of a file, however it was read",
            "request",
            """
            @bp.post("/")
            def view():
                f = request.files.get("f")
                f.save("x")
                for name, each in request.files.items():
                    each.save(name)
            """,
            """
            @bp.post("/")
            async def view():
                f = (await request.files).get("f")
                await f.save("x")
                for name, each in (await request.files).items():
                    await each.save(name)
            """,
        ),
        case(
            "what is async already",
            "request",
            """
            import asyncio
            import httpx
            async def one():
                with httpx.Client() as client:
                    client.get("x")
            def script():
                asyncio.run(one())
            async def read():
                return request.form
            @bp.post("/")
            async def view():
                return await read()
            """,
            """
            import asyncio
            import httpx
            async def one():
                with httpx.Client() as client:
                    client.get("x")
            def script():
                asyncio.run(one())
            async def read():
                return await request.form
            @bp.post("/")
            async def view():
                return await read()
            """,
        ),
    ],
)
def test_code_before_and_after(tmp_path: Path, names: str, before: str, after: str, imports: str) -> None:
    text = port_text(tmp_path, VIEW.format(names=names) + before)
    assert text.endswith(f"bp = Blueprint('b', __name__)\n{after}") or _body(text) == _body(after)
    assert imports in text
    assert "flask" not in text.replace("as_flask", "")


def _body(text: str) -> str:
    """A module without the lines that import, which rules replace, add and leave out."""
    lines = [line for line in text.splitlines() if not line.startswith(("import ", "from ", "bp = "))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("app.wsgi_app = print(app.wsgi_app)", "Quart serves ASGI"),
        ("@app.get('/')\ndef view():\n    return request.stream.read()", "Quart has no stream"),
        ("@app.after_request\ndef view(r):\n    return r.call_on_close(print)", "responses of Quart have no"),
        ("@app.get('/')\nasync def view():\n    return open('x').name", "open waits for files, and blocks"),
        ("@app.url_defaults\ndef view(e, v):\n    open('x')", "Quart calls this on the event loop"),
        ("import flask_sock", "flask_sock: it serves WebSockets of WSGI"),
        ("from flask_unheard_of import x", "flask_unheard_of: there is no rule"),
        ("import tracing\ntracing.Tracer().follow(of=print(app) or app)", "tracing receives the app"),
        ("page = render_template('x')", "it runs when the module is imported"),
    ],
)
def test_what_is_left_by_hand_has_a_comment_at_its_place(tmp_path: Path, text: str, why: str) -> None:
    made = port(tmp_path, {"app.py": HEAD.format(names="request, render_template") + text})
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


@pytest.mark.parametrize(
    "call",
    [
        *("asyncio.run(read())", "loop.run_until_complete(read())", "async_to_sync(read)()"),
        *("hashlib.pbkdf2_hmac('sha256', b'', b'', 1)", "hashlib.scrypt(b'')", "bcrypt.hashpw(b'', b'')"),
    ],
)
def test_what_runs_an_event_loop_or_computes_for_long_stays_in_a_thread(tmp_path: Path, call: str) -> None:
    text = "import asyncio, bcrypt, hashlib, time\nfrom asgiref.sync import async_to_sync\n"
    text += f"@app.get('/')\ndef view(loop, read):\n    time.sleep(1)\n    return {call}\n"
    made = port(tmp_path, {"app.py": HEAD.format(names="g") + text})
    assert made.routes[0].outcome == "in a thread"
    assert f"\ndef view(loop, read):\n    time.sleep(1)\n    return {call}\n" in made.files["app.py"].decode()


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
    tests = """
        import pytest
        from app import app
        @pytest.fixture
        def client():
            with app.app_context():
                yield app.test_client()
        def log_in(client, name):
            return client.post("/", data={"name": name}, follow_redirects=True)
        def test_it(client):
            assert b"x" in log_in(client, "a").data
            with client.session_transaction() as session:
                session["x"] = 1
            assert client.get("/").get_json() == {}
        """
    made = port(tmp_path, {"app.py": HEAD.format(names="g"), "tests/test_app.py": dedent(tests)})
    assert made.files["tests/test_app.py"].decode() == dedent(
        """
        import pytest
        from app import app
        @pytest.fixture
        def client():
            with app.app_context():
                yield app.test_client()
        async def log_in(client, name):
            return await client.post("/", form={"name": name}, follow_redirects=True)
        async def test_it(client):
            assert b"x" in await (await log_in(client, "a")).data
            async with client.session_transaction() as session:
                session["x"] = 1
            assert await (await client.get("/")).get_json() == {}
        """
    )


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
        auth, api, shop = Guard(), Api(app), Shop()
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
        "/b": "async",
    }


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
