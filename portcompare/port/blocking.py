"""Which expressions block, which have a rule, and which run methods without a call."""

import ast
import builtins

from portcompare.port import tables
from portcompare.port.sources import Scope

_OPERATORS = (
    *(ast.AugAssign, ast.BinOp, ast.BoolOp, ast.Compare, ast.For, ast.FormattedValue, ast.If, ast.IfExp),
    *(ast.Starred, ast.Subscript, ast.UnaryOp, ast.While, ast.comprehension, ast.withitem),
)
_INSPECTING = frozenset({"getattr", "hasattr", "isinstance", "setattr", "super", "type"})


def blocked_by(names: set[str], kinds: set[str], method: str) -> str:
    """What a call may block for; empty if nothing is known."""
    for name in sorted(names):
        package, _, last = name.partition(".")
        if name in tables.BLOCKING_CALLS:
            return f"{name} waits for {tables.BLOCKING_CALLS[name]}"
        is_class = last.endswith(("Error", "Exception", "Warning")) or name in tables.CONVERTED
        if package in tables.BLOCKING_PACKAGES and not (is_class or last.startswith("auth.")):
            return f"{name} waits for {tables.BLOCKING_PACKAGES[package]}"
        package = tables.package_of(name)
        if tables.is_extension(package):
            return f"{package} {tables.KEPT.get(package, 'is an extension of Flask')}"
    for kind in sorted(kinds):
        if f"{kind}.{method}" in tables.BLOCKING_CALLS:
            return blocked_by({f"{kind}.{method}"}, set(), "")
        if kind.startswith(("lib:", "left:")) and method:
            package = kind.partition(":")[2]
            return blocked_by({f"{package}.{method}"}, set(), "")
    what = tables.BLOCKING_METHODS.get(method)
    return f"{method} waits for {what}" if what else ""


def can_convert(node: ast.Call, library: str) -> bool:
    """Whether a request over HTTP means the same when it is awaited."""
    named = {each.arg or "": each.value for each in node.keywords}
    is_url_only = len(node.args) <= 1 + ast.unparse(node.func).endswith("request")
    is_form = "data" not in named or isinstance(named["data"], ast.Dict)
    is_known = library != "httpx" or (is_url_only and is_form)
    is_plain = not any(isinstance(each, ast.Starred) for each in node.args)
    unknown = named.keys() - tables.REQUEST_ARGUMENTS[library]
    return unknown <= ({""} if library == "requests" else set()) and is_known and is_plain


def is_operand(node: ast.expr, parent: ast.AST) -> bool:
    """Whether Python may run methods of an expression's object, such as `__getitem__`."""
    if isinstance(parent, ast.Call):
        name = ast.unparse(parent.func)
        return node in parent.args and hasattr(builtins, name) and name not in _INSPECTING
    return isinstance(parent, _OPERATORS)


def is_operator(method: Scope) -> bool:
    """Whether operators and built-in functions run a method."""
    return method.name.endswith("__") and not method.name.endswith((".__init__", ".__new__", ".__call__"))
