"""What each function of a project does: what it awaits, what it waits or blocks for, and what it calls."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from portcompare.port.inference import MOST_ROUNDS, Inference, Name
from portcompare.port.sources import FunctionNode, Module, Scope, Site
from portcompare.port.tables import (
    ASYNC_WITH,
    AWAITED,
    AWAITED_METHODS,
    BLOCKING_CALLS,
    BLOCKING_METHODS,
    BLOCKING_PACKAGES,
    EXTENSIONS,
    HOOKS,
    INSPECTING,
    LOCKS,
    OPAQUE_DECORATORS,
    ROUTES,
    SYNCHRONOUS_HOOKS,
    TRANSPARENT_DECORATORS,
    WAITS,
)

APPS = frozenset({"flask.Flask", "flask.Blueprint"})
_HTTP_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "trace"})
_STREAMED_BY = frozenset({"flask.Response", "flask.stream_with_context"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a function is treated as it is, and the place that shows it."""

    why: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.why} ({self.path}:{self.line})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route, as far as its text tells."""

    rule: str
    methods: tuple[str, ...]
    view: Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that a function does at a place."""

    kind: Literal["await", "async with", "lock", "wait", "blocks", "calls"]
    site: Site
    what: str = ""  # what it waits for, or what replaces it
    of: str = ""  # the kind of its object
    callees: tuple[Scope, ...] = ()


