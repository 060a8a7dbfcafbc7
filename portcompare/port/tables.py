"""What is known of Flask, Quart, and the libraries that their applications use: literal tables.

Quart is that of 0.20 to 0.22: https://quart.palletsprojects.com/en/latest/reference/source/quart.html
"""

from dataclasses import dataclass
from typing import Literal

_VERBS = ("delete", "get", "head", "options", "patch", "post", "put", "request")

FLASK_NAMES = frozenset(
    {
        *(
            "Blueprint",
            "Config",
            "Flask",
            "Request",
            "Response",
            "abort",
            "after_this_request",
            "current_app",
        ),
        *("copy_current_request_context", "flash", "g", "get_flashed_messages", "get_template_attribute"),
        *(
            "has_app_context",
            "has_request_context",
            "jsonify",
            "make_response",
            "redirect",
            "render_template",
        ),
        *("render_template_string", "request", "send_file", "send_from_directory", "session"),
        *("stream_template", "stream_template_string", "stream_with_context", "url_for"),
    }
)
"""What `flask` has at its top, and also in one of its modules."""

AWAITED = {
    **dict.fromkeys(
        [
            *("flask.flash", "flask.make_response", "flask.render_template", "flask.render_template_string"),
            *("flask.send_file", "flask.send_from_directory", "flask.stream_template"),
            *("flask.stream_template_string", "flask.current_app.make_response"),
            *("flask.current_app.send_static_file", "flask.request.get_data", "flask.request.get_json"),
        ],
        "call",
    ),
    **dict.fromkeys(
        [
            *("flask.request.data", "flask.request.files", "flask.request.form", "flask.request.json"),
            "flask.request.values",
        ],
        "attribute",
    ),
}
"""What Quart returns as an awaitable: results of calls, and attributes."""

AWAITED_METHODS = {
    "flask.Response": {
        "calls": {"add_etag", "freeze", "get_data", "get_json", "make_conditional"},
        "attributes": {"data", "json"},
    },
    "flask.FileStorage": {"calls": {"save"}, "attributes": set()},
    "flask.Flask": {"calls": {"make_response", "send_static_file"}, "attributes": set()},
    "flask.testing.FlaskClient": {
        "calls": {"delete", "get", "head", "open", "options", "patch", "post", "put", "trace"},
        "attributes": set(),
    },
    "httpx.Client": {
        "calls": {"delete", "get", "head", "options", "patch", "post", "put", "request", "send"},
        "attributes": set(),
    },
}
"""Methods and attributes that are awaited, by the kind of their object."""

ASYNC_WITH = {
    "flask.Flask": {"app_context", "request_context", "test_request_context"},
    "flask.testing.FlaskClient": {"session_transaction", ""},
    "httpx.Client": {"stream", ""},
    "threading.Lock": {""},
    "threading.RLock": {""},
}
"""What becomes `async with`, by the kind of the object: its methods, and itself as an empty name."""

LOCKS = frozenset({"threading.Lock", "threading.RLock"})
"""Kinds that are held; every other that is not a Lock counts as an RLock, which asyncio does not have."""

CONVERTED = {"httpx.Client": "httpx.AsyncClient", "threading.Lock": "asyncio.Lock"}
"""Classes whose objects are awaited in the port, and what they become."""

KINDS = {
    "flask.Blueprint": "flask.Blueprint",
    "flask.Flask": "flask.Flask",
    "flask.Response": "flask.Response",
    "flask.current_app": "flask.Flask",
    "flask.current_app._get_current_object": "flask.Flask",
    "flask.jsonify": "flask.Response",
    "flask.make_response": "flask.Response",
    "flask.redirect": "flask.Response",
    "flask.request.files": "flask.FileStorage",
    "flask.send_file": "flask.Response",
    "flask.send_from_directory": "flask.Response",
    "httpx.Client": "httpx.Client",
    "multiprocessing.Lock": "threading.RLock",
    "threading.BoundedSemaphore": "threading.RLock",
    "threading.Condition": "threading.RLock",
    "threading.Lock": "threading.Lock",
    **{
        f"requests.{verb}": "requests.Response"
        for verb in ("delete", "get", "patch", "post", "put", "request")
    },
    "threading.RLock": "threading.RLock",
    "threading.Semaphore": "threading.RLock",
    "werkzeug.datastructures.FileStorage": "flask.FileStorage",
}
"""The kinds of the objects that calls make, or that names stand for."""

