"""Small ASGI apps, each served in a thread of this process."""

import importlib.util
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn

from portcompare.serve import RunningServer
from tests.serve.support import server_at


def load_app(path: Path) -> Any:  # noqa: ANN401 - an ASGI app
    """The app of a module that is imported afresh."""
    spec = importlib.util.spec_from_file_location("app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


def serving(
    make_app: Callable[[], Any],
    **settings: Any,  # noqa: ANN401 - of uvicorn
) -> Callable[[], AbstractContextManager[RunningServer]]:
    """A function that serves a fresh app."""

    @contextmanager
    def serve() -> Iterator[RunningServer]:
        config = uvicorn.Config(make_app(), log_config=None, lifespan="off", **settings)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            # With the context variables of the app's import, as in a process of its own.
            thread = Thread(target=copy_context().run, args=(server.run, [listening]))
            thread.start()
            yield server_at(listening.getsockname()[1], process=object())
            server.should_exit = True
            thread.join()

    return serve
