"""The page about the lean user says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pytest

from portcompare.loadgen import connection, tls
from portcompare.loadgen import response as answer
from portcompare.loadgen.figures import NOT_SENT

if TYPE_CHECKING:
    from tests.loadgen.generator import Generator

PAGE = (Path(__file__).parents[2] / "docs" / "lean-user.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_each_snippet_is_a_locustfile_whose_classes_are_in_order(
    generator: Generator, tmp_path: Path, snippet: str
) -> None:
    locustfile = tmp_path / "locustfile.py"
    # The snippet's bundle is not at hand; the class is in order with one that is.
    locustfile.write_text(snippet.replace('"company-ca.pem"', repr(certifi.where())))
    (tmp_path / "items.csv").write_text("id,word\n1,tea\n")
    (tmp_path / "users.csv").write_text("user,password\nann,secret\n")
    (name,) = re.findall(r"^class (\w+)\(LeanUser\)", snippet, re.MULTILINE)
    assert generator.prepare(locustfile, shown=name).problems == {}


def test_each_kind_of_failure_is_in_the_table() -> None:
    listed = set(re.findall(r"^\| `([^`]+)`", PAGE.partition("## What is counted")[2], re.MULTILINE))
    kinds = {
        value
        for module in (answer, connection, tls)
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
    assert kinds <= listed
    assert listed - kinds == {"status 500", "wrong body", "login: status 401 (POST /login)", NOT_SENT}
