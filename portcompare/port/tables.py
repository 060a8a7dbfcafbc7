"""What is known of Flask, Quart, and the libraries that their applications use: literal tables.

Quart is that of 0.20 to 0.22: https://quart.palletsprojects.com/en/latest/reference/source/quart.html
"""

import re

_APPS = ("flask.Flask", "flask.current_app")
HTTP_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "trace"})
_VERBS = ("delete", "get", "head", "options", "patch", "post", "put", "request")

AWAITED_CALLS = frozenset(
    f"flask.{name}"
    for name in (
        *("current_app.make_response", "current_app.send_static_file", "flash", "make_response"),
        *("render_template", "render_template_string", "send_file"),
        *("send_from_directory", "stream_template", "stream_template_string"),
    )
)
"""What Quart returns as an awaitable."""

AWAITED_METHODS = {
    "flask.FileStorage": {"save"},
    "flask.Flask": {
        *(
            "handle_exception",
            "handle_http_exception",
            "handle_user_exception",
            "make_default_options_response",
        ),
        *("make_response", "send_static_file", "update_template_context"),
    },
    "flask.Request": {"get_data", "get_json"},
    "jinja2.Template": {"render"},
    "flask.views.View": {"dispatch_request"},
    "flask.Response": {"add_etag", "freeze", "get_data", "get_json", "make_conditional"},
    "flask.testing.FlaskClient": {*_VERBS, "open", "trace"},
    "httpx.Client": {*_VERBS, "close", "send"},
    "requests.Session": {*_VERBS, "send"},
}
AWAITED_PROPERTIES = {
    "flask.Request": {"data", "files", "form", "json", "values"},
    "flask.Response": {"data", "json", "text"},
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

CONVERTED = {"httpx.Client": "httpx.AsyncClient", "threading.Lock": "asyncio.Lock"} | dict.fromkeys(
    ("requests.Session", "requests.session", "requests.sessions.Session"), "HttpSession"
)
"""Classes whose objects are awaited in the port, and what they become."""

KINDS = {
    "flask.Blueprint": "flask.Blueprint",
    "flask.Flask": "flask.Flask",
    "flask.Request": "flask.Request",
    "flask.Response": "flask.Response",
    "flask.current_app": "flask.Flask",
    **{f"{app}.response_class": "flask.Response" for app in _APPS},
    "flask.current_app._get_current_object": "flask.Flask",
    "flask.jsonify": "flask.Response",
    "flask.make_response": "flask.Response",
    "flask.redirect": "flask.Response",
    "flask.request": "flask.Request",
    "flask.request._get_current_object": "flask.Request",
    "flask.request.files": "flask.FileStorage",
    "flask.send_file": "flask.Response",
    "flask.send_from_directory": "flask.Response",
    "flask.views.MethodView": "flask.views.View",
    "flask.views.View": "flask.views.View",
    "httpx.Client": "httpx.Client",
    "multiprocessing.Lock": "threading.RLock",
    "urllib.request.urlopen": "urllib.Response",
    "threading.BoundedSemaphore": "threading.RLock",
    "threading.Event": "threading.Event",
    "threading.Thread": "threading.Thread",
    "threading.Condition": "threading.RLock",
    "threading.Lock": "threading.Lock",
    **dict.fromkeys([f"requests.{verb}" for verb in _VERBS], "requests.Response"),
    **dict.fromkeys(
        ["requests.Session", "requests.session", "requests.sessions.Session"], "requests.Session"
    ),
    "threading.RLock": "threading.RLock",
    "threading.Semaphore": "threading.RLock",
    "werkzeug.datastructures.FileStorage": "flask.FileStorage",
}
"""The kinds of the objects that calls make, or that names stand for."""

FLASK_NAMES = {*AWAITED_CALLS, *KINDS} | {
    f"flask.{name}" for name in ("abort", "g", "get_flashed_messages", "request", "session", "url_for")
}
"""What `from flask import *` brings, when other libraries are imported so too."""

CURRENT = {"flask.Flask": "flask.current_app", "flask.Request": "flask.request"}
"""Classes of which one object has a name: if the project has a class of its own, it is one of that."""

ATTRIBUTES = {("flask.Flask", "jinja_env"): "jinja2.Environment", ("flask.Flask", "json"): "flask.json"}
"""The kinds of attributes."""

METHOD_RESULTS = {
    ("flask.json", "response"): "flask.Response",
    ("flask.Flask", "app_context"): "flask.AppContext",
    ("flask.Flask", "test_request_context"): "flask.AppContext",
    ("flask.Flask", "test_client"): "flask.testing.FlaskClient",
    ("flask.Flask", "make_response"): "flask.Response",
    **{
        ("jinja2.Environment", name): "jinja2.Template"
        for name in ("from_string", "get_or_select_template", "get_template", "select_template")
    },
    **{
        ("flask.FileStorage", name): "flask.FileStorage"
        for name in ("get", "getlist", "items", "pop", "values")
    },
    **{("flask.testing.FlaskClient", name): "flask.Response" for name in _VERBS},
    **{("requests.Session", name): "requests.Response" for name in _VERBS},
}
"""The kinds of what methods return."""

PASSING = frozenset(
    {
        *(
            "cast",
            "copy.copy",
            "dict",
            "enumerate",
            "filter",
            "functools.partial",
            "iter",
            "itertools.chain",
        ),
        *("itertools.cycle", "list", "max", "min", "next", "random.choice", "reversed", "set", "sorted"),
        *("tuple", "typing.cast", "zip"),
    }
)
"""Calls whose result holds what their arguments hold."""

CONTAINED = frozenset({"get", "items", "pop", "setdefault", "values"})
"""Methods whose result holds what their object holds."""

_CALLING = {"filter", "max", "min", "sorted"}
FILLING = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})
"""Methods whose object holds what they are given."""

