from __future__ import annotations

from typing import TYPE_CHECKING

from portcompare.http.requests import http_request
from tests.loadgen.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path


def test_the_process_ends_in_good_order_when_the_orders_end(tmp_path: Path) -> None:
    generator = Generator(tmp_path / "log")
    generator.prepare(scenario=http_request("/"))
    assert generator.process.poll() is None
    assert generator.end() == 0
    assert generator.log == ""
