"""A Python file, as far as it matters where names come from and what is made at its top level."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Python file.

    Attributes:
        path: The file.
        imports: From each name that it imports to module and name it comes from; the module with leading dots
            where the import is relative, the name empty where a module is imported.
        functions: The functions at its top level.
        classes: From each class at its top level to its bases.
        calls: The names at its top level that are bound to what a call returns, and that call.
    """

    path: Path
    imports: dict[str, tuple[str, str]]
    functions: dict[str, ast.FunctionDef]
    classes: dict[str, list[ast.expr]]
    calls: dict[str, ast.Call]


def read_source(path: Path) -> Source:
    """Read a Python file without running it.

    Args:
        path: The file.

    Returns:
        What it holds.

    Raises:
        SyntaxError: It is not Python of this version.
        ValueError: It is not text.
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
    """All statements of a scope that run when others use it.

    Args:
        body: The scope's statements.

    Yields:
        These and the ones inside `if`, `try`, `with` and loops, but not those of functions and classes, nor
        what runs only where the file is a script.
    """
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
    """The names that are bound to what a call returns.

    Args:
        body: Statements of one scope.

    Returns:
        Each name and its last call.
    """
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