INSPECTING = (PASSING - _CALLING) | {
    *("callable", "functools.update_wrapper", "functools.wraps", "getattr", "hasattr"),
    *("inspect.iscoroutinefunction", "inspect.signature", "isinstance", "print", "repr", "setattr", "str"),
}
"""Calls that do not call the functions that they receive."""

ELSEWHERE = ("apscheduler.", "atexit.", "multiprocessing.", "schedule.", "signal.", "threading.")
LATER = frozenset({"add_done_callback", "add_job", "connect", "run_in_executor", "submit", "to_thread"})
"""Calls, and methods of any object, after which another thread runs the functions that they receive."""

ROUTES = frozenset({"delete", "endpoint", "get", "patch", "post", "put", "route"})
"""Decorators of apps and blueprints for views."""

HOOKS = {
    **dict.fromkeys(["after_app_request", "after_request", "after_this_request"], "flask.Response"),
    **dict.fromkeys(
        [
            *("app_context_processor", "app_errorhandler", "before_app_request", "before_request"),
            *("context_processor", "errorhandler", "register_error_handler", "teardown_app_request"),
            *("app_url_value_preprocessor", "teardown_appcontext", "teardown_request"),
            "url_value_preprocessor",
        ]
    ),
}
"""Other functions that Flask calls and Quart may await, with the kind of what they receive."""

SYNCHRONOUS_HOOKS = {
    **dict.fromkeys(["app_url_defaults", "url_defaults"], "request"),
    **{
        f"{add}{app}template_{kind}": "template"
        for add in ("", "add_")
        for app in ("", "app_")
        for kind in ("filter", "global", "test")
    },
}
"""What Quart calls without `await`, and where: before each request, or within templates."""

WAITS = {
    "time.sleep": "asyncio.sleep",
    **{f"httpx.{verb}": f"http.{verb}" for verb in _VERBS},
    **{f"requests.{verb}": f"HttpSession().{verb}" for verb in _VERBS},
    "urllib.request.urlopen": "urlopen",
}
"""Calls that wait, and what waits as long without holding anything."""

_ARGUMENTS = {"auth", "cookies", "data", "headers", "json", "method", "params", "timeout", "url"}
REQUEST_ARGUMENTS = {
    "httpx": _ARGUMENTS | {"follow_redirects"},
    "requests": _ARGUMENTS | {"allow_redirects", "files"},
    "urllib": {"data", "timeout", "url"},
}
"""The arguments of requests that mean the same when they are awaited, by library."""

NOT_AWAITED = {f"requests.Response.{name}" for name in ("connection", "next", "raw")} | {
    f"requests.Session.{name}"
    for name in ("adapters", "cert", "get_adapter", "hooks", "mount", "proxies", "stream", "verify")
}
"""What requests has and its session that is awaited has not."""

