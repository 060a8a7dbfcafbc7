"""What differs silently: JSON of another type, files, sessions that are only read, forms in templates."""

from tests.port.apps.request import Request, get, post

JSON_BODIES = ("[1]", "{", '{"a": "\u00e9"}'.encode("utf-16"), b"\xff")
APP = """
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
FILES = {
    "app.py": APP,
    "templates/page.html": "{{ shout('a') }} {{ request.form.name }} {{ url_for('seen') }}",
    "static/a.css": "a {}",
}
REQUESTS: list[Request] = [
    *map(get, ("/", "/seen", "/flash", "/none", "/static/a.css", "/headers", "/go")),
    post("/", data={"name": "n"}),
    *(post("/json", content=body, headers={"Content-Type": "application/json"}) for body in JSON_BODIES),
    *(post("/json", content="x"), post("/quiet")),
    get("/static/a.css", headers={"Range": "bytes=0-1"}),
    get("/static/a.css", headers={"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    *(post("/data", data={"x": "1"}), post("/data", content="x")),
    post("/upload", files={"f": ("a.txt", b"hello")}, data={"x": "1"}),
    *map(get, ("/kept", "/memory", "/ticks", "/environ?a=1", "/started")),
    *(post(path, data={"x": "1"}) for path in ("/upload", "/copied")),
    ("DELETE", "/nothing", {}),
    ("DELETE", "/", {}),
    ("OPTIONS", "/json", {}),
    ("HEAD", "/static/a.css", {}),
    post("/fails"),
]
