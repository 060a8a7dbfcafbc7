"""The files of a run: their names, and writing them so that a reader never meets half of one."""

import hashlib
import os
import re
from pathlib import Path

_LONGEST_NAME = 60


def encode(text: str) -> bytes:
    """A text as it is written: UTF-8."""
    return text.encode("utf-8", errors="replace")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all; what stood there before is replaced.

    Raises OSError if the file cannot be written; whatever stood there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(encode(content) if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def safe_name(name: str) -> str:
    """A name fit for a file's name; two names never become one.

    A dash before a digit counts as unfit, for a level may follow one.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_LONGEST_NAME]
    if safe == name and not re.search(r"^[.-]|-\d", name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{safe.lstrip('.-')}_{digest}"
