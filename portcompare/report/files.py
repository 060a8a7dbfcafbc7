"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all; what stood there before is replaced.

    Args:
        path: The file; its folder is made if it is missing.
        text: The content. A lone surrogate, which UTF-8 cannot hold, becomes "?": one odd character in a
            server's answer must not cost the run that measured it.

    Raises:
        OSError: If the file cannot be written; whatever stood there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("xb") as file:
            file.write(text.encode("utf-8", errors="replace"))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
