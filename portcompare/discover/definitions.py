"""Finding apps by reading sources: which names are Flask or Quart apps, and which functions make one."""

import ast
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Framework = Literal["flask", "quart"]
Makers = dict[str, set[Framework]]  # the frameworks of the apps that functions and classes make, by name

MOST_FILES = 2000  # parsing takes about 3 ms each
MOST_BYTES = 1_000_000  # larger files were not written by hand

_SKIPPED = frozenset(
    {"build", "dist", "loadtests", "migrations", "node_modules", "runs", "site-packages", "test", "tests"}
)
_OPENAPI = frozenset({"openapi.json", "openapi.yaml", "openapi.yml"})

_CLASSES: dict[str, Framework] = {
    "flask.Flask": "flask",
    "flask.app.Flask": "flask",
    "apiflask.APIFlask": "flask",
    "flask_openapi3.OpenAPI": "flask",
    "quart.Quart": "quart",
    "quart.app.Quart": "quart",
}
"""The classes whose objects are apps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A name in a source that is an app, or a function that makes one."""

    framework: Framework | None  # None if sources of both frameworks define what makes the app
    file: Path
    line: int
    name: str
    is_factory: bool = False
    needs: tuple[str, ...] = ()  # the arguments without which a factory cannot be called

    def target(self, module: str) -> str:
        """Its name in a plan."""
        return f"{module}:{self.name}{'()' if self.is_factory else ''}"


def list_files(project: Path) -> tuple[list[Path], list[Path]]:
    """List a project's own modules, without tests, and its OpenAPI documents, each the nearest first."""
    python: list[Path] = []
    openapi: list[Path] = []
    for root, folders, names in os.walk(project):
        folders[:] = [name for name in folders if not _is_skipped(Path(root, name))]
        openapi += [Path(root, name) for name in names if name in _OPENAPI]
        python += [Path(root, name) for name in names if _is_module(Path(root, name))]
    for paths in (python, openapi):
        paths.sort(key=lambda path: (len(path.parts), path))
    return python, openapi


def _is_skipped(folder: Path) -> bool:
    is_environment = (folder / "pyvenv.cfg").exists()
    return folder.name.startswith((".", "__")) or folder.name in _SKIPPED or is_environment


def _is_module(path: Path) -> bool:
    is_test = path.name.startswith("test_") or path.name.endswith("_test.py") or path.name == "conftest.py"
    if path.suffix != ".py" or is_test or not path.is_file() or not os.access(path, os.R_OK):
        return False
    return path.stat().st_size <= MOST_BYTES


def find_definitions(files: Iterable[Path]) -> tuple[tuple[Definition, ...], tuple[str, ...]]:
    """Find apps and factories in files; also returns notes on files that are not Python.

    Nothing is run and no import is followed: an imported name stands for all functions and classes so named.
    """
    sources: list[_Source] = []
    notes: list[str] = []
    for file in files:
        try:
            sources.append(_read_source(file))
        except (SyntaxError, ValueError) as error:
            text = file.read_bytes()
            if b"Flask(" in text or b"Quart(" in text:
                notes.append(f"{file} was skipped: it cannot be read as Python ({error})")
    anywhere: Makers = defaultdict(set)
    is_complete = False
    while not is_complete:  # a maker can depend on a maker that is found later
        is_complete = True
        for source in sources:
            for name, callees in source.callees.items():
                found = {each for callee in callees for each in source.frameworks(callee, anywhere)}
                if not found <= source.makers[name]:
                    source.makers[name] |= found
                    anywhere[name] |= found
                    is_complete = False
    return tuple(each for source in sources for each in source.definitions(anywhere)), tuple(notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    path: Path
    imports: dict[str, str]  # the dotted name that each imported name stands for
    functions: dict[str, ast.FunctionDef]  # those at the top level
    callees: dict[str, list[str]]  # the names that each function returns calls of, or each class derives from
    calls: dict[str, ast.Call]  # the calls at the top level whose results are bound to a name, by that name
    makers: Makers = field(default_factory=lambda: defaultdict(set))

    def frameworks(self, callee: str, anywhere: Makers) -> set[Framework]:
        """The frameworks of which a call of this name may make an app."""
        head, dot, rest = callee.partition(".")
        if callee in self.callees:
            return self.makers[callee]
        if head not in self.imports:
            return set()
        name = self.imports[head] + dot + rest
        return {_CLASSES[name]} if name in _CLASSES else anywhere.get(name.rpartition(".")[2], set())

    def definitions(self, anywhere: Makers) -> Iterator[Definition]:
        for name, call in self.calls.items():
            found = self.frameworks(ast.unparse(call.func), anywhere)
            if found:
                yield Definition(framework=_only(found), file=self.path, line=call.lineno, name=name)
        for name, function in self.functions.items():
            needs = _required_arguments(function)
            # A function that takes an app does not make one, and one with "_" in front is private.
            if self.makers[name] and "app" not in needs and not name.startswith("_"):
                yield Definition(
                    framework=_only(self.makers[name]),
                    file=self.path,
                    line=function.lineno,
                    name=name,
                    is_factory=True,
                    needs=needs,
                )


def _only(frameworks: set[Framework]) -> Framework | None:
    return next(iter(frameworks)) if len(frameworks) == 1 else None


def _read_source(path: Path) -> _Source:
    """Parse a file; raises SyntaxError or ValueError if it is not Python of this version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those of invalid escapes
        tree = ast.parse(path.read_bytes(), filename=str(path))
    body = list(_statements(tree.body))
    functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    classes = {each.name: each.bases for each in body if isinstance(each, ast.ClassDef)}
    return _Source(
        path=path,
        imports=dict(reversed(list(_imports(tree)))),  # the outermost import of a name counts
        functions=functions,
        callees={name: _returned(function) for name, function in functions.items()}
        | {name: [ast.unparse(base) for base in bases] for name, bases in classes.items()},
        calls=_bound_calls(body),
    )


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a scope that run when it is imported or called."""
    for statement in body:
        yield statement
        is_main_guard = isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)
        if not (
            is_main_guard or isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ):
            for block in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, block, ()))
            for handler in getattr(statement, "handlers", ()):
                yield from _statements(handler.body)


def _bound_calls(body: Iterable[ast.stmt]) -> dict[str, ast.Call]:
    found: dict[str, ast.Call] = {}
    for statement in body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, ast.Call):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            found |= {target.id: statement.value for target in targets if isinstance(target, ast.Name)}
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds `a`, `import a.b as c` binds all of it.
                name = alias.asname or alias.name.partition(".")[0]
                yield name, alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module or ''}.{alias.name}"


def _returned(function: ast.FunctionDef) -> list[str]:
    """The names of what a function calls to make its result, and the name in its annotation."""
    body = list(_statements(function.body))
    calls = _bound_calls(body)
    names = [ast.unparse(function.returns)] if isinstance(function.returns, ast.Name | ast.Attribute) else []
    for statement in body:
        value = statement.value if isinstance(statement, ast.Return) else None
        if isinstance(value, ast.Name):
            value = calls.get(value.id)
        if isinstance(value, ast.Call):
            names.append(ast.unparse(value.func))
    return names


def _required_arguments(function: ast.FunctionDef) -> tuple[str, ...]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required = positional[: len(positional) - len(given.defaults)]
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return tuple(each.arg for each in [*required, *(name for name, default in pairs if default is None)])
