from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest

from portcompare.parity.sending import ask, curl_line
from portcompare.records.requests import RequestSpec
from tests.parity.site import Reply, always, serving

JSON = (("Content-Type", "application/json"),)
CASES = [
    RequestSpec(name="", target="/data?a=b%20c&d='\"$(x)`"),
    RequestSpec(name="", target="/a/../b/./c?q={x,y}[1-3]"),
    RequestSpec(name="", method="HEAD", target="/data"),
    RequestSpec(name="", method="PROPFIND", target="/data"),
    RequestSpec(name="", method="POST", target="/data"),
    RequestSpec(name="", method="POST", target="/data", body=b'{"a": "it\'s"}', headers=JSON),
    RequestSpec(name="", method="POST", target="/data", body=b"a=1&b=%41"),
    RequestSpec(name="", method="PUT", target="/data", body=b"two\nlines\n"),
    RequestSpec(name="", method="PATCH", target="/data", body=b"@file"),
    RequestSpec(name="", method="POST", target="/data", body=b"\x00\xff\r\n"),
    RequestSpec(name="", method="GET", target="/data", body="é".encode()),
    RequestSpec(name="", headers=(("X-Empty", ""), ("X-A", "1"), ("X-A", "2"), ("accept", "text/html"))),
    RequestSpec(name="", headers=(("Cookie", "a=1; b=2"), ("User-Agent", "x"))),
]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to be tried")
@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_line_sends_what_the_check_sends(case: RequestSpec) -> None:
    with serving(always(Reply())) as site:
        line = curl_line(site.url, case)
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, check=True, env=os.environ | {"COOKIE": "a=1; b=2"}
        )  # the line is for a shell
        ask(site.url, case, 30.0)
    by_curl, by_check = (
        (asked.method, asked.target, sorted((n.lower(), v) for n, v in asked.headers), asked.body)
        for asked in site.asked
    )

    assert by_curl == by_check
    assert done.stdout.startswith(b"HTTP/1.1 200 ")


def test_it_is_one_line_that_a_shell_reads_back() -> None:
    for case in CASES:
        line = curl_line("http://127.0.0.1:1", case)
        assert len(line.splitlines()) == 1
        assert shlex.split(line)[-1] == f"http://127.0.0.1:1{case.target}"


def test_a_long_body_is_left_to_the_reader() -> None:
    case = RequestSpec(name="", method="POST", body=b"x" * 5000)

    line = curl_line("http://127.0.0.1:1", case)

    assert "--data-binary @BODY-OF-5000-BYTES" in line
    assert len(line) < 300


def test_a_target_that_is_no_path_is_sent_as_one_all_the_same() -> None:
    line = curl_line("http://127.0.0.1:1", RequestSpec(name="", method="OPTIONS", target="*"))

    assert line.endswith("--request-target '*' http://127.0.0.1:1")


def test_what_looks_secret_comes_from_a_variable() -> None:
    headers = (("Authorization", "Bearer abc"), ("X-Api-Key", "abc"), ("Cookie", "sid=abc"), ("Accept", "x"))

    line = curl_line("http://127.0.0.1:1", RequestSpec(name="", headers=headers))

    assert "abc" not in line
    for word in ('"Authorization: $AUTHORIZATION"', '"X-Api-Key: $X_API_KEY"', '"Cookie: $COOKIE"'):
        assert f"-H {word} " in line
    assert "-H 'Accept: x' " in line