METHOD_RESULTS = {
    ("flask.Flask", "test_client"): "flask.testing.FlaskClient",
    ("flask.Flask", "make_response"): "flask.Response",
    ("flask.FileStorage", "get"): "flask.FileStorage",
    ("flask.FileStorage", "getlist"): "flask.FileStorage",
    ("flask.FileStorage", "values"): "flask.FileStorage",
    **{
        ("flask.testing.FlaskClient", name): "flask.Response"
        for name in AWAITED_METHODS["flask.testing.FlaskClient"]["calls"]
    },
}
"""The kinds of what methods return."""

PASSING = frozenset(
    {
        *(
            "builtins.iter",
            "copy.copy",
            "enumerate",
            "functools.partial",
            "getattr",
            "iter",
            "itertools.chain",
        ),
        *("itertools.cycle", "list", "next", "random.choice", "reversed", "set", "sorted", "tuple", "zip"),
        *("cast", "typing.cast"),
    }
)
"""Calls whose result holds what their arguments hold."""

INSPECTING = PASSING | {
    *("callable", "functools.update_wrapper", "functools.wraps", "hasattr", "inspect.iscoroutinefunction"),
    *("inspect.signature", "isinstance", "print", "repr", "setattr", "str"),
}
"""Calls that do not call the functions that they receive."""

ROUTES = frozenset({"delete", "endpoint", "get", "patch", "post", "put", "route"})
"""Decorators of apps and blueprints for views."""

HOOKS = {
    **dict.fromkeys(["after_app_request", "after_request", "after_this_request"], "flask.Response"),
    **dict.fromkeys(
        [
            *("app_context_processor", "app_errorhandler", "before_app_request", "before_request"),
            *("context_processor", "errorhandler", "register_error_handler", "teardown_app_request"),
            *("teardown_appcontext", "teardown_request"),
        ]
    ),
}
"""Other functions that Flask calls and Quart may await, with the kind of what they receive."""

SYNCHRONOUS_HOOKS = {
    **dict.fromkeys(
        ["app_url_defaults", "app_url_value_preprocessor", "url_defaults", "url_value_preprocessor"],
        "request",
    ),
    **dict.fromkeys(
        [f"{app}template_{kind}" for app in ("", "app_") for kind in ("filter", "global", "test")], "template"
    ),
    **dict.fromkeys(
        [f"add_{app}template_{kind}" for app in ("", "app_") for kind in ("filter", "global", "test")],
        "template",
    ),
}
"""What Quart calls without `await`, and where: before each request, or within templates."""

CLIENTS = frozenset({"httpx", "requests"})
WAITS = {
    "time.sleep": "asyncio.sleep",
    **{f"{library}.{verb}": f"http.{verb}" for library in sorted(CLIENTS) for verb in _VERBS},
}
"""Calls that wait, and what waits as long without holding anything."""

REQUEST_ARGUMENTS = frozenset(
    {
        "allow_redirects",
        "auth",
        "data",
        "follow_redirects",
        "headers",
        "json",
        "method",
        "params",
        "timeout",
        "url",
    }
)
REQUESTS_ATTRIBUTES = frozenset(
    {"content", "headers", "json", "ok", "raise_for_status", "status_code", "text"}
)
"""What requests and httpx have in common: arguments of requests, and attributes of responses."""

REQUESTS_ERRORS = {
    f"requests{module}.{name}": f"httpx.{new}"
    for module in ("", ".exceptions")
    for name, new in (
        ("ConnectTimeout", "ConnectTimeout"),
        ("ConnectionError", "TransportError"),
        ("HTTPError", "HTTPStatusError"),
        ("ReadTimeout", "ReadTimeout"),
        ("RequestException", "HTTPError"),
        ("Timeout", "TimeoutException"),
    )
}
"""The exceptions of requests, and those of httpx that are raised instead."""

REQUESTS = {
    *REQUESTS_ERRORS,
    "requests.exceptions",
    *(name for name in WAITS if name.startswith("requests.")),
}
"""All of requests that has a rule."""

BLOCKING_PACKAGES = {
    **dict.fromkeys(["MySQLdb", "cx_Oracle", "dbm", "duckdb", "mysql", "oracledb"], "a database"),
    **dict.fromkeys(
        ["peewee", "playhouse", "pg8000", "pony", "psycopg", "psycopg2", "pymssql"], "a database"
    ),
    **dict.fromkeys(["pymysql", "pyodbc", "records", "sqlalchemy", "sqlite3", "sqlmodel"], "a database"),
    **dict.fromkeys(
        ["cassandra", "elasticsearch", "memcache", "mongoengine", "neo4j", "opensearchpy"], "a store"
    ),
    **dict.fromkeys(["pylibmc", "pymemcache", "pymongo", "redis", "shelve", "tinydb"], "a store"),
    **dict.fromkeys(["boto", "boto3", "botocore", "minio", "stripe", "twilio"], "a service"),
    **dict.fromkeys(["celery", "kafka", "kombu", "pika", "rq"], "a queue"),
    **dict.fromkeys(["requests", "urllib3"], "a server"),
    **dict.fromkeys(
        ["ftplib", "imaplib", "ldap", "ldap3", "paramiko", "poplib", "smtplib", "socket"], "a server"
    ),
    **dict.fromkeys(["subprocess"], "a process"),
    **dict.fromkeys(["fileinput", "shutil", "tarfile", "tempfile", "zipfile"], "files"),
}
"""Libraries whose calls block, and what they wait for."""

