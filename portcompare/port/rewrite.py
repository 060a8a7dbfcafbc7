"""A module rewritten by its edits; what they do not touch stays as it is, byte for byte."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import libcst as cst
from libcst import matchers
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from portcompare.port.sources import Span

ORIGINAL = "__original__"  # stands for an expression in the text that replaces it
Start = tuple[int, int]  # line and column
Node = Any  # of libcst, whose types know less than its matchers do


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEdit:
    """What becomes of an import statement."""

    modules: Mapping[str, str]  # the new name of each imported module
    names: Mapping[str, str]  # of each name that is imported from it; what is missing is left out
    added: Sequence[str] = ()  # statements to add after it


@dataclass(eq=False, slots=True)
class Edits:
    """What is to change in a module, by place."""

    expressions: dict[Span, list[str]] = field(default_factory=dict)  # what replaces each, in this order
    async_functions: set[int] = field(default_factory=set)  # by the line of `def`
    async_statements: set[Start] = field(default_factory=set)  # `with`
    decorators: dict[int, str] = field(default_factory=dict)  # to add, by the line of `def`
    imports: dict[int, ImportEdit] = field(default_factory=dict)  # by line
    first_imports: list[str] = field(default_factory=list)  # statements to add before the first import
    last_imports: list[str] = field(default_factory=list)  # and after the last at the top
    comments: dict[int, list[str]] = field(default_factory=dict)  # to put above statements, by line
    # calls' arguments, renamed or left out
    keywords: dict[Span, Mapping[str, str]] = field(default_factory=dict)
    arguments: dict[Span, str] = field(default_factory=dict)  # to add to calls

    def replace(self, span: Span, text: str) -> None:
        """Add what replaces an expression; `ORIGINAL` in it stands for the expression so far."""
        self.expressions.setdefault(span, []).append(text)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


def rewrite(source: bytes, edits: Edits) -> bytes:
    """Apply edits to a module's text."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    return wrapper.visit(_Rewriter(edits)).bytes


