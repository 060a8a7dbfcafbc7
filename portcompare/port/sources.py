"""The modules of a project: their functions and classes, and what is bound to which name."""

from __future__ import annotations

import ast
import builtins
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from portcompare.port.tables import FLASK_NAMES, HTTP_METHODS

Span = tuple[int, int, int, int]  # first line and column, last line and column; in characters, as of libcst

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Watched = ast.Call | ast.Attribute | ast.Name | ast.With
_USUAL = {name for each in (bytes, dict, list, set, str) for name in dir(each)} | HTTP_METHODS
_MOST_STARS = 20  # so many modules in a row are followed that import all of each other
_NO_AWAIT = {ast.Lambda: "a lambda", ast.GeneratorExp: "a generator expression"}


@dataclass(eq=False, slots=True, kw_only=True)
class Scope:
    """A module, a function or a class, with the names that are bound in it."""

    module: Module
    name: str  # within the module, with dots; empty for the module itself
    node: ast.Module | FunctionNode | ast.ClassDef
    parent: Scope | None
    imports: dict[str, str] = field(default_factory=dict)  # the dotted names that imported names stand for
    stars: list[str] = field(default_factory=list)  # the modules of which all names are imported
    inner: dict[str, Scope] = field(default_factory=dict)  # functions and classes, by name
    bound: set[str] = field(default_factory=set)  # all other names
    globals: set[str] = field(default_factory=set)
    bindings: list[tuple[ast.expr, ast.expr]] = field(default_factory=list)  # targets and their values
    annotated: list[tuple[ast.expr, ast.expr]] = field(default_factory=list)  # targets and annotations
    returned: list[ast.expr] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)  # in the order of the source
    is_generator: bool = False
    delegates: bool = False  # whether it has `yield from`, which an async generator cannot have

    @property
    def is_function(self) -> bool:
        """Whether this is a function."""
        return isinstance(self.node, FunctionNode)

    @property
    def line(self) -> int:
        """The line of its `def` or `class`."""
        return getattr(self.node, "lineno", 1)

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{self.module.path}:{self.line}"

    @property
    def label(self) -> str:
        """Its name as people read it."""
        return self.name or self.module.name

    def owner_class(self) -> Scope | None:
        """The class whose method this is."""
        return self.parent if self.parent and isinstance(self.parent.node, ast.ClassDef) else None

    def holder(self, name: str) -> Scope | None:
        """The scope that binds a name, as Python looks it up from here; None if it is built in or unknown."""
        scope: Scope | None = self
        while scope is not None:
            is_visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if is_visible and (name in scope.imports or name in scope.inner or name in scope.bound):
                return scope
            scope = scope.parent
        return None

    def parameters(self) -> list[ast.arg]:
        """The parameters of a function, without `*` and `**`."""
        given = self.node.args if isinstance(self.node, FunctionNode) else None
        return [*given.posonlyargs, *given.args, *given.kwonlyargs] if given else []


@dataclass(eq=False, slots=True, kw_only=True)
class Site:
    """An expression or a `with` that may have to be awaited, and where it is."""

    node: Watched
    scope: Scope
    parent: ast.AST
    inside: str = ""  # a lambda or a generator expression: `await` cannot go there


@dataclass(eq=False, slots=True, kw_only=True)
class Module:
    """A file of the project."""

    path: str  # within the project
    name: str  # as it is imported, with dots
    text: str
    encoding: str  # of the file
    tree: ast.Module
    is_package: bool
    is_test: bool
    scopes: list[Scope] = field(default_factory=list)  # its own is the first

    @property
    def scope(self) -> Scope:
        """Its own scope."""
        return self.scopes[0]

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """The place of a node, with columns in characters."""
        lines = self.tree.lines  # type: ignore[attr-defined]

        def column(line: int, offset: int) -> int:
            text = lines[line - 1] if line <= len(lines) else ""
            return offset if text.isascii() else len(text.encode()[:offset].decode())

        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return node.lineno, column(node.lineno, node.col_offset), end_line, column(end_line, end)


