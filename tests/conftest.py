from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through thousands of collected tests again and again.

    It takes tenths of a second, in which servers that run in threads of this process answer nothing.
    """
    gc.collect()
    gc.freeze()
