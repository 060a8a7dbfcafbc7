"""The page about requests says what the plan does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portcompare.plan import load_plan
from portcompare.plan.requests import LoginRequest, WeightedRequest
from tests.plan.plans import GOOD, SERVERS, write

PAGE = (Path(__file__).parents[2] / "docs" / "requests.md").read_text(encoding="utf-8")
BEFORE = GOOD.partition("[scenarios.fast]")[0]


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, list[tuple[str, bytes]]]:
    """What the page's scenarios ask: each request line and body."""
    for name, content in re.findall(r"^```\w+ (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    snippets = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    plan = load_plan(write(tmp_path / "plan.toml", BEFORE + "\n".join(snippets)), SERVERS)
    return {
        name: [(f"{spec.method} {spec.target}", spec.body) for spec, _ in scenario.asked(tmp_path)]
        for name, scenario in plan.scenarios.items()
    }


def test_the_snippets_ask_what_the_page_says(asked: dict[str, list[tuple[str, bytes]]]) -> None:
    assert asked["search"] == [("GET /items?q=green+tea&tag=a&tag=b", b"")]
    assert asked["reading"] == [
        ("GET /items/1?like=green%20tea", b""),
        ("GET /items/2?like=salt%20%26%20pepper", b""),
    ]
    (said,) = re.findall(r"The first row sends `(.*)`", PAGE)
    assert asked["tagging"][0] == ("PUT /items/1/tags", said.encode())
    assert [line for line, _ in asked["writing"]] == [
        "POST /orders",
        "POST /contact",
        "POST /import",
        "PUT /orders/1",
    ]
    assert (
        b'filename="upload.csv"\r\nContent-Type: text/csv\r\n\r\nid,word\n1,green tea\n'
        in asked["writing"][2][1]
    )


@pytest.mark.parametrize("section", [WeightedRequest, LoginRequest])
def test_every_key_of_a_request_is_on_the_page(section: type[WeightedRequest | LoginRequest]) -> None:
    names = {field.alias or name for name, field in section.model_fields.items()}
    assert {name for name in names if not re.search(rf"(`|^){name}(`| =)", PAGE, re.MULTILINE)} == set()
