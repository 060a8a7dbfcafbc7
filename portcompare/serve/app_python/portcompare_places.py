"""Places in the app's code: which frames are its own, what a line calls, and whether that call waits."""

from __future__ import annotations

import ast
import builtins
import dis
import gc
import inspect
import linecache
import logging
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import islice
from types import AsyncGeneratorType, CoroutineType, MemberDescriptorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType

_MOST_FRAMES = 1000  # of what calls itself there may be many
HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep

FOLDERS = [
    os.path.realpath(each) + os.sep
    for each in (os.getcwd(), *os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if each
]
"""The folders that the app's own modules are imported from."""

# What waits for a file, another process or thread, the network or a clock when it is called.
_WAITING_MODULES = {
    *("_io", "_queue", "_socket", "_sqlite3", "_ssl", "_thread", "fcntl", "io", "os", "posix", "select"),
    *("shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "queue"),
    *("MySQLdb", "_mysql", "psycopg2", "pyodbc", "oracledb", "requests", "urllib.request", "http.client"),
}
_NEVER_WAITING = {
    *("_queue.SimpleQueue.put", "_queue.SimpleQueue.put_nowait"),
    *("_thread.RLock.release", "_thread.allocate_lock", "_thread.get_ident", "_thread.lock.release"),
    *("os.fspath", "posix.fspath", "posix.getpid", "posix.urandom"),
    *("queue.Queue.put_nowait", "threading.Event.set", "threading.Lock", "threading.Thread.start"),
    *("threading.local", "time.gmtime", "time.localtime", "time.monotonic", "time.perf_counter"),
    *("time.process_time", "time.strftime", "time.time"),
    *("select.epoll", "select.poll", "select.poll.register", "select.poll.unregister"),
    *("select.epoll.close", "select.epoll.modify", "select.epoll.register", "select.epoll.unregister"),
}
# They release the interpreter, so that most looks land in them.
_NEVER_WAITING |= {
    f"{module}.{name}"
    for module in ("_socket", "socket")
    for name in (
        *("dup", "socket", "socketpair", "socket.__init__", "socket.bind", "socket.close"),
        *("socket.detach", "socket.dup"),
        *("socket.fileno", "socket.getpeername", "socket.getsockname", "socket.getsockopt", "socket.listen"),
        *("socket.setblocking", "socket.setsockopt", "socket.settimeout", "socket.shutdown"),
    )
}

# What holds all in memory: the file or the connection is read elsewhere.
_IN_MEMORY = ("_io.BytesIO", "_io.StringIO", "_ssl.MemoryBIO", "ssl.SSLObject")

_own: dict[str, bool] = {}
_calls: dict[tuple[Any, int], str] = {}


def is_own(file: str) -> bool:
    """Whether a file holds the app's own code."""
    known = _own.get(file)
    if known is None:
        path = os.path.realpath(file)
        known = _own[file] = (
            path.endswith(".py")
            and "site-packages" not in path
            and "dist-packages" not in path
            and not path.startswith((HERE, os.path.realpath(sys.prefix) + os.sep + "lib"))
            and not path.startswith(os.path.realpath(os.path.dirname(os.__file__)) + os.sep)
            and any(path.startswith(folder) for folder in FOLDERS)
        )
    return known


def frames_of(frame: FrameType | None) -> list[FrameType]:
    """A frame and its callers, innermost first."""

    def walk(frame: FrameType | None) -> Iterator[FrameType]:
        while frame is not None:
            yield frame
            frame = frame.f_back

    return list(islice(walk(frame), _MOST_FRAMES))


def awaited_frames(coroutine: Any) -> list[FrameType]:
    """The frames of a suspended coroutine and of what it awaits, innermost first."""
    frames: list[FrameType] = []
    while coroutine is not None and len(frames) < _MOST_FRAMES:
        for kind in ("cr", "gi", "ag"):
            frame = getattr(coroutine, kind + "_frame", None)
            if frame is not None:
                frames.append(frame)
                coroutine = getattr(coroutine, "gi_yieldfrom" if kind == "gi" else kind + "_await", None)
                break
        else:  # what stands between a coroutine and what it awaits, as of an asynchronous generator
            inner = gc.get_referents(coroutine)
            coroutine = next(
                (one for one in inner if isinstance(one, (CoroutineType, AsyncGeneratorType))), None
            )
    return frames[::-1]


def find_own(frames: Iterable[FrameType]) -> FrameType | None:
    """The innermost frame of the app's own code."""
    return next((frame for frame in frames if is_own(frame.f_code.co_filename)), None)


def describe(frame: FrameType) -> tuple[str, int, str, str]:
    """File, line, function and call of a frame."""
    code = frame.f_code
    return code.co_filename, frame.f_lineno, code.co_name, call_text(code, frame.f_lasti, frame.f_lineno)


def _unparse(tree: ast.AST) -> str:
    """An expression in short: `hashlib.sha256(…)`."""
    if isinstance(tree, ast.Call):
        return f"{_unparse(tree.func)}(…)"
    if isinstance(tree, ast.Attribute):
        return f"{_unparse(tree.value)}.{tree.attr}"
    return tree.id if isinstance(tree, ast.Name) else "…"


def find_return(view: Any) -> tuple[str, int, str]:
    """Where a view returns, if it does so at one line, else where it is defined; its file and name.

    Raises ValueError: it is not of the app's own code.
    """
    code = getattr(inspect.unwrap(view), "__code__", None)
    if code is None or not is_own(code.co_filename):
        raise ValueError(view)
    lines, line = set(), code.co_firstlineno
    for one in dis.get_instructions(code):
        line = (
            getattr(one, "line_number", one.starts_line) or line
        )  # starts_line is a bool from Python 3.13 on
        if one.opname.startswith("RETURN_") and one.opname != "RETURN_GENERATOR":
            lines.add(line)
    return code.co_filename, lines.pop() if len(lines) == 1 else code.co_firstlineno, code.co_name


def name_of_frame(frame: FrameType) -> str:
    """The function of a frame, with its module: `json.encoder.iterencode`."""
    return f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_name}"


def stack_of(frames: list[FrameType]) -> list[str]:
    """The app's frames, outermost first."""
    own = [frame for frame in reversed(frames) if is_own(frame.f_code.co_filename)]
    return [f"{one.f_code.co_filename}:{one.f_lineno} in {one.f_code.co_name}" for one in own]


def call_text(code: CodeType, instruction: int, line: int | None) -> str:
    """What is called at an instruction, as it stands in the text: `db.execute`; else the line itself."""
    known = _calls.get((code, instruction))
    if known is None:
        known = _calls[code, instruction] = _called(_segment(code, instruction, line)) or _line(code, line)
    return known


def _line(code: CodeType, line: int | None) -> str:
    return linecache.getline(code.co_filename, line).partition("  #")[0].strip() if line else ""


def _segment(code: CodeType, instruction: int, line: int | None) -> str:
    """The expression that an instruction belongs to; before Python 3.11 the line."""
    if not hasattr(code, "co_positions"):
        return _line(code, line)
    first, last, begin, end = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if first is None or last is None or begin is None or end is None:
        return _line(code, line)
    lines = [linecache.getline(code.co_filename, each) for each in range(first, last + 1)]
    encoded = "".join(lines).encode()
    tail = len(lines[-1].encode()) - end if lines else 0
    return encoded[begin : len(encoded) - tail].decode(errors="replace")


def _called(text: str) -> str:
    """The function that an expression or the head of a `with` calls; empty if there is none."""
    head = text.partition("#")[0].strip().rstrip(":").partition("with ")[2].partition(" as ")[0]
    for attempt in (text, head):
        try:
            tree: Any = ast.parse(f"({attempt.strip()})", mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        tree = tree.value if isinstance(tree, ast.Await) else tree
        tree = tree.func if isinstance(tree, ast.Call) else tree
        names: list[str] = []
        while isinstance(tree, ast.Attribute):
            names.append(tree.attr)
            tree = tree.value
        if isinstance(tree, ast.Name) or names:
            names.append(tree.id if isinstance(tree, ast.Name) else _unparse(tree))
            return ".".join(reversed(names))
    return ""


def waits_in(frame: FrameType) -> str:
    """The function that a frame calls if it is one that waits: `sqlite3.Connection.execute`; else empty."""
    code = frame.f_code
    text = call_text(code, frame.f_lasti, frame.f_lineno)
    names = text.split(".")
    found: Any = None
    owner: Any = None
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if names[0] in scope:
            found = scope[names[0]]
            break
    else:
        return ""
    for name in names[1:]:
        owner = found
        try:
            found = inspect.getattr_static(owner, name)
        except (AttributeError, TypeError):
            return ""
        if isinstance(found, MemberDescriptorType):
            found = found.__get__(owner)
        elif isinstance(found, property) or (inspect.isdatadescriptor(found) and not callable(found)):
            return ""
    name = name_of(found)
    is_socket = isinstance(owner, socket.socket) and owner.gettimeout() == 0
    if is_socket or isinstance(frame.f_locals.get("self"), ssl.SSLObject):
        return ""
    if name.startswith("select.") and _ends_at_once(code, frame):
        return ""
    return f"pipe: {name}" if name.startswith("_io.") and _is_pipe(owner) else name


def _is_pipe(owner: Any) -> bool:
    """Whether an open file leads to another process or thread."""
    with suppress(AttributeError, OSError, ValueError):
        return stat.S_ISFIFO(os.fstat(owner.fileno()).st_mode)
    return False


def waits_within(frames: list[FrameType]) -> str:
    """The function that the innermost of some frames waits in; of a process its own, not that of a pipe.

    What a log's handler waits in begins with `logging: `, what a pipe is read or written by with `pipe: `.
    """
    leaf = waits_in(frames[0])
    names = [one.f_code.co_name for one in frames if one.f_code.co_filename == subprocess.__file__]
    if names:
        return f"subprocess.{names[-1]}" if leaf else ""
    if leaf and any(one.f_code.co_filename == logging.__file__ for one in frames):
        return f"logging: {leaf}"
    starts = (one.f_code is threading.Thread.start.__code__ for one in frames)  # it waits for a moment only
    return "" if any(starts) else leaf


def _ends_at_once(code: CodeType, frame: FrameType) -> bool:
    """Whether a call's last argument, its time limit, is 0 as it stands in the text."""
    return _segment(code, frame.f_lasti, frame.f_lineno).replace(" ", "").endswith(("(0)", ",0)", "=0)"))


def name_of(found: Any) -> str:
    """The name of a callable that waits, with its module; empty for any other."""
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    kind = found if isinstance(found, type) or hasattr(found, "__qualname__") else type(found)
    owner = getattr(kind, "__objclass__", kind)
    module = getattr(owner, "__module__", None) or getattr(kind, "__module__", None) or ""
    name = f"{module}.{kind.__qualname__}"
    is_waiting = module.partition(".")[0] in _WAITING_MODULES or module in _WAITING_MODULES
    is_short = name in _NEVER_WAITING or name.startswith(_IN_MEMORY)
    return name if is_waiting and not is_short else ""
