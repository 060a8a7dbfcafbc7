"""Virtual environments made in a moment: without pip, empty or with what this one has installed."""

from __future__ import annotations

import sysconfig
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_interpreter(folder: Path, *, is_empty: bool = False) -> Path:
    """Make a virtual environment.

    Args:
        folder: Where.
        is_empty: Whether nothing is installed in it.

    Returns:
        Its interpreter.
    """
    venv.create(folder, symlinks=True)
    if not is_empty:
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"
