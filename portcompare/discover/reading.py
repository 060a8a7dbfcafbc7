"""Finding apps by reading: which names of a project are Flask or Quart apps, and which functions make one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from portcompare.discover.records import Sighting
from portcompare.discover.source import Source, bound_calls, read_source, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from portcompare.discover.records import Framework

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
    """Find the apps, and the factories of apps, in files; nothing of them is run.

    Args:
        files: The project's Python files.

    Returns:
        The apps in the files' order, and a note for each file that may hold one but cannot be read.
    """
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