class _Rewriter(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, edits: Edits) -> None:
        super().__init__()
        self._edits = edits

    def _range(self, node: cst.CSTNode) -> CodeRange:
        return self.get_metadata(PositionProvider, node)

    def _start(self, node: cst.CSTNode) -> Start:
        start = self._range(node).start
        return start.line, start.column

    def on_leave(self, original: Node, updated: Node) -> Node:
        """Replace the expressions."""
        updated = super().on_leave(original, updated)
        if isinstance(original, cst.BaseExpression) and isinstance(updated, cst.BaseExpression):
            found = self._range(original)
            span = found.start.line, found.start.column, found.end.line, found.end.column
            if isinstance(updated, cst.Call) and span in self._edits.keywords:
                given = _rename(updated.args, self._edits.keywords[span])
                if len(given) < len(updated.args):
                    given[-1] = given[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                updated = updated.with_changes(args=given)
            if isinstance(updated, cst.Call) and span in self._edits.arguments:
                added = cst.ensure_type(
                    cst.parse_expression(f"f({self._edits.arguments[span]})"), cst.Call
                ).args
                updated = updated.with_changes(args=[*updated.args, *added])
            for text in self._edits.expressions.get(span, ()):
                updated = _fill(text, updated)
        return updated

    def leave_FunctionDef(self, original: Node, updated: Node) -> Node:
        """Make it async, and add decorators."""
        line = self._start(original.name)[0]
        if line in self._edits.async_functions:
            updated = updated.with_changes(asynchronous=cst.Asynchronous())
        if line in self._edits.decorators:
            decorator = cst.Decorator(cst.parse_expression(self._edits.decorators[line]))
            updated = updated.with_changes(decorators=[*updated.decorators, decorator])
        return self._comment(original, updated)

    def leave_With(self, original: Node, updated: Node) -> Node:
        """Make it async."""
        if self._start(original) in self._edits.async_statements:
            updated = updated.with_changes(asynchronous=cst.Asynchronous())
        return self._comment(original, updated)

    def leave_SimpleStatementLine(self, original: Node, updated: Node) -> Node:
        """Change imports."""
        edit = self._edits.imports.get(self._start(original)[0])
        first = updated.body[0]
        if edit is None or not isinstance(first, cst.Import | cst.ImportFrom):
            return self._comment(original, updated)
        changed = _edit_import(first, edit)
        kept = [updated.with_changes(body=[changed, *updated.body[1:]])] if changed else []
        lines = [*kept, *map(_statement, edit.added)] or [cst.SimpleStatementLine([_REMOVED])]
        if not kept:
            lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
        left = Counter(text for line in lines for text in _comments(line))
        lost = (Counter(_comments(updated)) - left).elements()
        added = [cst.EmptyLine(comment=cst.Comment(text)) for text in lost]
        at = len(kept) if len(lines) > len(kept) else 0
        lines[at] = lines[at].with_changes(leading_lines=[*lines[at].leading_lines, *added])
        return cst.FlattenSentinel(lines)

    def leave_IndentedBlock(self, original: Node, updated: Node) -> Node:
        """Keep the comments of what is removed."""
        del original
        return _without_removed(updated)

    def _comment(self, original: Node, updated: Node) -> Node:
        """Put comments above a statement."""
        found = self._range(original)
        is_compound = isinstance(original, cst.FunctionDef | cst.With)
        last = self._start(original.body)[0] - 1 if is_compound else found.end.line
        lines = range(found.start.line, max(last, found.start.line) + 1)
        texts = [text for line in lines for text in self._edits.comments.pop(line, ())]
        added = [cst.EmptyLine(comment=cst.Comment(f"# {text}")) for text in texts]
        return updated.with_changes(leading_lines=[*updated.leading_lines, *added]) if added else updated

    def leave_Module(self, original: Node, updated: Node) -> Node:
        """Add imports at the top."""
        del original
        body = list(updated.body)
        places = [index for index, each in enumerate(body) if _is_import(each)]
        if self._edits.last_imports:
            after = places[-1] + 1 if places else _after_head(body)
            body[after:after] = map(_statement, self._edits.last_imports)
        if self._edits.first_imports:
            before = places[0] if places else _after_head(body)
            added = [_statement(text) for text in self._edits.first_imports]
            if places:
                added[0] = added[0].with_changes(leading_lines=body[before].leading_lines)
                body[before] = body[before].with_changes(leading_lines=[])
            body[before:before] = added
        return _without_removed(updated.with_changes(body=body))


_REMOVED = cst.Pass()  # stands for a statement until its comments are moved


def _comments(node: cst.CSTNode) -> list[str]:
    return [
        each.value for each in matchers.findall(node, matchers.Comment()) if isinstance(each, cst.Comment)
    ]


def _is_removed(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and node.body[0] is _REMOVED


def _without_removed(block: Node) -> Node:
    """A block without the statements that are removed, whose comments go to the next one."""
    if not any(map(_is_removed, block.body)):
        return block
    lines: list[cst.EmptyLine] = []
    body: list[Node] = []
    for each in block.body:
        if _is_removed(each):
            lines += each.leading_lines if _comments(each) else ()
        elif lines:
            body.append(each.with_changes(leading_lines=[*lines, *each.leading_lines]))
            lines = []
        else:
            body.append(each)
    return block.with_changes(body=body, footer=[*lines, *block.footer])


def _rename(arguments: Sequence[cst.Arg], names: Mapping[str, str]) -> list[cst.Arg]:
    return [
        each.with_changes(keyword=cst.Name(names[each.keyword.value]))
        if each.keyword and each.keyword.value in names
        else each
        for each in arguments
        if not (each.keyword and names.get(each.keyword.value) == "")
    ]


def _edit_import(node: cst.Import | cst.ImportFrom, edit: ImportEdit) -> cst.Import | cst.ImportFrom | None:
    """An import with other names, and its comments; None if it has no name left."""
    names = edit.modules if isinstance(node, cst.Import) else edit.names
    if isinstance(node.names, cst.ImportStar):
        aliases: list[cst.ImportAlias] = []
    else:
        aliases = [
            each.with_changes(name=cst.parse_expression(names[each.evaluated_name]))
            for each in node.names
            if each.evaluated_name in names
        ]
        if not aliases:
            return None
        if not getattr(node, "lpar", None):
            aliases[-1] = aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        node = node.with_changes(names=aliases)
    if isinstance(node, cst.ImportFrom) and edit.modules:
        return node.with_changes(module=cst.parse_expression(next(iter(edit.modules.values()))))
    return node


def _statement(text: str) -> cst.SimpleStatementLine:
    return cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine)


def _is_import(node: cst.CSTNode) -> bool:
    first = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    return isinstance(first, cst.Import | cst.ImportFrom) and not _is_head(node)


def _after_head(body: Sequence[cst.CSTNode]) -> int:
    return next((index for index, each in enumerate(body) if not _is_head(each)), len(body))


def _is_head(node: cst.CSTNode) -> bool:
    """Whether this must stay before all other imports: a docstring, or an import from `__future__`."""
    first = node.body[0] if isinstance(node, cst.SimpleStatementLine) else None
    is_future = isinstance(first, cst.ImportFrom) and getattr(first.module, "value", "") == "__future__"
    return is_future or (isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString))


def _fill(text: str, node: Node) -> Node:
    """The expression of a text, with a node in place of `ORIGINAL`."""
    return _parse(text).visit(_Filler(node))


_parse = cache(cst.parse_expression)


class _Filler(cst.CSTTransformer):
    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def leave_Name(self, original: Node, updated: Node) -> Node:
        """Put the node in its place."""
        del original
        return self._node if updated.value == ORIGINAL else updated
