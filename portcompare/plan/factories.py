"""What `target` may say: `module:object`, or `module:factory()` with literal arguments."""

from __future__ import annotations

import ast
import re

_OBJECT = re.compile(r"[\w.]+:[\w.]+")
_NAME = re.compile(r"[\w.]+")
_CALL = re.compile(r"[\w.]+:[\w.]+\(.*\)", re.DOTALL)
_SHAPE = "should be `module:object`, or `module:factory()`"


def is_factory(target: str) -> bool:
    """Whether a target is called to have the application.

    Args:
        target: A target that is in order.

    Returns:
        True for `module:factory()`.
    """
    return target.endswith(")")


def why_no_target(target: str) -> str | None:
    """Find out what is wrong with a target.

    Args:
        target: The text.

    Returns:
        What it should be; None if it is.
    """
    if _OBJECT.fullmatch(target):
        return None
    if not _CALL.fullmatch(target):
        return _SHAPE
    try:
        call = ast.parse(target.partition(":")[2], mode="eval").body
    except SyntaxError as error:
        return f"{_SHAPE}; the call is no Python: {error.msg}"
    if not isinstance(call, ast.Call) or not _NAME.fullmatch(ast.unparse(call.func)):
        return _SHAPE
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not all(map(_is_literal, given)) or any(keyword.arg is None for keyword in call.keywords):
        return f'{_SHAPE} whose arguments are literals, such as `module:make("test", debug=False)`'
    return None


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
