"""Runs inside a server: calls the factory that the plan names, and holds the application as `app`.

Servers differ in how they call factories: by an option, by the syntax of the target, without arguments, or
not at all. This module is one way for all of them.
"""

from __future__ import annotations

import ast
import os
from importlib import import_module
from operator import attrgetter


def make(target: str) -> object:
    """Call a factory, `module:factory(arguments)`; raises TypeError if its result cannot be called."""
    module, _, text = target.partition(":")
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call):
        raise TypeError(f"{target} is not a call")
    factory = attrgetter(text.partition("(")[0])(import_module(module))
    made = factory(
        *map(ast.literal_eval, call.args),
        **{keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg},
    )
    if not callable(made):
        raise TypeError(f"{target} returned an object of type {type(made).__name__}, which is no application")
    return made


if "PORTCOMPARE_FACTORY" in os.environ:  # else another module of portcompare calls `make` itself
    app = make(os.environ["PORTCOMPARE_FACTORY"])