BLOCKING_PACKAGES = {
    package: what
    for what, packages in (
        ("a database", ("MySQLdb", "cx_Oracle", "dbm", "duckdb", "mysql", "oracledb", "peewee", "playhouse")),
        ("a database", ("pg8000", "pony", "psycopg", "psycopg2", "pymssql", "pymysql", "pyodbc", "records")),
        ("a database", ("sqlalchemy", "sqlite3", "sqlmodel")),
        ("a store", ("cassandra", "elasticsearch", "memcache", "mongoengine", "neo4j", "opensearchpy")),
        ("a store", ("pylibmc", "pymemcache", "pymongo", "redis", "shelve", "tinydb")),
        ("a service", ("boto", "boto3", "botocore", "minio", "stripe", "twilio")),
        ("a queue", ("celery", "kafka", "kombu", "pika", "rq")),
        ("a server", ("ftplib", "imaplib", "ldap", "ldap3", "paramiko", "poplib", "requests", "smtplib")),
        ("a server", ("socket", "urllib3")),
        ("a process", ("subprocess",)),
        ("another thread", ("concurrent", "multiprocessing", "queue")),
        ("files", ("fileinput", "shutil", "tarfile", "tempfile", "zipfile")),
    )
    for package in packages
}
"""Libraries whose calls block, and what they wait for."""

_FILES = ("open", "read_bytes", "read_text", "touch", "unlink", "write_bytes", "write_text")
BLOCKING_CALLS = {
    name: what
    for what, names in (
        ("files", ("codecs.open", "io.open", "json.load", "open", "os.listdir", "os.makedirs", "os.mkdir")),
        ("files", ("os.remove", "os.rename", "os.scandir", "os.unlink", "os.walk", "pickle.dump")),
        ("files", ("pandas.read_csv", "pandas.read_excel", "pandas.read_json", "pickle.load")),
        ("files", [f"{app}.open_{kind}resource" for app in _APPS for kind in ("", "instance_")]),
        ("files", [f"pathlib.Path.{name}" for name in ("glob", "iterdir", "mkdir", "rglob", *_FILES)]),
        ("a database", ("pandas.read_sql",)),
        ("a process", ("os.popen", "os.system", "os.wait", "os.waitpid")),
        ("a server", ("httpx.stream", "urllib.request.urlretrieve")),
        ("a person", ("getpass.getpass", "input")),
        ("another thread", ("threading.Event.wait", "threading.Thread.join")),
        ("an event loop", ("anyio.run", "asgiref.sync.async_to_sync", "asyncio.Runner", "asyncio.run")),
        ("an event loop", ("asyncio.run_coroutine_threadsafe", "trio.run")),
        (
            "the CPU",
            ("bcrypt.checkpw", "bcrypt.hashpw", "bcrypt.kdf", "hashlib.pbkdf2_hmac", "hashlib.scrypt"),
        ),
        ("the CPU", [f"werkzeug.security.{verb}_password_hash" for verb in ("check", "generate")]),
    )
    for name in names
}
"""Single calls that block, also methods by the kind of their object."""

CALLED = {*WAITS, *BLOCKING_CALLS}
"""Functions that wait or block when what they are passed to calls them."""

BLOCKING_METHODS = dict.fromkeys(("async_to_sync", "ensure_sync", "run_until_complete"), "an event loop")
"""Methods that block, whatever their object is."""

COPIED = "flask.copy_current_request_context"  # the loop must be free for its functions

COMPLETE = frozenset({"os", "pathlib", "shutil", "subprocess"})
INCOMPLETE = frozenset({"Popen", "glob", "iterdir", "open", "popen", "rglob", "scandir", "walk"})
"""Modules whose calls have nothing left to block for when they have returned, but for some."""