BLOCKING_CALLS = {
    **dict.fromkeys(["open", "io.open", "codecs.open", "json.load", "pickle.load", "pickle.dump"], "files"),
    **dict.fromkeys(
        [
            f"os.{name}"
            for name in ("listdir", "makedirs", "mkdir", "remove", "rename", "scandir", "unlink", "walk")
        ],
        "files",
    ),
    **dict.fromkeys(["flask.current_app.open_resource", "flask.current_app.open_instance_resource"], "files"),
    **dict.fromkeys(["pandas.read_csv", "pandas.read_excel", "pandas.read_json", "pandas.read_sql"], "files"),
    **dict.fromkeys(["os.system", "os.popen", "os.wait", "os.waitpid"], "a process"),
    **dict.fromkeys(["urllib.request.urlopen", "urllib.request.urlretrieve"], "a server"),
    **dict.fromkeys(["input", "getpass.getpass"], "a person"),
    **{f"httpx.{name}": "a server" for name in ("stream",)},
}
"""Single calls that block."""

COMPLETE = frozenset(
    {
        *(
            name
            for name in BLOCKING_CALLS
            if name.startswith("os.") and name not in ("os.popen", "os.scandir", "os.walk")
        ),
        *(f"subprocess.{name}" for name in ("call", "check_call", "check_output", "getoutput", "run")),
        *(
            f"shutil.{name}"
            for name in ("copy", "copy2", "copyfile", "copytree", "disk_usage", "move", "rmtree", "which")
        ),
        *(
            f"pathlib.Path.{name}"
            for name in ("mkdir", "read_bytes", "read_text", "rename", "touch", "unlink")
        ),
        *(f"pathlib.Path.{name}" for name in ("write_bytes", "write_text")),
        *("urllib.request.urlretrieve", "socket.gethostbyname"),
    }
)
"""Calls that have nothing left to block for when they have returned."""

BLOCKING_METHODS = {
    "flask.Flask": {"open_resource": "files", "open_instance_resource": "files"},
    "pathlib.Path": dict.fromkeys(
        [
            *("glob", "iterdir", "mkdir", "open", "read_bytes", "read_text", "rename", "rglob", "touch"),
            *("unlink", "write_bytes", "write_text"),
        ],
        "files",
    ),
}

OPAQUE_DECORATORS = frozenset(
    {
        *(
            "abc.abstractproperty",
            "contextlib.contextmanager",
            "functools.cache",
            "functools.cached_property",
        ),
        *("functools.lru_cache", "functools.singledispatch", "property", "werkzeug.utils.cached_property"),
    }
)
"""Decorators of functions that cannot become `async def`."""

TRANSPARENT_DECORATORS = frozenset(
    {
        *("abc.abstractmethod", "classmethod", "functools.wraps", "staticmethod", "typing.no_type_check"),
        *("typing.overload", "typing_extensions.override", "typing.override"),
    }
)
"""Decorators that are alike for both."""

