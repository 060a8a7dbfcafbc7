"""The edits of each module: what the colours of its functions mean for its text."""

import ast
import builtins
import sys
from dataclasses import dataclass, field, replace

from portcompare.port.colour import Colours
from portcompare.port.helper import HELPERS
from portcompare.port.imports import count_uses, helper_import, import_edit, is_flask, source
from portcompare.port.records import Fact
from portcompare.port.rewrite import ORIGINAL, Edits, ImportEdit
from portcompare.port.sources import Module, Scope, dotted_name
from portcompare.port.tables import (
    AWAITED_PROPERTIES,
    BY_HAND,
    CONVERTED,
    IN_THREAD,
    KINDS,
    PROXY_FIX,
    PYPI,
    RENAMED,
    is_extension,
    is_left,
    package_of,
)
from portcompare.port.values import canonical

_NO_EXTENSIONS = sys.stdlib_module_names | {"", "flask", *dir(builtins)}
_ENTERED = frozenset({"app_context", "test_request_context"})  # by `with` too, in the helper
_BINDS_TIGHTER = (ast.Attribute, ast.Subscript, ast.Call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """What is left by hand, and why."""

    why: str
    scope: Scope
    line: int


@dataclass(eq=False, slots=True)
class Planner:
    """Makes the edits of a project's modules."""

    colours: Colours
    helper: str  # the module of the port that keeps Flask's behaviour, as it is imported
    todos: list[Todo] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)  # what the port needs of that module

    def plan(self, module: Module) -> Edits:
        """Make the edits of a module."""
        return _ModulePlanner(self, module).plan()


