"""What each function of a project does: what it awaits, what it waits or blocks for, and what it calls."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from portcompare.port import blocking, tables
from portcompare.port.inference import Inference
from portcompare.port.records import Fact, Reason
from portcompare.port.routes import LAMBDA, Routes, choices, keyword, text_of
from portcompare.port.sources import FunctionNode, Module, Scope, Site, dotted_name
from portcompare.port.values import NOTHING, Instance, Name

APPS = frozenset({"flask.Flask", "flask.Blueprint"})
_STREAMED_BY = frozenset({"flask.Response", "flask.stream_with_context"})


@dataclass(eq=False, slots=True)
class Facts:
    """The facts of a project."""

    inference: Inference
    by_scope: dict[Scope, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    callbacks: set[Scope] = field(default_factory=set)  # what Quart may await
    synchronous: dict[Scope, Reason] = field(default_factory=dict)  # what cannot become `async def`, and why
    in_templates: set[Scope] = field(default_factory=set)
    # functions and modules with lambdas that templates call
    with_lambdas: set[Scope] = field(default_factory=set)
    hooks: set[Scope] = field(default_factory=set)  # those that run with every request
    on_loop: set[Scope] = field(default_factory=set)  # what Quart calls on the loop, for each request
    commands: set[Scope] = field(default_factory=set)
    unconvertible: set[str] = field(default_factory=set)  # libraries that are used in ways that have no rule
    left: dict[Scope, str] = field(default_factory=dict)  # functions that use an extension left by hand
    has_login: bool = False  # whether templates may look up a user
    routes: Routes = field(init=False)
    _processors: set[Scope] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.routes = Routes(self.inference)

    def collect(self, modules: Sequence[Module]) -> None:
        """Read all modules."""
        scopes = [scope for module in modules for scope in module.scopes]
        for scope in scopes:
            self.routes.read(scope)
        for scope in scopes:
            self._read_definition(scope)
        for scope in scopes:
            for site in scope.sites:
                self._read_site(site)
        for scope in scopes:
            has_lambdas = any(each.site.inside for each in self.by_scope[scope])
            if has_lambdas and (scope in self._processors or "jinja_env" in scope.module.text):
                self.with_lambdas.add(scope)
        for processor in self._processors:
            for each in self.inference.returns(processor):
                if isinstance(each, Scope) and each.is_function:
                    self._add_synchronous("template_global", each)
        imported = {name.partition(".")[0] for scope in scopes for name in scope.imports.values()}
        self.has_login = "flask_login" in imported

    def _read_definition(self, scope: Scope) -> None:
        outer = scope.parent or scope
        for node in getattr(scope.node, "decorator_list", ()):
            self._read_extension_route(node, scope, outer)
        if not isinstance(scope.node, FunctionNode):
            return
        for node in scope.node.decorator_list:
            self._read_decorator(node, scope, outer)
        owner = scope.owner_class()
        name = scope.node.name
        if name.startswith("__") and name.endswith("__"):
            self._keep(scope, f"{name} cannot be async")
        elif owner is not None:
            self._read_method(scope, name, owner)
        if "flask.Flask" in self.returned_kinds(scope):
            self._keep(scope, "servers call it to make the app")

    def _read_method(self, scope: Scope, name: str, owner: Scope) -> None:
        bases = self.inference.library_bases(owner)
        kinds = self.inference.kinds_of(Instance(owner))
        if any(base.startswith("flask.views.") for base in bases):
            self.callbacks |= {scope} if name in tables.HTTP_METHODS | {"dispatch_request"} else set()
        elif any(name in tables.AWAITED_METHODS.get(kind, ()) for kind in kinds):
            self.callbacks.add(scope)
            self.on_loop.add(scope)
        elif bases - {"object", "abc.ABC", "typing.Protocol", "typing.NamedTuple"}:
            self._keep(scope, f"{min(bases)} may call it")

    def _read_extension_route(self, node: ast.expr, scope: Scope, outer: Scope) -> None:
        """Find a route of an extension's blueprint, such as that of flask-smorest."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            kinds = self.inference.kinds(node.func.value, outer)
            extension = next((kind for kind in kinds if ":" in kind), "")
            if extension and node.func.attr in tables.ROUTES:
                views = [scope] if scope.is_function else self.routes.methods([scope])
                self._read_resource(node, node.args[:1], views, extension)

    def returned_kinds(self, scope: Scope) -> set[str]:
        """The kinds of what a function returns."""
        return {kind for each in self.inference.returns(scope) for kind in self.inference.kinds_of(each)}

    def _method_of(self, node: ast.expr, scope: Scope) -> tuple[str, set[str]]:
        """The method that an expression names, perhaps by `getattr`, and the kinds of its object."""
        match node:
            case ast.Attribute(value=owner, attr=name):
                return name, self.inference.kinds(owner, scope)
            case ast.Call(func=ast.Name("getattr"), args=[owner, ast.Constant(str(name)), *_]):
                return name, self.inference.kinds(owner, scope)
        return "", set()

    def _read_decorator(self, node: ast.expr, scope: Scope, outer: Scope) -> None:
        target = node.func if isinstance(node, ast.Call) else node
        method, kinds = self._method_of(target, outer)
        names = self.inference.names(target, outer)
        rule = text_of(node.args[0], outer) if isinstance(node, ast.Call) and node.args else ""
        self._note_left(scope, names, kinds)
        is_app = bool(kinds & APPS) or (not kinds and not names and rule.startswith("/"))
        if is_app and method in tables.ROUTES:
            self.callbacks.add(scope)
            self.routes.add_all(node, outer, [scope])
        elif self._add_hook(method, kinds, names, scope):
            return
        elif method == "command" and ".cli" in ast.unparse(target):
            self.commands.add(scope)
            self._keep(scope, "it is a command")
        elif names & tables.OPAQUE_DECORATORS:
            self._keep(scope, f"{min(names & tables.OPAQUE_DECORATORS)} cannot decorate an async function")
        elif (
            not names & tables.TRANSPARENT_DECORATORS
            and "pytest" not in ast.unparse(target)
            and not self.inference.functions(target, outer)
        ):
            self._keep(scope, f"@{ast.unparse(target)} of a library calls it")

    def _add_hook(self, method: str, kinds: set[str], names: set[str], scope: Scope) -> bool:
        """Note a function that an app or a blueprint receives to call it; False if it does not."""
        if names & {"flask.after_this_request"} or (kinds & APPS and method in tables.HOOKS):
            self.callbacks.add(scope)
            self.hooks |= {scope} if "request" in method or "preprocessor" in method else set()
            self._processors |= {scope} if method.endswith("context_processor") else set()
        elif kinds & APPS and method in tables.SYNCHRONOUS_HOOKS:
            self._add_synchronous(method, scope)
        else:
            return False
        return True

    def _add_synchronous(self, hook: str, scope: Scope) -> None:
        if tables.SYNCHRONOUS_HOOKS[hook] == "template":
            self.in_templates.add(scope)
            self._keep(scope, "templates call it")
        else:
            self.on_loop.add(scope)
            self._keep(scope, f"{hook} is called without await")

    def _keep(self, scope: Scope, why: str, line: int = 0) -> None:
        reason = Reason(why=why, path=scope.module.path, line=line or scope.line)
        self.synchronous.setdefault(scope, reason)

    def _read_site(self, site: Site) -> None:
        node, scope, facts = site.node, site.scope, self.by_scope[site.scope]
        if isinstance(node, ast.With):
            self._read_with(site, node)
            return
        is_operand = blocking.is_operand(node, site.parent)
        is_call = isinstance(node, ast.Call) and not is_operand
        values = NOTHING if is_call else self.inference.values(node, scope)
        names = {each.dotted for each in values if isinstance(each, Name)}
        if tables.COPIED in names:
            what = f"{tables.COPIED} is for another thread, which the function may wait for"
            facts.append(Fact(kind="blocks", site=site, what=what))
        if is_operand:
            methods = self.inference.methods(each for each in values if isinstance(each, Instance))
            run = tuple(filter(blocking.is_operator, methods))
            facts += [Fact(kind="runs", site=site, callees=run, is_guess=True)] if run else []
        if isinstance(node, ast.Attribute):
            self._read_attribute(site, node)
        elif isinstance(node, ast.Name):
            packages = filter(tables.is_extension, set(map(tables.package_of, names)))
            facts += [
                Fact(kind="blocks", site=site, what=blocking.blocked_by({each}, set(), ""))
                for each in packages
            ]
        elif isinstance(node, ast.Call):
            facts += [*self._read_getattr(site, node), *self._read_call(site, node)]
            self._read_registration(site, node)

    def _read_with(self, site: Site, node: ast.With) -> None:
        for item in node.items:
            value = item.context_expr
            entered = [("", kind) for kind in self.inference.kinds(value, site.scope)]
            if isinstance(value, ast.Call):
                called, kinds = self._method_of(value.func, site.scope)
                entered += [(called, kind) for kind in kinds]
            for method, kind in entered:
                # What a test opens in an app's context is closed in the same thread.
                is_kept = method == "app_context" and site.scope.module.is_test
                if method in tables.ASYNC_WITH.get(kind, ()) and not is_kept:
                    how: Literal["lock", "async with"] = "lock" if kind in tables.LOCKS else "async with"
                    self.by_scope[site.scope].append(Fact(kind=how, site=site, of=kind, what=method))
                    return

    def _note_left(self, scope: Scope, names: set[str], kinds: set[str]) -> None:
        packages = set(map(tables.package_of, names)) | {kind.removeprefix("left:") for kind in kinds}
        for package in filter(tables.is_left, packages):
            self.left[scope] = package

    def _read_attribute(self, site: Site, node: ast.Attribute) -> None:
        names = self.inference.names(node, site.scope)
        kinds = self.inference.kinds(node.value, site.scope)
        without = [f"{kind}.{node.attr}" for kind in kinds] + sorted(names)
        if node.attr == "wsgi_app":
            without = [] if self.inference.is_proxy_fix(site) else ["flask.Flask.wsgi_app"]
        if tables.NOT_AWAITED.intersection(without):
            self.unconvertible |= {"requests", "requests.Session"}
        if "threading.Lock" in kinds and node.attr in ("acquire", "locked", "release"):
            self.unconvertible.add("threading.Lock")
        read = tuple(self.inference.properties(node, site.scope))
        if read:
            self.by_scope[site.scope].append(Fact(kind="runs", site=site, callees=read))
        why = next((tables.WITHOUT_QUART[name] for name in without if name in tables.WITHOUT_QUART), "")
        if why and not site.scope.module.is_test:
            self.by_scope[site.scope].append(Fact(kind="by hand", site=site, what=why))
        is_called = isinstance(site.parent, ast.Call) and site.parent.func is node
        owners = [kind for kind in kinds if node.attr in tables.AWAITED_PROPERTIES.get(kind, ())]
        if owners and isinstance(site.parent, ast.AugAssign) and site.parent.target is node:
            what = f"{node.attr} is awaited before it is set: write it as two statements"
            self.by_scope[site.scope].append(Fact(kind="by hand", site=site, what=what))
        if is_called or isinstance(node.ctx, ast.Store):
            return
        if node.attr != "close":  # a method that is passed on is called as it was
            own = {kind for kind in kinds if node.attr in tables.AWAITED_METHODS.get(kind, ())}
            self.unconvertible |= own & set(tables.CONVERTED)
        if owners:
            self.by_scope[site.scope].append(Fact(kind="await", site=site, of=owners[0]))

    def _read_call(self, site: Site, node: ast.Call) -> Iterator[Fact]:
        names = self.inference.names(node.func, site.scope)
        callees = tuple(self.inference.functions(node.func, site.scope))
        method, kinds = self._method_of(node.func, site.scope)
        awaited = [kind for kind in kinds if method in tables.AWAITED_METHODS.get(kind, ())]
        if awaited or names & tables.AWAITED_CALLS:
            renders = "template" if names & tables.IN_THREAD.keys() else ""
            if "requests.Session" in awaited and not blocking.can_convert(node, "requests"):
                self.unconvertible.add("requests.Session")
            yield Fact(kind="await", site=site, of=next(iter(awaited), renders))
            return
        if "flask.View" in self.inference.kinds(node.func, site.scope):
            yield Fact(kind="calls" if callees else "await", site=site, callees=callees, of="flask.View")
            return
        waits = min(names & tables.WAITS.keys(), default="")
        if waits:
            yield self._waiting(waits, site, node)
            return
        for each in self.inference.values(node.func, site.scope):
            if isinstance(each, Scope) and not each.is_function:
                names |= {
                    f"{kind[4:]}.{each.name}"
                    for kind in self.inference.kinds_of(Instance(each))
                    if kind[:4] == "lib:"
                }
        given = {kind for each in node.args[:1] for kind in self.inference.kinds(each, site.scope)}
        blocked = blocking.blocked_by(names, kinds, method) if "urllib.Response" not in given else ""
        if blocked:
            called = names or {f"{kind}.{method}" for kind in kinds or {""}}
            is_complete = all(each.partition(".")[0] in tables.COMPLETE for each in called) and not any(
                each.rpartition(".")[2] in tables.INCOMPLETE for each in called
            )
            yield Fact(kind="blocks", site=site, what=blocked, is_complete=is_complete)
        elif callees:
            kind: Literal["streams", "calls"] = "streams" if self._is_streamed(site, callees) else "calls"
            is_chosen = self.inference.is_uncertain(node.func, site.scope)
            yield Fact(kind=kind, site=site, callees=callees, is_guess=is_chosen)
        elif guessed := tuple(self.inference.guess(node.func, site.scope)):
            yield Fact(kind="calls", site=site, callees=guessed, is_guess=True)

    def _read_getattr(self, site: Site, node: ast.Call) -> Iterator[Fact]:
        """Find what `getattr` reads that is awaited, or may be."""
        is_got = isinstance(node.func, ast.Name) and node.func.id == "getattr"
        kinds = self.inference.kinds(node.args[0], site.scope) if is_got and node.args else set()
        name, _ = self._method_of(node, site.scope)
        for kind in kinds & tables.AWAITED_PROPERTIES.keys():
            if name in tables.AWAITED_PROPERTIES[kind]:
                yield Fact(kind="await", site=site, of=kind)
            elif not name and not site.scope.module.is_test:
                what = "what this reads of a request or response must be awaited if it is a coroutine"
                yield Fact(kind="by hand", site=site, what=what)

    def _waiting(self, name: str, site: Site, node: ast.Call) -> Fact:
        """A call that waits; it blocks if no rule says how it is awaited."""
        library = name.partition(".")[0] if not name.startswith("time.") else ""
        is_direct = name == dotted_name(node.func, site.scope)
        if is_direct and not (library and not blocking.can_convert(node, library)):
            return Fact(kind="wait", site=site, what=tables.WAITS[name], of=library)
        return Fact(kind="blocks", site=site, what=f"{name} waits, and is called in a way that has no rule")

    def _is_streamed(self, site: Site, callees: tuple[Scope, ...]) -> bool:
        """Whether a call of a generator is sent as it is, so that its steps run later."""
        if not all(each.is_generator for each in callees):
            return False
        parent = site.parent
        if isinstance(parent, ast.keyword):
            return parent.arg == "response"
        if isinstance(parent, ast.Call):
            names = self.inference.names(parent.func, site.scope)
            return bool(names & _STREAMED_BY) or getattr(parent.func, "attr", "") == "response_class"
        return isinstance(parent, ast.Return)

    def _read_registration(self, site: Site, node: ast.Call) -> None:
        """Find the functions that a call passes on, and to what."""
        scope = site.scope
        method, kinds = self._method_of(node.func, scope)
        passed = [*node.args, *(each.value for each in node.keywords)]
        names = self.inference.names(node.func, scope)
        self._note_left(scope, names, kinds)
        is_project = bool(self.inference.functions(node.func, scope))
        if self._read_urls(node, scope, method, kinds):
            return
        functions = [
            each
            for value in passed
            if not isinstance(value, ast.Call)
            for each in self.inference.values(value, scope)
            if isinstance(each, Scope) and each.is_function
        ]
        is_foreign = not (is_project or names & tables.INSPECTING or method in tables.FILLING)
        is_later = any(name.startswith(tables.ELSEWHERE) for name in names) or method in tables.LATER
        if is_foreign:
            self._read_passed(site, passed, is_later=is_later)
        in_template = "jinja_env" in ast.unparse(node.func) or names & {"flask.render_template"}
        for function in functions:
            if self._add_hook(method, kinds, names, function):
                continue
            if method == "add_command" and ".cli" in ast.unparse(node.func):
                self.commands.add(function)
            elif in_template:
                self._add_synchronous("template_global", function)
            elif is_foreign:
                self._keep(function, f"{ast.unparse(node.func)} receives it", node.lineno)
                if scope.is_function and not is_later:
                    self.by_scope[scope].append(Fact(kind="runs", site=site, callees=(function,)))

    def _read_passed(self, site: Site, passed: Sequence[ast.expr], *, is_later: bool) -> None:
        """Find what a library receives: objects that it uses as they are, and functions that wait."""
        facts = self.by_scope[site.scope]
        values = {each for value in passed for each in self.inference.values(value, site.scope)}
        self.unconvertible |= {each for each in values if isinstance(each, str)} & tables.CONVERTED.keys()
        classes = (each for each in values if isinstance(each, Scope) and not each.is_function)
        run = tuple(self.synchronous.keys() & set(self.inference.methods(classes)))
        if run:  # of a class that derives from one of the library
            facts.append(Fact(kind="runs", site=site, callees=run, is_guess=True))
        waiting = {each.dotted for each in values if isinstance(each, Name)} & tables.CALLED
        if waiting and site.scope.is_function and not is_later:
            facts.append(
                Fact(kind="blocks", site=site, what=f"{min(waiting)} waits, and a library receives it")
            )

    def _read_urls(self, node: ast.Call, scope: Scope, method: str, kinds: set[str]) -> bool:
        """Find the routes that a call adds; False if it adds none."""
        maker, makers = self._method_of(getattr(node.func, "func", node.func), scope)
        extension = next((kind for kind in kinds if ":" in kind), "")
        views: list[Scope] = []
        if isinstance(node.func, ast.Call) and maker in tables.ROUTES and makers & APPS:  # app.get("/")(view)
            views = [each for value in node.args for each in self.routes.views(value, scope)]
            self.routes.add_all(node.func, scope, views)
        elif method not in ("add_resource", "add_url_rule") or not (node.args or node.keywords):
            return False
        elif extension:  # such as Flask-RESTful: a class, and its addresses
            self._read_resource(node, node.args[1:], self.routes.views(node.args[0], scope), extension)
        else:
            view = keyword(node, "view_func") or next(iter(node.args[2:]), None)
            views = (
                [each for one in choices(view, scope) for each in self.routes.views(one, scope)]
                if view
                else []
            )
            self.routes.add_all(node, scope, views)
        for each in views:
            if each.name == LAMBDA:
                self._keep(each, "it is a lambda")
            else:
                self.callbacks.add(each)
        return True

    def _read_resource(
        self, node: ast.Call, rules: Sequence[ast.expr], views: list[Scope], extension: str
    ) -> None:
        for view in views:
            self._note_left(view, set(), {extension})
            for rule in rules:
                self.routes.add(text_of(rule, view), "", keyword(node, "methods"), view)