@dataclass(eq=False, slots=True)
class Facts:
    """The facts of a project."""

    inference: Inference
    by_scope: dict[Scope, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    routes: list[Route] = field(default_factory=list)
    callbacks: set[Scope] = field(default_factory=set)  # what Quart may await
    synchronous: dict[Scope, Reason] = field(default_factory=dict)  # what cannot become `async def`, and why
    in_templates: set[Scope] = field(default_factory=set)
    before_routing: set[Scope] = field(default_factory=set)  # what Quart calls on the loop, for each request
    commands: set[Scope] = field(default_factory=set)

    def collect(self, modules: Sequence[Module]) -> None:
        """Read all modules."""
        scopes = [scope for module in modules for scope in module.scopes]
        for scope in scopes:
            self._read_definition(scope)
        for scope in scopes:
            for site in scope.sites:
                self._read_site(site)

    def makes_app(self, module: Module) -> bool:
        """Whether a module makes a Flask app."""
        return any(
            isinstance(site.node, ast.Call) and self._is_app_class(site.node.func, site.scope)
            for scope in module.scopes
            for site in scope.sites
        )

    def _is_app_class(self, node: ast.expr, scope: Scope) -> bool:
        return any(
            (isinstance(value, Name) and value.dotted == "flask.Flask")
            or (isinstance(value, Scope) and "flask.Flask" in self._library_bases(value))
            for value in self.inference.values(node, scope)
        )

    def parts(self) -> set[str]:
        """What the commands need of Flask's behaviour."""
        return {"with_appcontext"} if self.commands else set()

    def _read_definition(self, scope: Scope) -> None:
        if not isinstance(scope.node, FunctionNode):
            return
        outer = scope.parent or scope
        for node in scope.node.decorator_list:
            self._read_decorator(node, scope, outer)
        owner = scope.owner_class()
        name = scope.node.name
        if name.startswith("__") and name.endswith("__"):
            self._keep(scope, f"{name} cannot be async")
        elif owner is not None:
            bases = self._library_bases(owner)
            if any(base.startswith("flask.views.") for base in bases):
                if name in _HTTP_METHODS or name == "dispatch_request":
                    self.callbacks.add(scope)
            elif bases - {"object", "abc.ABC", "typing.Protocol", "typing.NamedTuple"}:
                self._keep(scope, f"{min(bases)} may call it")
        results = {k for v in self.inference.returns(scope) for k in self.inference.kinds_of(v)}
        if "flask.Flask" in results:
            self._keep(scope, "servers call it to make the app")

    def _library_bases(self, owner: Scope, depth: int = 0) -> set[str]:
        found: set[str] = set()
        for base in self.inference.bases(owner):
            if isinstance(base, Name):
                found.add(base.dotted)
            elif isinstance(base, str):
                found.add(base.removeprefix("lib:"))
            elif isinstance(base, Scope) and depth < MOST_ROUNDS:
                found |= self._library_bases(base, depth + 1)
        return found

    def _read_decorator(self, node: ast.expr, scope: Scope, outer: Scope) -> None:
        target = node.func if isinstance(node, ast.Call) else node
        method = target.attr if isinstance(target, ast.Attribute) else ""
        kinds = self.inference.kinds(target.value, outer) if isinstance(target, ast.Attribute) else set()
        names = self.inference.names(target, outer)
        rule = _text(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
        is_app = bool(kinds & APPS) or (not kinds and not names and rule.startswith("/"))
        if is_app and method in ROUTES:
            self.callbacks.add(scope)
            self._add_route(rule, method, node, scope)
        elif (is_app or names & {"flask.after_this_request"}) and (method in HOOKS or names):
            self.callbacks.add(scope)
        elif is_app and method in SYNCHRONOUS_HOOKS:
            self._add_synchronous(method, scope)
        elif method == "command" and ".cli" in ast.unparse(target):
            self.commands.add(scope)
            self._keep(scope, "it is a command")
        elif names & OPAQUE_DECORATORS:
            self._keep(scope, f"{min(names & OPAQUE_DECORATORS)} cannot decorate an async function")
        elif not names & TRANSPARENT_DECORATORS and not self.inference.functions(target, outer):
            self._keep(scope, f"@{ast.unparse(target)} of a library calls it")

    def _add_route(self, rule: str, method: str, node: ast.expr, view: Scope) -> None:
        given = {each.arg: each.value for each in getattr(node, "keywords", ())}
        methods = given.get("methods")
        listed = (
            tuple(map(_text, methods.elts)) if isinstance(methods, ast.List | ast.Tuple | ast.Set) else ()
        )
        known = listed or ((method.upper(),) if method in _HTTP_METHODS else ("GET",))
        self.routes.append(Route(rule=rule, methods=known, view=view))

    def _add_synchronous(self, hook: str, scope: Scope) -> None:
        if SYNCHRONOUS_HOOKS[hook] == "template":
            self.in_templates.add(scope)
            self._keep(scope, "templates call it")
        else:
            self.before_routing.add(scope)
            self._keep(scope, f"{hook} is called without await")

    def _keep(self, scope: Scope, why: str, line: int = 0) -> None:
        reason = Reason(why=why, path=scope.module.path, line=line or scope.line)
        self.synchronous.setdefault(scope, reason)

    def _read_site(self, site: Site) -> None:
        node, scope = site.node, site.scope
        if isinstance(node, ast.With):
            self._read_with(site, node)
        elif isinstance(node, ast.Attribute):
            self._read_attribute(site, node)
        elif isinstance(node, ast.Call):
            for fact in self._read_call(site, node):
                self.by_scope[scope].append(fact)
            self._read_registration(site, node)

    def _read_with(self, site: Site, node: ast.With) -> None:
        for item in node.items:
            value = item.context_expr
            method, owner = "", value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
                method, owner = value.func.attr, value.func.value
            for kind in self.inference.kinds(owner, site.scope):
                if method in ASYNC_WITH.get(kind, ()):
                    how: Literal["lock", "async with"] = "lock" if kind in LOCKS else "async with"
                    self.by_scope[site.scope].append(Fact(kind=how, site=site, of=kind))
                    return

    def _read_attribute(self, site: Site, node: ast.Attribute) -> None:
        is_called = isinstance(site.parent, ast.Call) and site.parent.func is node
        if is_called or isinstance(node.ctx, ast.Store):
            return
        is_awaited = any(AWAITED.get(name) == "attribute" for name in self.inference.names(node, site.scope))
        is_awaited |= any(
            node.attr in AWAITED_METHODS.get(kind, {}).get("attributes", ())
            for kind in self.inference.kinds(node.value, site.scope)
        )
        if is_awaited:
            self.by_scope[site.scope].append(Fact(kind="await", site=site))

    def _read_call(self, site: Site, node: ast.Call) -> Iterator[Fact]:
        names = self.inference.names(node.func, site.scope)
        callees = tuple(self.inference.functions(node.func, site.scope))
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        kinds = (
            self.inference.kinds(node.func.value, site.scope)
            if isinstance(node.func, ast.Attribute)
            else set()
        )
        awaited = [kind for kind in kinds if method in AWAITED_METHODS.get(kind, {}).get("calls", ())]
        if awaited or any(AWAITED.get(name) == "call" for name in names):
            yield Fact(kind="await", site=site, of=next(iter(awaited), ""))
            return
        for name in names & WAITS.keys():
            yield Fact(kind="wait", site=site, what=WAITS[name])
            return
        blocked = self._blocked_by(names, kinds, method)
        if blocked:
            yield Fact(kind="blocks", site=site, what=blocked)
        elif callees and not self._is_streamed(site, callees):
            yield Fact(kind="calls", site=site, callees=callees)

    def _blocked_by(self, names: set[str], kinds: set[str], method: str) -> str:
        """What a call may block for; empty if nothing is known."""
        for name in names:
            package, _, last = name.partition(".")
            if name in BLOCKING_CALLS:
                return f"{name} waits for {BLOCKING_CALLS[name]}"
            if package in BLOCKING_PACKAGES and not last.endswith(("Error", "Exception", "Warning")):
                return f"{name} waits for {BLOCKING_PACKAGES[package]}"
            if package in EXTENSIONS:
                return f"{name} needs a thread"
        for kind in kinds:
            if method in BLOCKING_METHODS.get(kind, ()):
                return f"{kind}.{method} waits for {BLOCKING_METHODS[kind][method]}"
            if kind.startswith("lib:") and method:
                package = kind.removeprefix("lib:")
                return f"{package} waits for {BLOCKING_PACKAGES.get(package, 'a database')}"
        return ""

    def _is_streamed(self, site: Site, callees: tuple[Scope, ...]) -> bool:
        """Whether a call of a generator is sent as it is, so that its steps run later."""
        if not all(each.is_generator for each in callees):
            return False
        parent = site.parent
        if isinstance(parent, ast.keyword):
            return parent.arg == "response"
        return isinstance(parent, ast.Return) or (
            isinstance(parent, ast.Call)
            and bool(self.inference.names(parent.func, site.scope) & _STREAMED_BY)
        )

    def _read_registration(self, site: Site, node: ast.Call) -> None:
        """Find the functions that a call passes on, and to what."""
        scope = site.scope
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        named = {each.arg or "": each.value for each in node.keywords}
        passed = [*node.args, *named.values()]
        kinds = (
            self.inference.kinds(node.func.value, scope) if isinstance(node.func, ast.Attribute) else set()
        )
        names = self.inference.names(node.func, scope)
        is_project = bool(self.inference.functions(node.func, scope))
        if method == "add_url_rule":
            view = named.get("view_func", next(iter(node.args[2:]), None))
            for found in self._views(view, scope):
                self.callbacks.add(found)
                rule = _text(node.args[0]) if node.args else ""
                self._add_route(rule, _method_of(found), node, found)
            return
        functions = [
            each
            for value in passed
            if not isinstance(value, ast.Call)
            for each in self.inference.values(value, scope)
            if isinstance(each, Scope) and each.is_function
        ]
        in_template = "jinja_env" in ast.unparse(node.func) or names & {"flask.render_template"}
        for function in functions:
            if (kinds & APPS or names & {"flask.after_this_request"}) and (method in HOOKS or names):
                self.callbacks.add(function)
            elif kinds & APPS and method in SYNCHRONOUS_HOOKS:
                self._add_synchronous(method, function)
            elif method == "add_command" and ".cli" in ast.unparse(node.func):
                self.commands.add(function)
            elif in_template:
                self._add_synchronous("template_global", function)
            elif not is_project and not names & INSPECTING and method not in ("append", "add"):
                self._keep(function, f"{ast.unparse(node.func)} receives it", node.lineno)

    def _views(self, node: ast.expr | None, scope: Scope) -> list[Scope]:
        """The functions of a view, also of a class."""
        if node is None:
            return []
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "as_view"
        ):
            classes = [
                each for each in self.inference.values(node.func.value, scope) if isinstance(each, Scope)
            ]
            return [
                method
                for owner in classes
                for name, method in owner.inner.items()
                if name in _HTTP_METHODS or name == "dispatch_request"
            ]
        return self.inference.functions(node, scope)


def _method_of(view: Scope) -> str:
    return view.name.rpartition(".")[2] if view.owner_class() else "route"


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node)