OPAQUE_DECORATORS = frozenset(
    {
        *("abc.abstractproperty", "contextlib.contextmanager", "functools.cache", "functools.lru_cache"),
        *("functools.cached_property", "functools.singledispatch", "property"),
        "werkzeug.utils.cached_property",
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

PYPI = "https://pypi.org/project"

KEPT = {
    "flask_babel": "translates by what the request says",
    "flask_bcrypt": "only computes, which takes long",
    "flask_caching": "keeps what a view returns in a thread",
    "flask_compress": "reads each response",
    "flask_cors": "adds headers after each request",
    "flask_httpauth": "may look up users of each request",
    "flask_jwt_extended": "reads the request's headers",
    "flask_limiter": "counts requests before each",
    "flask_login": "looks up the user of each request, also for templates",
    "flask_mail": "sends mail in a thread",
    "flask_marshmallow": "makes data of objects",
    "flask_moment": "only adds to templates",
    "flask_migrate": "runs its commands without requests",
    "flask_restful": "calls resources",
    "flask_restx": "calls resources",
    "flask_session": "stores sessions in a thread",
    "flask_smorest": "calls views",
    "flask_sqlalchemy": "has sessions that belong to the context of the app",
    "flask_wtf": "reads the request in its forms",
}
"""Extensions that stay, in the request's thread: what each does, by the package that is imported."""

BY_HAND = {
    "apiflask": ("its app is a Flask; use quart-schema", f"{PYPI}/quart-schema/"),
    "flask_debugtoolbar": (
        "it takes the place of the app's dispatch, and no route responds",
        f"{PYPI}/Quart/",
    ),
    "flask_admin": ("its views render on Flask; serve it beside the port", f"{PYPI}/Flask-Admin/"),
    "flask_openapi3": ("its app is a Flask; use quart-schema", f"{PYPI}/quart-schema/"),
    "flask_security": ("its views render on Flask; use quart-auth", f"{PYPI}/quart-auth/"),
    "flask_sock": ("it serves WebSockets of WSGI; Quart has its own", f"{PYPI}/Quart/"),
    "flask_socketio": ("it serves WSGI; use python-socketio's ASGIApp", f"{PYPI}/python-socketio/"),
}
"""Extensions that are left by hand: why, and the source; so is every other one."""

PROXY_FIX = "werkzeug.middleware.proxy_fix.ProxyFix"

RENAMED = {
    "flask.Flask": "Quart",
    "flask.cli.FlaskGroup": "QuartGroup",
    "flask.testing.FlaskCliRunner": "QuartCliRunner",
    "flask.testing.FlaskClient": "QuartClient",
}
"""What has another name in Quart."""

ONLY_FLASK = (
    *("flask.cli.show_server_banner", "flask.debughelpers.", "flask.logging.wsgi_errors_stream"),
    *("flask.sessions.TaggedJSONSerializer", "flask.testing.EnvironBuilder", "flask.typing.ResponseClass"),
)
"""What Quart does not have, and Flask's serves as well: Quart needs Flask, which is there."""

_WSGI = "Quart serves ASGI: wrap asgi_app in a middleware for ASGI instead"
WITHOUT_QUART = {
    **{
        f"flask.Flask.{name}": f"Quart passes the request's context to {name} too, and awaits it"
        for name in (
            *("dispatch_request", "do_teardown_request", "finalize_request", "full_dispatch_request"),
            *("preprocess_request", "process_response"),
        )
    },
    "flask.Flask.before_first_request": "neither Flask 2.3 nor Quart has it: use before_serving",
    **{
        f"jinja2.Template.{name}": "Quart's templates are async: see get_template_attribute"
        for name in ("generate", "make_module", "module", "stream")
    },
    "flask.Request.stream": "Quart has no stream: `async for part in request.body` reads the body in parts",
    **{f"{app}.wsgi_app": _WSGI for app in _APPS},
    **{
        f"flask.Request.{name}": "requests of Quart have none"
        for name in (
            *("application", "from_values", "input_stream", "is_multiprocess", "is_multithread"),
            *("is_run_once", "remote_user", "want_form_data_parsed"),
        )
    },
    **{
        f"flask.Response.{name}": f"responses of Quart have no {name}"
        for name in (
            *("calculate_content_length", "call_on_close", "close", "force_type", "from_app", "get_app_iter"),
            *("get_wsgi_headers", "get_wsgi_response", "is_sequence", "is_streamed"),
            *("iter_encoded", "stream"),
        )
    },
}
"""What Quart does not have, and what to do instead."""

IN_THREAD = {
    "flask.render_template": "render_in_thread",
    "flask.render_template_string": "render_string_in_thread",
}
"""What does in a thread, without `await`, what Quart has to be awaited for."""


def package_of(name: str) -> str:
    """The package that a name is of; of a library's part for Flask, all names up to that of the part."""
    found = re.match(r"(?!flask\b|flask_)\w+(\.\w+)*?\.flask(_\w+)?(?=\.|$)", name)
    return found[0] if found else name.partition(".")[0]


def is_left(package: str) -> bool:
    """Whether a package is an extension of Flask that is left by hand, or a library's part for Flask."""
    is_unknown = package.rpartition(".")[2].startswith("flask_") or package.endswith(".flask")
    return package in BY_HAND or (is_unknown and package not in KEPT)


def is_extension(package: str) -> bool:
    """Whether a package is an extension of Flask."""
    return package in KEPT or is_left(package)
