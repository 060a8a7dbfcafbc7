"""What a port awaits, as changes of code."""

from pathlib import Path

import pytest

from tests.port.rules import case, check_code


@pytest.mark.parametrize(
    ("names", "change", "imports"),
    [
        case(
            "what needs nothing is async, with its comments",
            "g",
            """
              @bp.get("/")   # the first
            - def view(  a ):
            + async def view(  a ):
                  # nothing
                  return  'x'
            """,
        ),
        case(
            "attributes and calls that Quart has awaited",
            "request, render_template",
            """
              @bp.post("/")
            - def view():
            + async def view():
            -     name = request.form["name"]
            +     name = (await request.form)["name"]
            -     data = request.get_json(silent=True) or request.json
            +     data = await request.get_json(silent=True) or await request.json
            -     return render_template(
            +     return await render_template(
                      "x.html",  # the page
            -         name=name, files=request.files.getlist("f"), q=request.args["q"],
            +         name=name, files=(await request.files).getlist("f"), q=request.args["q"],
                  )
            """,
        ),
        case(
            "upwards through the project's own calls, and in comprehensions",
            "render_template",
            """
              class Page:
            -     def show(self, name):
            +     async def show(self, name):
            -         return render_template(name).strip()
            +         return (await render_template(name)).strip()
            - def all_pages(page):
            + async def all_pages(page):
            -     return [page.show(name) for name in "ab"]
            +     return [await page.show(name) for name in "ab"]
              @bp.route("/")
            - def view():
            + async def view():
            -     return "".join(all_pages(Page()))
            +     return "".join(await all_pages(Page()))
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
            -         def wrapper(*args, **kwargs):
            +         async def wrapper(*args, **kwargs):
                          if role not in session:
                              abort(403)
            -             return view(*args, **kwargs)
            +             return await view(*args, **kwargs)
                      return wrapper
                  return decorator
              @bp.route("/")
              @needs("admin")
            - def view():
            + async def view():
                  return "x"
            """,
        ),
        case(
            "hooks, and the response that they receive",
            "current_app, g, render_template",
            """
              @bp.before_app_request
            - def begin():
            + async def begin():
                  g.x = 1
              @bp.after_request
            - def finish(response):
            + async def finish(response):
            -     response.headers["X"] = str(len(response.get_data()))
            +     response.headers["X"] = str(len(await response.get_data()))
                  return response
            - def close(error=None):
            + async def close(error=None):
                  g.pop("x")
              bp.teardown_app_request(close)
            - def more():
            + async def more():
                  return {"show": show}
              bp.app_context_processor(more)
              def show():
            -     return render_template("x")
            +     return render_in_thread("x")
              @current_app.template_filter()
              def shout(text):
                  return text.upper()
            """,
        ),
        case(
            "functions that are chosen from a container, or by their name",
            "current_app, request",
            """
            - def read():
            + async def read():
            -     return request.form
            +     return await request.form
              class Page:
            -     def show(self):
            +     async def show(self):
            -         return request.form
            +         return await request.form
                  def hide(self):
                      return "x"
              ALL = {"read": read, "x": lambda: "x"}
              @bp.post("/a")
            - def one(name):
            + async def one(name):
            -     return ALL[name]()
            +     return await current_app.ensure_async(ALL[name])()
              @bp.post("/b")
            - def other(name):
            + async def other(name):
            -     return ALL.get(name, lambda: "none")()
            +     return await current_app.ensure_async(ALL.get(name, lambda: "none"))()
              @bp.post("/c")
            - def last(name):
            + async def last(name):
            -     return getattr(Page(), name)()
            +     return await current_app.ensure_async(getattr(Page(), name))()
            """,
        ),
        case(
            "views of classes, and what their decorators are given",
            "request",
            """
            - from flask.views import MethodView
            + from quart.views import MethodView
              def checked(view):
            -     def wrapper(**kwargs):
            +     async def wrapper(**kwargs):
            -         return view(**kwargs)
            +         return await view(**kwargs)
                  return wrapper
              class Items(MethodView):
                  decorators = [checked]
            -     def post(self):
            +     async def post(self):
            -         return request.json
            +         return await request.json
              bp.add_url_rule("/", view_func=Items.as_view("items"))
            """,
        ),
        case(
            "one decorator of views of both kinds",
            "jsonify",
            """
              def logged(view):
            -     def wrapper(**kwargs):
            +     async def wrapper(**kwargs):
            -         return view(**kwargs)
            +         return await current_app.ensure_async(view)(**kwargs)
                  return wrapper
              @bp.get("/a")
              @logged
            - def one():
            + async def one():
                  return jsonify(1)
              @bp.get("/b")
              @logged
              def other():
                  return open("x").read()
            """,
            "from quart import current_app",
        ),
        case(
            "methods of base classes, and of objects that nothing is known of",
            "current_app, request, views",
            """
              class Base(views.MethodView):
            -     def get(self, name):
            +     async def get(self, name):
            -         return request.form
            +         return await request.form
              class Page(Base):
            -     def get(self, name):
            +     async def get(self, name):
            -         return super().get(name)
            +         return await super().get(name)
              class Named(Page):
            -     def get(self, name):
            +     async def get(self, name):
            -         return super(Page, self).get(name)
            +         return await super(Page, self).get(name)
              class Store:
                  def keep(self):
                      return open("x").read()
            -     def accept(self):
            +     async def accept(self):
            -         return request.form
            +         return await request.form
              @bp.get("/a")
              def one():
                  return current_app.store.keep()
              @bp.get("/b")
            - def other(store):
            + async def other(store):
            -     return store.accept()
            +     return await current_app.ensure_async(store.accept)()
            """,
        ),
        case(
            "what other modules bring all at once",
            "g",
            """
              from sqlite3 import *
            - from flask import *
            + from quart import *
              @bp.get("/a")
              def one():
                  return connect("x").execute("").fetchall()
              @bp.get("/b")
            - def other():
            + async def other():
            -     return render_template("x")
            +     return await render_template("x")
            """,
        ),
        case(
            "what is awaited of a file, however it was read",
            "request",
            """
              @bp.post("/")
            - def view():
            + async def view():
            -     f = request.files.get("f")
            +     f = (await request.files).get("f")
            -     f.save("x")
            +     await f.save("x")
            -     for name, each in request.files.items():
            +     for name, each in (await request.files).items():
            -         each.save(name)
            +         await each.save(name)
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
            -     return request.form
            +     return await request.form
              @bp.post("/")
              async def view():
                  return await read()
            """,
        ),
    ],
)
def test_a_port_awaits_what_quart_has_awaited(tmp_path: Path, names: str, change: str, imports: str) -> None:
    check_code(tmp_path, names, change, imports)
