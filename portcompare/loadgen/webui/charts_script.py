"""Vega-Lite as one script, from the package that draws the reports' charts: no network is needed."""

from __future__ import annotations

import gzip
import sys
from functools import cache

from gevent import subprocess
from gevent.lock import RLock

_PRINT = "import vl_convert; print(vl_convert.javascript_bundle())"

_lock = RLock()


def charts_script() -> bytes:
    """The script, compressed; made when it is first asked for.

    It defines `vegaEmbed`. It is made by another process: this one would stand still for a second, with a
    JavaScript engine in its memory afterwards.
    """
    with _lock:
        return _make()


@cache
def _make() -> bytes:
    # It must not have our stdin: its runtime would make that block, and with it all of this process.
    made = subprocess.run(
        [sys.executable, "-c", _PRINT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True
    )
    return gzip.compress(made.stdout)
