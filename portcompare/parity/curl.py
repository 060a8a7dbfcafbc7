"""A case as a command line, so that everybody can ask it again."""

from __future__ import annotations

import re
from base64 import b64encode
from shlex import quote
from typing import TYPE_CHECKING

from portcompare.encoding import complete_headers
from portcompare.masking import is_secret
from portcompare.parity.send import as_sent

if TYPE_CHECKING:
    from portcompare.model import RequestSpec

_LONGEST_BODY_BYTES = 4096
"""A longer body would bury the line that it stands in."""


def curl_line(url: str, case: RequestSpec) -> str:
    """Write a case as a line for a shell: the same method, target, headers and body.

    Args:
        url: The server's address, `http://host:port`.
        case: What is asked, with nothing left to be filled in.

    Returns:
        One line for bash; it shows the answer's headers too. A header whose name looks secret takes its value
        from a variable of that name, as the line is written where others read it. A body that is no plain
        text is piped in; where it is too long, the name of a file stands for it.
    """
    words = ["curl", "-sS", "-i", "--globoff", "--path-as-is"]
    if case.method == "HEAD":
        words.append("--head")
    elif case.method != ("POST" if case.body else "GET"):
        words += ["-X", case.method]
    given = {name.lower() for name, _ in case.headers}
    for name, value in complete_headers(as_sent(case)):
        if name != "Content-Length" or not case.body:  # curl counts by itself
            words += ["-H", _header(name, value)]
    pipe = ""
    if case.body:
        if "content-type" not in given:
            words += ["-H", "Content-Type:"]  # curl would make it a form
        data, pipe = _data(case)
        words += ["--data-binary", quote(data)]
    if case.target.startswith("/"):
        words.append(quote(url + case.target))
    else:
        words += ["--request-target", quote(case.target), quote(url)]
    return pipe + " ".join(words)


def _header(name: str, value: str) -> str:
    """A header as a word for a shell."""
    if is_secret(name) and value:
        return f'"{name}: ${re.sub("[^A-Z0-9]", "_", name.upper())}"'
    return quote(f"{name}: {value}" if value else f"{name};")


def _data(case: RequestSpec) -> tuple[str, str]:
    """What curl is told of the body, and what is piped into it."""
    if len(case.body) > _LONGEST_BODY_BYTES:
        return f"@BODY-OF-{len(case.body)}-BYTES", ""
    try:
        text = case.body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() and not text.startswith("@"):
        return text, ""
    return "@-", f"printf %s {b64encode(case.body).decode()} | base64 -d | "