def read_module(path: str, name: str, source: bytes, *, is_package: bool, is_test: bool) -> Module:
    """Parse a file; raises SyntaxError or ValueError if it is not Python of this version."""
    encoding = tokenize.detect_encoding(BytesIO(source).readline)[0]
    text = source.decode(encoding)
    tree = ast.parse(text, filename=path)
    tree.lines = re.split(r"\r\n|\r|\n", text)  # type: ignore[attr-defined]
    module = Module(
        path=path, name=name, text=text, encoding=encoding, tree=tree, is_package=is_package, is_test=is_test
    )
    _Reader(module).visit(tree)
    return module


class _Reader:
    """Fills the scopes of a module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._scope: Scope = None  # type: ignore[assignment]  # the module's own is entered first
        self._parents: list[ast.AST] = []
        self._inside = ""

    def visit(self, node: ast.AST) -> None:
        """Read a node and all within it."""
        match node:
            case ast.Module():
                self._enter(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._visit_all(node, [*node.decorator_list, node.args, *filter(None, [node.returns])])
                self._enter(node)
            case ast.ClassDef():
                self._visit_all(node, [*node.decorator_list, *node.bases, *node.keywords])
                self._enter(node)
            case ast.Lambda() | ast.GeneratorExp():
                self._scope.bound |= {each.arg for each in _all_arguments(node)}
                inside = self._inside
                self._inside = inside or _NO_AWAIT[type(node)]
                self._visit_all(node, ast.iter_child_nodes(node))
                self._inside = inside
            case _:
                self._note_bindings(node)
                self._note_results(node)
                self._visit_all(node, ast.iter_child_nodes(node))
                if isinstance(node, Watched):
                    self._scope.sites.append(
                        Site(node=node, scope=self._scope, parent=self._parents[-1], inside=self._inside)
                    )

    def _visit_all(self, parent: ast.AST, nodes: Iterable[ast.AST]) -> None:
        self._parents.append(parent)
        for node in nodes:
            self.visit(node)
        self._parents.pop()

    def _enter(self, node: ast.Module | FunctionNode | ast.ClassDef) -> None:
        outer, name = self._scope, getattr(node, "name", "")
        full_name = ".".join(filter(None, (outer.name if outer else "", name)))
        self._scope = Scope(module=self._module, name=full_name, node=node, parent=outer)
        if outer:
            outer.inner[name] = self._scope
        self._module.scopes.append(self._scope)
        inside, self._inside = self._inside, ""
        self._scope.bound |= {each.arg for each in _all_arguments(node)}
        self._visit_all(node, node.body)
        self._scope, self._inside = outer, inside

    def _note_bindings(self, node: ast.AST) -> None:
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._bind(target, node.value)
            case ast.AnnAssign():
                self._bind(node.target, node.value or ast.Constant(None))
                self._scope.annotated.append((node.target, node.annotation))
            case ast.NamedExpr():
                self._bind(node.target, node.value)
            case ast.For() | ast.comprehension():
                self._bind_each(node.target, node.iter)
            case ast.withitem() if node.optional_vars is not None:
                self._bind(node.optional_vars, node.context_expr)
            case ast.ExceptHandler() if node.name:
                self._scope.bound.add(node.name)
            case ast.Global() | ast.Nonlocal():
                self._scope.globals |= set(node.names)

    def _bind_each(self, target: ast.expr, iterated: ast.expr) -> None:
        """Bind what a loop sets: of several names, each to its part of what the loop takes."""
        if not isinstance(target, ast.Tuple):
            self._bind(target, iterated)
            return
        for index, each in enumerate(target.elts):
            self._bind(each, ast.Subscript(iterated, ast.Constant(index), ast.Load()))

    def _note_results(self, node: ast.AST) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._scope.imports[name] = alias.name if alias.asname else name
            case ast.ImportFrom():
                source = absolute_name(self._module, node)
                self._scope.stars += [source for each in node.names if each.name == "*"]
                self._scope.imports |= {
                    each.asname or each.name: f"{source}.{each.name}"
                    for each in node.names
                    if each.name != "*"
                }
            case ast.Return() | ast.Yield() | ast.YieldFrom():
                self._scope.returned += [node.value] if node.value else []
                self._scope.is_generator |= not isinstance(node, ast.Return)
                self._scope.delegates |= isinstance(node, ast.YieldFrom)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            is_pairwise = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            for index, each in enumerate(target.elts):
                self._bind(each, value.elts[index] if is_pairwise else value)  # type: ignore[attr-defined]
            return
        if isinstance(target, ast.Starred):
            target = target.value
        if isinstance(target, ast.Name) and target.id not in self._scope.globals:
            self._scope.bound.add(target.id)
        self._scope.bindings.append((target, value))


def _all_arguments(node: ast.AST) -> list[ast.arg]:
    given = getattr(node, "args", None)
    if not isinstance(given, ast.arguments):
        return []
    rest = [each for each in (given.vararg, given.kwarg) if each]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *rest]


def absolute_name(module: Module, node: ast.ImportFrom) -> str:
    """The module that a `from` imports from, without the dots of a relative import."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    base = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*base, *filter(None, [node.module])])


