"""The module that a port brings along: its names, its parts, and what shows that a project needs them."""

HELPER = "as_flask"  # the module that the port brings along

HELPERS = frozenset(
    {
        *("HttpSession", "ProxyFix", "Quart", "QuartClient", "Request", "SecureCookieSessionInterface"),
        *("copy_current_request_context", "get_template_attribute", "http", "in_thread", "render_in_thread"),
        *("render_string_in_thread", "send_file", "send_from_directory", "stream_with_context"),
        *("urlopen", "wait_for", "with_appcontext"),
    }
)
"""The names of the helper."""

PARTS = {
    "run": r"\.run\(",
    "wsgi_app": r"\bwsgi_app\b",
    "app_context": r"\bapp_context\(|\.cli\b",
    "data": r"\.(get_)?data\b",
    "direct_passthrough": r"\bdirect_passthrough\b",
    "environ": r"(?<!\bos)\.environ\b",
    "preprocessors": r"url_value_preprocessor\b",
    "rules": r"\b(alias|build_only|redirect_to)=",
    "files": r"\bstatic_folder\b|\bsend_file\b|\bsend_from_directory\b|\bsend_static_file\b",
    "form": r"\.(form|files)\b|\.values\b(?!\()",
    "json": r"\.(get_)?json\b",
    "open_resource": r"\.open_(instance_)?resource\(",
    "session": r"\bsession\b|\bflash\(",
    "save": r"\.save\(",
    "etag": r"\badd_etag\(",
    "teardown": r"\bteardown_",
    "test_request_context": r"\btest_request_context\(",
    "threads": r"\bensure_sync\(",
    "streams": r"\byield\b|\bResponse\(|\bresponse_class\(|\b(iter|map)\(| for .* in ",
}
"""The parts of the helper that a project needs in whose modules a text is found."""

TEMPLATE_PARTS = {
    "session": r"\bsession\b|get_flashed_messages",
    "template_request": r"\brequest\.(form|values|files)\b",
}
"""As above, of its templates; those within modules are found by their braces."""

NEEDED_PARTS = {
    "app_context": {"teardown", "threads"},
    "assigned": {"threads"},
    **{part: {"threads"} for part in ("copy_current_request_context", "in_thread")},
    "get_template_attribute": {"threads"},
    **{part: {"threads"} for part in ("render_in_thread", "render_string_in_thread", "wait_for")},
    **{part: {"http"} for part in ("HttpSession", "urlopen")},
    "Request": {"data", "environ", "json"},
    "QuartClient": {"test_client"},
    "SecureCookieSessionInterface": {"session"},
    "stream_with_context": {"threads"},
    "template_request": {"form"},
    "test_request_context": {"app_context", "teardown", "threads"},
    "flask_contexts": {"app_context", "data", "direct_passthrough", "environ", "form", "json", "session"}
    | {"teardown", "threads", "wsgi_app"},
    "with_appcontext": {"app_context", "teardown", "threads"},
}
"""The parts that another part needs."""