Treatment = Literal["kept", "by hand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """How an extension of Flask is treated, and why."""

    treatment: Treatment
    why: str
    source: str  # the address of what says so


_PATCH = "https://github.com/pgjones/quart-flask-patch"
_PYPI = "https://pypi.org/project"

EXTENSIONS = {
    **{
        name: Extension(treatment="kept", why=why, source=source)
        for name, why, source in (
            ("flask_bcrypt", "it only computes, which takes long", f"{_PYPI}/Flask-Bcrypt/"),
            ("flask_caching", "it keeps what a view returns in a thread", f"{_PYPI}/Flask-Caching/"),
            ("flask_cors", "it adds headers after each request", f"{_PYPI}/flask-cors/"),
            ("flask_httpauth", "it looks up users in a thread", f"{_PYPI}/Flask-HTTPAuth/"),
            ("flask_jwt_extended", "it reads the request's headers", f"{_PYPI}/Flask-JWT-Extended/"),
            ("flask_limiter", "it counts requests before each", _PATCH),
            ("flask_login", "it looks up the user of each request, also for templates", _PATCH),
            ("flask_mail", "it sends mail in a thread", f"{_PYPI}/Flask-Mail/"),
            ("flask_marshmallow", "it makes data of objects", f"{_PYPI}/flask-marshmallow/"),
            ("flask_migrate", "its commands run without requests", f"{_PYPI}/Flask-Migrate/"),
            ("flask_session", "it stores sessions in a thread", f"{_PYPI}/Flask-Session/"),
            ("flask_sqlalchemy", "its session belongs to the application context", _PATCH),
            ("flask_wtf", "its forms read the request in a thread", f"{_PYPI}/Flask-WTF/"),
        )
    },
    **{
        name: Extension(treatment="by hand", why=why, source=source)
        for name, why, source in (
            ("apiflask", "its app is a Flask; quart-schema does as much", f"{_PYPI}/quart-schema/"),
            ("flask_admin", "its views render on Flask; serve it beside the port", f"{_PYPI}/Flask-Admin/"),
            (
                "flask_compress",
                "it reads responses that must be awaited; use quart-compress",
                f"{_PYPI}/quart-compress/",
            ),
            ("flask_openapi3", "its app is a Flask; quart-schema does as much", f"{_PYPI}/quart-schema/"),
            ("flask_restful", "it makes responses that must be awaited; use quart-schema", _PATCH),
            (
                "flask_restx",
                "it makes responses that must be awaited; use quart-schema",
                f"{_PYPI}/quart-schema/",
            ),
            ("flask_security", "its views render on Flask; use quart-auth", f"{_PYPI}/quart-auth/"),
            (
                "flask_smorest",
                "it makes responses that must be awaited; use quart-schema",
                f"{_PYPI}/quart-schema/",
            ),
            ("flask_sock", "it serves WebSockets of WSGI; Quart has its own", f"{_PYPI}/Quart/"),
            ("flask_socketio", "it serves WSGI; use python-socketio's ASGIApp", f"{_PYPI}/python-socketio/"),
        )
    },
}
"""By the package that is imported; an extension that is missing here is by hand."""

KEPT = frozenset(name for name, each in EXTENSIONS.items() if each.treatment == "kept")

HELPER = "as_flask"  # the module that the port brings along

RENAMED = {
    "flask.Flask": "Quart",
    "flask.cli.FlaskGroup": "QuartGroup",
    "flask.testing.FlaskCliRunner": "QuartCliRunner",
    "flask.testing.FlaskClient": "QuartClient",
}
"""What has another name in Quart."""

WITHOUT_QUART = {
    "flask.Flask.wsgi_app": "Quart serves ASGI: wrap asgi_app in a middleware for ASGI instead",
    "flask.current_app.wsgi_app": "Quart serves ASGI: wrap asgi_app in a middleware for ASGI instead",
    **{
        f"flask.Response.{name}": f"responses of Quart have no {name}"
        for name in ("call_on_close", "is_sequence", "is_streamed", "iter_encoded")
    },
    "flask.request.environ": "Quart has no WSGI environment: read request.scope or request.headers",
    "flask.request.stream": "Quart has no stream: `async for part in request.body` reads the body in parts",
    "flask.Flask.before_first_request": "neither Flask 2.3 nor Quart has it: use before_serving",
}
"""What Quart does not have, and what to do instead."""

IN_THREAD = {
    "flask.render_template": "render_in_thread",
    "flask.render_template_string": "render_string_in_thread",
}
"""What does in a thread, without `await`, what Quart has to be awaited for."""

HELPERS = frozenset(
    {
        *("Quart", "in_thread", "render_in_thread", "render_string_in_thread", "send_file"),
        *("http", "send_from_directory", "stream_with_context", "wait_for", "with_appcontext"),
    }
)
"""The names of the helper."""

PARTS = {
    "run": r"\.run\(",
    "wsgi_app": r"\bwsgi_app\b",
    "app_context": r"\bapp_context\(|\.cli\b",
    "files": r"\bsend_file\b|\bsend_from_directory\b|\bsend_static_file\b",
    "json": r"\brequest\.(get_)?json\b",
    "open_resource": r"\.open_(instance_)?resource\(",
    "session": r"\bsession\b|\bflash\(",
}
"""The parts of the helper that a project needs in whose modules a text is found."""

TEMPLATE_PARTS = {
    "session": r"\bsession\b|get_flashed_messages",
    "template_request": r"\brequest\.(form|values|files)\b",
}
"""As above, of its templates."""

NEEDED_PARTS = {
    "app_context": {"threads"},
    "flask_contexts": {"app_context", "threads"},
    "in_thread": {"threads"},
    "wait_for": {"threads"},
    "with_appcontext": {"app_context", "threads"},
}
"""The parts that another part needs."""