def dotted_name(node: ast.expr, scope: Scope) -> str:
    """The dotted name that an expression stands for, through imports; empty for what only a run can know."""
    if isinstance(node, ast.Attribute):
        base = dotted_name(node.value, scope)
        return f"{base}.{node.attr}" if base else ""
    if not isinstance(node, ast.Name):
        return ""
    holder = scope.holder(node.id)
    if holder is None:
        return node.id if hasattr(builtins, node.id) else ""
    if node.id in holder.imports:
        return holder.imports[node.id]
    return f"{holder.module.name}.{node.id}" if holder.parent is None else ""


def find_methods(scopes: Iterable[Scope]) -> dict[str, list[Scope]]:
    """The methods of a project by name, but those whose names other objects have too."""
    found: dict[str, list[Scope]] = defaultdict(list)
    for scope in scopes:
        name = scope.name.rpartition(".")[2]
        if scope.is_function and scope.owner_class() and not scope.module.is_test and name not in _USUAL:
            found[name].append(scope)
    return found


def expand_stars(module: Module, modules: Mapping[str, Module], depth: int = 0) -> None:
    """Find what the names stand for that `import *` brings."""
    own = module.scope
    for star in own.stars:
        source = modules.get(star)
        if source is not None and source is not module and depth < _MOST_STARS:
            expand_stars(source, modules, depth + 1)
            public = {*source.scope.inner, *source.scope.imports, *source.scope.bound}
            own.imports |= {name: f"{star}.{name}" for name in public - own.inner.keys() - own.bound}
    libraries = sorted((star for star in own.stars if star not in modules), key="flask".__eq__)
    sites = (site for scope in module.scopes for site in scope.sites) if libraries else ()
    for name in {site.node.id for site in sites if isinstance(site.node, ast.Name)}:
        if own.holder(name) is None and not hasattr(builtins, name):
            is_flask = libraries[-1] == "flask" and f"flask.{name}" in FLASK_NAMES
            own.imports[name] = f"{libraries[-1 if is_flask else 0]}.{name}"


def parts(node: ast.expr | None) -> Sequence[ast.expr | None]:
    """The expressions of which one is, or is in, what an expression results in."""
    found: Sequence[ast.expr | None] = []
    match node:
        case ast.Await() | ast.Starred() | ast.NamedExpr() | ast.DictComp():
            found = [node.value]
        case ast.List() | ast.Tuple() | ast.Set():
            found = node.elts
        case ast.Dict() | ast.BoolOp():
            found = node.values
        case ast.BinOp():
            found = [node.left]
        case ast.IfExp():
            found = [node.body, node.orelse]
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            found = [node.elt]
    return found
