"""Runs inside a server: calls the factory that the plan names, and has the application as `app`.

One way for all servers, as some of them call factories by an option, some by the target's own syntax, with or
without arguments, and some not at all. It runs in the app's own interpreter: Python 3.8 and later.
"""

from __future__ import annotations

import ast
import os
from importlib import import_module
from operator import attrgetter


def make(target: str) -> object:
    """Call a factory.

    Raises TypeError: what it makes cannot be called, and so is no application.
    """
    module, _, text = target.partition(":")
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call):
        raise TypeError(f"{target} calls nothing")
    factory = attrgetter(text.partition("(")[0])(import_module(module))
    made = factory(
        *map(ast.literal_eval, call.args),
        **{keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg},
    )
    if not callable(made):
        raise TypeError(f"{target} returned an object of type {type(made).__name__}, which is no application")
    return made


app = make(os.environ["PORTCOMPARE_FACTORY"])
