"""What waits or blocks, as changes of code."""

from pathlib import Path

import pytest

from tests.port.rules import case, check_code


@pytest.mark.parametrize(
    ("names", "change", "imports"),
    [
        case(
            "time that is waited for, and a lock that is held meanwhile",
            "jsonify",
            """
            - from threading import Lock
            - from time import sleep
            - lock = Lock()
            - def wait(seconds):
            -     with lock:
            -         sleep(seconds)
            + lock = asyncio.Lock()
            + async def wait(seconds):
            +     async with lock:
            +         await asyncio.sleep(seconds)
              @bp.get("/")
            - def view():
            + async def view():
            -     wait(1)
            +     await wait(1)
            -     return jsonify(a=1).get_data(as_text=True)
            +     return await jsonify(a=1).get_data(as_text=True)
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
            - def view():
            + async def view():
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
            -     get_db().execute("", (request.form["a"],))
            +     get_db().execute("", (wait_for(request.form)["a"],))
            -     flash("done")
            +     wait_for(flash("done"))
            -     return render_template("x.html")
            +     return render_in_thread("x.html")
            """,
            "from as_flask import render_in_thread, wait_for",
        ),
        case(
            "a call that blocks goes to a thread alone where something else is waited for",
            "g",
            """
              import subprocess
            - import time
              def read():
                  return open("x").read()
              @bp.get("/")
            - def view():
            + async def view():
            -     time.sleep(1)
            +     await asyncio.sleep(1)
            -     return read() + subprocess.run(["a"]).stdout
            +     return await in_thread(read)() + (await in_thread(subprocess.run)(["a"])).stdout
            """,
            "import asyncio",
        ),
        case(
            "a streaming generator that waits, and a function that a thread runs",
            "Response, stream_with_context",
            """
              import time
              from threading import Thread
            - def ticks():
            + async def ticks():
            -     time.sleep(1)
            +     await asyncio.sleep(1)
                  yield "x"
              def work():
                  time.sleep(1)
              @bp.get("/")
            - def view():
            + async def view():
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
            -         return request.json
            +         return wait_for(request.json)
                  return pool.run(work)
              @bp.get("/b")
              def other(thread):
                  thread(copy_current_request_context(print)).join()
            """,
            "from as_flask import copy_current_request_context, wait_for",
        ),
        case(
            "objects that are called, and operators and properties of objects, where await cannot go",
            "render_template, request",
            """
              import time
              class cached:
                  def __init__(self, function):
                      self.function = function
                  def __call__(self, name):
            -         return self.function(name)
            +         return wait_for(self.function(name))
              class Base:
                  def __getitem__(self, name):
            -         return request.form[name]
            +         return wait_for(request.form)[name]
              class Page(Base):
                  @property
                  def text(self):
                      return open("x").read()
              @cached
            - def load(name):
            + async def load(name):
            -     return render_template(name)
            +     return await render_template(name)
              @bp.get("/a")
              def one():
                  return load("a")
              @bp.get("/b")
              def other():
                  return Page()["a"]
              @bp.get("/c")
              def last():
                  time.sleep(1)
                  return Page().text
              @bp.get("/d")
            - def none():
            + async def none():
                  return str(isinstance(Page(), Base))
            """,
        ),
        case(
            "names that are imported under other names, and what only a method of no request uses",
            "stream_with_context as keep, render_template",
            """
              class Page:
                  def __str__(self):
            -         return render_template("a")
            +         return render_in_thread("a")
              @bp.get("/")
            - def view():
            + async def view():
                  return keep(iter("ab"))
            """,
            "from as_flask import render_in_thread, stream_with_context as keep",
        ),
        case(
            "requests over HTTP, by one shared client",
            "abort",
            """
              import requests
              @bp.get("/")
            - def view():
            + async def view():
                  try:
            -         found = requests.get("http://x", params={"a": 1}, allow_redirects=False)
            +         found = await HttpSession().get("http://x", params={"a": 1}, allow_redirects=False)
                  except requests.exceptions.Timeout:
                      abort(504)
                  return found.json() if found.ok else found.text
            """,
            "from as_flask import HttpSession",
        ),
        case(
            "sessions of requests, urllib, and where each stays in a thread",
            "g",
            """
              import json
              import requests
            - from requests import Session
            - from urllib.request import urlopen
              class Api:
                  def __init__(self):
            -         self.session = Session()
            +         self.session = HttpSession()
            -     def read(self, path):
            +     async def read(self, path):
            -         return self.session.get(path, timeout=(1, 2)).json()
            +         return (await self.session.get(path, timeout=(1, 2))).json()
              @bp.get("/a")
            - def one():
            + async def one():
            -     return Api().read("http://x")
            +     return await Api().read("http://x")
              @bp.get("/b")
            - def other():
            + async def other():
            -     with urlopen("http://x") as found:
            +     with await urlopen("http://x") as found:
                      return json.load(found)
              @bp.get("/c")
              def last():
                  return "".join(map(requests.get, "xy"))
            """,
            "from as_flask import HttpSession, urlopen",
        ),
        case(
            "functions that builtins call, or that are held with others",
            "current_app, render_template",
            """
              from functools import partial
              def read(name="x"):
            -     return render_template(name)
            +     return render_in_thread(name)
            - def show(name="x"):
            + async def show(name="x"):
            -     return render_template(name)
            +     return await render_template(name)
              ALL = [show]
              ALL.append(lambda: "x")
              @bp.get("/a")
              def one():
                  return "".join(map(read, "ab"))
              @bp.get("/b")
            - def other():
            + async def other():
                  chosen = ALL[0]
            -     return chosen()
            +     return await current_app.ensure_async(chosen)()
              @bp.get("/c")
            - def last():
            + async def last():
            -     return partial(show, "a")()
            +     return await current_app.ensure_async(partial(show, "a"))()
            """,
            "from as_flask import render_in_thread",
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
        ),
        case(
            "a client of httpx, wherever it is made",
            "g",
            """
              import httpx
            - client = httpx.Client()
            + client = httpx.AsyncClient()
              @bp.get("/")
            - def view():
            + async def view():
            -     with httpx.Client() as own:
            +     async with httpx.AsyncClient() as own:
            -         own.get("http://x")
            +         await own.get("http://x")
            -         own.close()
            +         await own.aclose()
            -     return client.get("http://x").json()
            +     return (await client.get("http://x")).json()
            """,
        ),
        case(
            "a property, a lambda and a generator expression, where await cannot go",
            "g, render_template, request",
            """
              class Page:
                  @property
                  def text(self):
            -         return render_template("a")
            +         return render_in_thread("a")
              @bp.get("/a")
              def one():
                  return Page().text
              @bp.get("/b")
              def other():
            -     return str(render_template(n) for n in max(g.a, key=lambda x: request.form[x]))
            +     return str(render_in_thread(n) for n in max(g.a, key=lambda x: wait_for(request.form)[x]))
            """,
            "render_in_thread",
        ),
    ],
)
def test_a_port_waits_without_blocking_the_event_loop(
    tmp_path: Path, names: str, change: str, imports: str
) -> None:
    check_code(tmp_path, names, change, imports)
