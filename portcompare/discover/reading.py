"""Finding apps by reading: which names of a project are Flask or Quart apps, and which functions make one."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portcompare.discover.records import Sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portcompare.discover.records import Framework


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Python file."""

    path: Path  # The file
    # From each name that it imports to module and name it comes from; the module with leading dots where the
    # import is relative, the name empty where a module is imported
    imports: dict[str, tuple[str, str]]
    functions: dict[str, ast.FunctionDef]  # The functions at its top level
    classes: dict[str, list[ast.expr]]  # From each class at its top level to its bases
    # The names at its top level that are bound to what a call returns, and that call
    calls: dict[str, ast.Call]


def read_source(path: Path) -> Source:
    """Read a Python file without running it.

    Raises SyntaxError: it is not Python of this version.
    Raises ValueError: it is not text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an escape that is none, say: that is between the app and Python
        tree = ast.parse(path.read_bytes(), filename=str(path))
    body = list(statements(tree.body))
    imports = list(_imports(ast.walk(tree)))  # those of functions too, the outermost first
    return Source(
        path=path,
        imports=dict(reversed(imports)),
        functions={each.name: each for each in body if isinstance(each, ast.FunctionDef)},
        classes={each.name: each.bases for each in body if isinstance(each, ast.ClassDef)},
        calls=bound_calls(body),
    )


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a scope that run when others use it."""
    for statement in body:
        yield statement
        is_scope = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if is_scope or _is_main_guard(statement):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from statements(getattr(statement, field, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from statements(handler.body)


def bound_calls(body: Iterable[ast.stmt]) -> dict[str, ast.Call]:
    """The names that are bound to what a call returns."""
    found: dict[str, ast.Call] = {}
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if isinstance(statement.value, ast.Call):
            found |= {target.id: statement.value for target in targets if isinstance(target, ast.Name)}
    return found


def _is_main_guard(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and ast.unparse(statement.test.left) == "__name__"
    )


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds `a`, `import a.b as c` binds all of it.
                name = alias.asname or alias.name.partition(".")[0]
                yield name, (alias.name if alias.asname else name, "")
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield alias.asname or alias.name, (module, alias.name)


if TYPE_CHECKING:
    Seen = frozenset[tuple[Path, str]]

_MAKERS: dict[str, Framework] = {
    "flask.Flask": "flask",
    "flask.app.Flask": "flask",
    "apiflask.APIFlask": "flask",
    "flask_openapi3.OpenAPI": "flask",
    "quart.Quart": "quart",
    "quart.app.Quart": "quart",
}
"""The classes whose objects are apps."""


def find_apps(files: Iterable[Path]) -> tuple[tuple[Sighting, ...], tuple[str, ...]]:
    """Find the apps, and the factories of apps, in files; nothing of them is run."""
    sources: list[Source] = []
    notes: list[str] = []
    for file in files:
        try:
            sources.append(read_source(file))
        except (SyntaxError, ValueError) as error:
            text = file.read_bytes()
            if b"Flask(" in text or b"Quart(" in text:
                notes.append(f"{file} was not looked at: it cannot be read as Python ({error})")
    reader = _Reader(sources)
    return tuple(sighting for source in sources for sighting in reader.apps(source)), tuple(notes)


class _Reader:
    """The files of a project; follows names from one to the other."""

    def __init__(self, sources: list[Source]) -> None:
        self._by_name: dict[str, list[Source]] = {}
        for source in sources:
            self._by_name.setdefault(_module_path(source).name, []).append(source)

    def apps(self, source: Source) -> Iterator[Sighting]:
        for name, call in source.calls.items():
            framework = self._made_by(source, ast.unparse(call.func))
            if framework is not None:
                yield Sighting(framework=framework, file=source.path, line=call.lineno, name=name)
        for name, function in source.functions.items():
            framework = self._made_by(source, name)
            needs = _needs(function)
            # What is given an app does not make one, and what begins with "_" is nobody else's business.
            if framework is not None and "app" not in needs and not name.startswith("_"):
                yield Sighting(
                    framework=framework,
                    file=source.path,
                    line=function.lineno,
                    name=name,
                    is_factory=True,
                    needs=needs,
                )

    def _made_by(self, source: Source, maker: str, seen: Seen = frozenset()) -> Framework | None:
        """The framework of what comes from calling a name; None if that is no app."""
        key = (source.path, maker)
        if key in seen:
            return None
        seen |= {key}
        if maker in source.classes:
            return self._first(source, source.classes[maker], seen)
        if maker in source.functions:
            return self._first(source, _makers(source.functions[maker]), seen)
        head, *rest = maker.split(".")
        if head not in source.imports:
            return None
        module, name = source.imports[head]
        *inner, last = [part for part in (name, *rest) if part] or [""]
        for part in inner:
            module += part if module.endswith(".") else f".{part}"
        known = _MAKERS.get(f"{module}.{last}")
        found = (self._made_by(other, last, seen) for other in self._modules(source, module))
        return known or next((framework for framework in found if framework is not None), None)

    def _first(self, source: Source, makers: Iterable[ast.expr], seen: Seen) -> Framework | None:
        found = (self._made_by(source, ast.unparse(maker), seen) for maker in makers)
        return next((framework for framework in found if framework is not None), None)

    def _modules(self, source: Source, module: str) -> Iterator[Source]:
        """The files that a module's name can mean where it is imported."""
        name = module.lstrip(".")
        parts = tuple(name.split(".")) if name else ()
        level = len(module) - len(name)
        if not level:
            # From where it is imported is not known: whatever ends alike.
            for other in self._by_name.get(parts[-1], ()):
                if _module_path(other).parts[-len(parts) :] == parts:
                    yield other
        elif level <= len(source.path.parents):
            path = source.path.parents[level - 1].joinpath(*parts)
            yield from (other for other in self._by_name.get(path.name, ()) if _module_path(other) == path)


def _module_path(source: Source) -> Path:
    """A file's path as imports name it: a package's is its folder."""
    return source.path.parent if source.path.stem == "__init__" else source.path.with_suffix("")


def _makers(function: ast.FunctionDef) -> list[ast.expr]:
    """What is called to make what a function returns; its annotation as well, if that is a name."""
    body = list(statements(function.body))
    calls = bound_calls(body)
    makers: list[ast.expr] = []
    if isinstance(function.returns, ast.Name | ast.Attribute):
        makers.append(function.returns)
    for statement in body:
        value = statement.value if isinstance(statement, ast.Return) else None
        if isinstance(value, ast.Name):
            value = calls.get(value.id)
        if isinstance(value, ast.Call):
            makers.append(value.func)
    return makers


def _needs(function: ast.FunctionDef) -> tuple[str, ...]:
    """The arguments that a function cannot be called without."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required = positional[: len(positional) - len(given.defaults)]
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return tuple(each.arg for each in [*required, *(name for name, default in pairs if default is None)])