class _ModulePlanner:
    def __init__(self, planner: Planner, module: Module) -> None:
        self._planner = planner
        self._colours = planner.colours
        self._facts = planner.colours.facts
        self._module = module
        self._own = {name.partition(".")[0] for name in self._facts.inference.modules}
        self._edits = Edits()
        self._needs_current_app = False
        self._replaced: dict[str, int] = {}  # how often an imported name is no longer used
        self._wanted: set[str] = set()  # names of the helper that this module uses

    def plan(self) -> Edits:
        for scope in self._module.scopes:
            if scope in self._colours.is_async and isinstance(scope.node, ast.FunctionDef):
                self._edits.async_functions.add(scope.line)
            if scope in self._facts.on_loop and scope in self._colours.in_thread:
                first = scope.node.body[0]
                self._leave(first, scope, "Quart calls or awaits this on the event loop, which it blocks")
            if scope in self._facts.commands:
                self._plan_command(scope)
            for fact in self._facts.by_scope[scope]:
                self._plan_fact(scope, fact)
                is_on_loop = isinstance(scope.node, ast.AsyncFunctionDef) and scope in self._colours.reachable
                if is_on_loop and self._colours.blocks(fact):
                    self._leave(fact.site.node, scope, f"{fact.what}, and blocks the event loop meanwhile")
            self._plan_names(scope)
            for site in scope.sites:
                if isinstance(site.node, ast.Call):
                    self._plan_special(scope, site.node)
        self._plan_imports()
        return self._edits

    def _plan_command(self, scope: Scope) -> None:
        """Give a command the context that Flask gives to each."""
        decorators = getattr(scope.node, "decorator_list", ())
        if not any("with_appcontext" in ast.unparse(each) for each in decorators):
            self._edits.decorators[scope.line] = self._help("with_appcontext")

    def _plan_fact(self, scope: Scope, fact: Fact) -> None:
        node = fact.site.node
        is_async = scope in self._colours.is_async
        if fact.kind in ("async with", "lock"):
            self._plan_with(scope, fact, is_async=is_async)
        elif fact.kind == "wait":
            if isinstance(node, ast.Call) and is_async and self._colours.needs_await(fact):
                self._plan_wait(fact, node)
        elif fact.kind == "await" and fact.of not in self._colours.unconverted:
            if isinstance(node, ast.Call):
                self._plan_renamed(fact, node)
            self._plan_await(scope, fact, is_async=is_async)
        elif fact.kind == "calls":
            self._plan_call(fact, is_async=is_async)
        elif fact.kind == "by hand":
            self._leave(node, scope, fact.what)
        if is_async and self._colours.is_offloaded(fact) and isinstance(node, ast.Call):
            self._edits.replace(self._module.span(node.func), f"{self._help('in_thread')}({ORIGINAL})")
            self._await(fact)

    def _plan_with(self, scope: Scope, fact: Fact, *, is_async: bool) -> None:
        node = fact.site.node
        is_client = fact.of == "flask.testing.FlaskClient" and not fact.what
        if is_client and not self._module.is_test:  # it would take the place of the request's context
            self._leave(node, scope, "Quart's test client is entered by tests alone: use it without `with`")
        elif is_async and self._colours.needs_await(fact):
            self._edits.async_statements.add(self._module.span(node)[:2])
        elif fact.kind != "lock" and fact.what not in _ENTERED and fact.of not in self._colours.unconverted:
            self._leave(node, scope, "only an async function can enter this: use `async with` in one")

    def _plan_wait(self, fact: Fact, node: ast.Call) -> None:
        span = self._module.span(node)
        self._edits.replace(self._module.span(node.func), fact.what)
        self._count(node.func)
        if not fact.of:
            self._add_first(f"import {fact.what.partition('.')[0]}")
        else:
            self._help(fact.what.partition(".")[0].removesuffix("()"))
        given = {each.arg for each in node.keywords}
        if fact.of == "httpx":  # the shared client follows redirects and has no limit, as requests
            defaults = {"follow_redirects": "False", "timeout": "5.0"}
            added = [f"{name}={value}" for name, value in defaults.items() if name not in given]
            self._edits.arguments[span] = ", ".join(added)
        self._await(fact)

    def _plan_special(self, scope: Scope, node: ast.Call) -> None:
        """Change calls that would not work as they are."""
        names = self._facts.inference.names(node.func, scope)
        if "flask_cors.CORS" in names:  # it would call handlers of errors without await
            self._edits.arguments[self._module.span(node)] = "intercept_exceptions=False"
        if getattr(node.func, "attr", "") == "from_prefixed_env" and not (node.args or node.keywords):
            self._edits.arguments[self._module.span(node)] = '"FLASK"'
        if "flask.redirect" in names and any(each.arg == "Response" for each in node.keywords):
            self._edits.keywords[self._module.span(node)] = {"Response": ""}  # Flask does not read it either
        if PROXY_FIX in names:
            self._edits.replace(self._module.span(node.func), self._help("ProxyFix"))
            self._count(node.func)
        else:
            self._plan_receiver(scope, node)
        entered = {"push": "__enter__()", "pop": "__exit__(None, None, None)"}
        if isinstance(node.func, ast.Attribute) and node.func.attr in entered:
            context = node.func.value
            if "flask.AppContext" in self._facts.inference.kinds(context, scope):
                text = f"{ast.unparse(context)}.{entered[node.func.attr]}"
                self._edits.replace(self._module.span(node), text)
        closed = next(iter(node.args), None)
        if "atexit.register" in names and isinstance(closed, ast.Attribute) and closed.attr == "close":
            kinds = self._facts.inference.kinds(closed.value, scope)
            if "httpx.Client" in kinds and self._colours.is_converted("httpx.Client"):
                self._plan_closing(scope, node, closed)

    def _plan_receiver(self, scope: Scope, node: ast.Call) -> None:
        """Leave a library that receives the app: it may be an extension, whatever its name."""
        root: ast.expr = node.func
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.value if isinstance(root, ast.Attribute) else root.func
        package = package_of(dotted_name(root, scope))
        if package in _NO_EXTENSIONS or is_extension(package) or package in self._own:
            return
        passed = [*node.args, *(each.value for each in node.keywords)]
        if any("flask.Flask" in self._facts.inference.kinds(each, scope) for each in passed):
            self._planner.helpers.add("flask_contexts")
            self._leave(node, scope, f"{package} receives the app: check that it works with Quart's")

    def _plan_closing(self, scope: Scope, node: ast.Call, closed: ast.Attribute) -> None:
        """Have the server close a client, which is awaited."""
        names = (each.arg for each in scope.parameters())
        apps = (name for name in [*names, *scope.bound] if self._facts.inference.is_app(name, scope))
        app = next(apps, "")
        if app:
            self._edits.replace(self._module.span(node.func), f"{app}.after_serving")
            self._edits.replace(self._module.span(closed), f"{ast.unparse(closed.value)}.aclose")
            self._count(node.func)
        else:
            self._leave(
                node, scope, "close the client by `await client.aclose()` in a function of app.after_serving"
            )

    def _plan_renamed(self, fact: Fact, node: ast.Call) -> None:
        """Rename the methods that have another name where they are awaited."""
        method = getattr(node.func, "attr", "")
        renamed = {("httpx.Client", "close"): "aclose", ("jinja2.Template", "render"): "render_async"}
        if isinstance(node.func, ast.Attribute) and (fact.of, method) in renamed:
            text = f"{ast.unparse(node.func.value)}.{renamed[fact.of, method]}"
            self._edits.replace(self._module.span(node.func), text)

    def _plan_await(self, scope: Scope, fact: Fact, *, is_async: bool) -> None:
        node = fact.site.node
        if is_async:
            self._await(fact)
        elif scope in self._colours.in_thread or fact.site.inside == "a lambda":  # which may be a view itself
            names = self._facts.inference.names(node.func, scope) if isinstance(node, ast.Call) else set()
            sync = next((IN_THREAD[name] for name in names if name in IN_THREAD), "")
            if sync and isinstance(node, ast.Call):
                self._edits.replace(self._module.span(node.func), self._help(sync))
                self._count(node.func)
            else:
                self._edits.replace(self._module.span(node), f"{self._help('wait_for')}({ORIGINAL})")
        elif not scope.is_function:
            self._leave(node, scope, "it runs when the module is imported, and must be awaited")

    def _plan_call(self, fact: Fact, *, is_async: bool) -> None:
        kinds = {self._colours.becomes_async(each) for each in fact.callees}
        kinds |= {True} if fact.of == "flask.View" else set()
        if True not in kinds:
            return
        node = fact.site.node
        if kinds == {True} and not fact.is_guess:
            if is_async:
                self._await(fact)
            else:
                self._edits.replace(self._module.span(node), f"{self._help('wait_for')}({ORIGINAL})")
        elif isinstance(node, ast.Call):
            function = self._module.span(node.func)
            name = "ensure_async" if is_async else "ensure_sync"
            self._needs_current_app = "current_app" not in self._module.scope.imports
            self._edits.replace(function, f"current_app.{name}({ORIGINAL})")
            if is_async:
                self._await(fact)

    def _await(self, fact: Fact) -> None:
        parent = fact.site.parent
        node = fact.site.node
        if isinstance(parent, ast.Await):
            return
        is_operand = (
            isinstance(parent, _BINDS_TIGHTER)
            and not (isinstance(parent, ast.Call) and node is not parent.func)
            and not (isinstance(parent, ast.Subscript) and node is not parent.value)
        )
        text = f"(await {ORIGINAL})" if is_operand else f"await {ORIGINAL}"
        self._edits.replace(self._module.span(node), text)

    def _help(self, name: str) -> str:
        """The name of something of the helper, which is imported for it."""
        self._wanted.add(name)
        return name

    def _add_first(self, statement: str) -> None:
        is_known = statement.removeprefix("import ") in self._module.scope.imports.values()
        if statement not in self._edits.first_imports and not is_known:
            self._edits.first_imports.append(statement)

    def _leave(self, node: ast.expr | ast.stmt, scope: Scope, why: str) -> None:
        """Leave something by hand."""
        comments = self._edits.comments.setdefault(node.lineno, [])
        if f"TODO(port): {why}" in comments:
            return
        comments.append(f"TODO(port): {why}")
        self._planner.todos.append(Todo(why=why, scope=scope, line=node.lineno))

    def _plan_names(self, scope: Scope) -> None:
        for site in scope.sites:
            node = site.node
            if isinstance(node, ast.Name | ast.Attribute) and self._convert(node, scope):
                continue
            if isinstance(node, ast.Name):
                holder = scope.holder(node.id)
                dotted = holder.imports.get(node.id, "") if holder else ""
                new = RENAMED.get(canonical(dotted), "")
                if new and node.id == dotted.rpartition(".")[2]:
                    self._edits.replace(self._module.span(node), new)
                elif dotted == "flask" and node.id == "flask" and not _is_qualified(site.parent):
                    self._edits.replace(self._module.span(node), "quart")
            elif isinstance(node, ast.Attribute):
                dotted = canonical(dotted_name(node, scope))
                if isinstance(node.ctx, ast.Store) and node.attr in AWAITED_PROPERTIES["flask.Request"]:
                    is_request = "flask.Request" in self._facts.inference.kinds(node.value, scope)
                    self._planner.helpers |= {"assigned"} if is_request else set()
                if node.attr == "wsgi_app" and self._facts.inference.is_proxy_fix(site):
                    self._edits.replace(self._module.span(node), f"{ast.unparse(node.value)}.asgi_app")
                if (
                    dotted.startswith("flask.")
                    and dotted.count(".") == 1
                    and isinstance(node.value, ast.Name)
                ):
                    self._plan_qualified(node, dotted)

    def _convert(self, node: ast.Name | ast.Attribute, scope: Scope) -> bool:
        """Rename the class of objects that are awaited in the port."""
        dotted = dotted_name(node, scope)
        if dotted not in CONVERTED or not self._colours.is_converted(KINDS[dotted]):
            return False
        new = CONVERTED[dotted]
        module = new.partition(".")[0]
        self._edits.replace(self._module.span(node), new)
        if new in HELPERS:
            self._help(new)
            self._count(node)
        elif module != dotted.partition(".")[0]:
            self._add_first(f"import {module}")
            self._count(node)
        return True

    def _count(self, node: ast.expr) -> None:
        """Count the uses of an imported name that are replaced."""
        root = next(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        self._replaced[root] = self._replaced.get(root, 0) + 1

    def _plan_qualified(self, node: ast.Attribute, dotted: str) -> None:
        name = RENAMED.get(dotted, node.attr)
        if name in HELPERS:
            self._edits.replace(self._module.span(node), self._help(name))
        elif isinstance(node.value, ast.Name):
            module = "quart" if node.value.id == "flask" else node.value.id
            self._edits.replace(self._module.span(node), f"{module}.{name}")

    def _plan_imports(self) -> None:
        statements = [
            each for each in ast.walk(self._module.tree) if isinstance(each, ast.Import | ast.ImportFrom)
        ]
        at_top = [each for each in self._module.tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
        uses = count_uses(self._module)
        unused = {name for name, number in self._replaced.items() if number >= uses.get(name, 0)}
        home = next((each for each in reversed(at_top) if is_flask(source(self._module, each))), None)
        for node in statements:
            self._check_extension(node, source(self._module, node))
            edit, helped = import_edit(self._module, node, unused)
            names = sorted(helped | self._wanted if node is home else helped)
            added = [helper_import(self._planner.helper, self._module, names)] if names else []
            self._planner.helpers |= {each.partition(" ")[0] for each in names}
            if edit is None and added:
                edit = ImportEdit(
                    modules={}, names={each.name: each.name for each in getattr(node, "names", ())}
                )
            if edit is None:
                continue
            if self._edits.first_imports and node in at_top and not (edit.names or edit.modules):
                added = [*self._edits.first_imports, *added]
                self._edits.first_imports = []
            self._edits.imports[node.lineno] = replace(edit, added=[*edit.added, *added])
        if self._needs_current_app:
            self._edits.last_imports.append("from quart import current_app")
        if home is None and self._wanted:
            self._edits.last_imports.append(
                helper_import(self._planner.helper, self._module, sorted(self._wanted))
            )
            self._planner.helpers |= self._wanted

    def _check_extension(self, node: ast.Import | ast.ImportFrom, source: str) -> None:
        prefix = f"{source}." if isinstance(node, ast.ImportFrom) else ""
        for package in sorted({package_of(prefix + each.name) for each in node.names}):
            library = package.partition(".")[0]
            if library in self._own or not is_extension(package):
                continue
            self._planner.helpers.add("flask_contexts")
            if is_left(package):
                unknown = ("there is no rule for this extension", f"{PYPI}/{library}/")
                why, place = BY_HAND.get(package, unknown)
                self._leave(node, self._module.scope, f"{package}: {why} ({place})")


def _is_qualified(parent: ast.AST) -> bool:
    """Whether the attribute of a module is replaced as a whole."""
    return isinstance(parent, ast.Attribute) and parent.attr in {"Flask"} | HELPERS
