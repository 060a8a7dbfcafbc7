"""The command line: one file a command, and the only place that prints."""

import errno
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from portcompare.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_NOT_VALID, PortcompareError, refuse

_MACHINES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of a machine whose disk is full or read-only, or that has no files or memory left."""


def main() -> NoReturn:
    """Run the command line.

    A deliberate error ends in its message and exit code. An unexpected one ends in a traceback and in "not
    valid", so that nobody takes it for a verdict.
    """
    # SIGINT too: a shell starts a background command with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again
    try:
        try:
            Path.cwd()
        except FileNotFoundError:
            gone = refuse("the working directory", "does not exist any more", "change to one that exists")
            raise gone from None
        from portcompare.cli.app import app  # noqa: PLC0415 - Ctrl-C during the import must end quietly

        app()
    except SystemExit as exit_:  # typer turns Ctrl-C into it, among others
        _print_notes(exit_)
        raise
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except PortcompareError as error:
        _print(error)
        _show_in_ci(error)
        _print_notes(error)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - shown whole, and never with the exit code of a verdict
        if isinstance(error.__cause__, KeyboardInterrupt):  # while a class was made, in an import
            sys.exit(EXIT_INTERRUPTED)
        if isinstance(error, MemoryError) or getattr(error, "errno", None) in _MACHINES:
            _print(f"the machine has no more of what this needs: {str(error) or 'memory'}")
        else:
            _print(traceback.format_exc())
        _show_in_ci(error)
        sys.exit(EXIT_NOT_VALID)
    sys.exit(EXIT_DONE)


def _interrupt_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Interrupt once more where an interruption was lost, in code that cannot raise it to its caller."""
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(ignored)


def _print_notes(error: BaseException | None) -> None:
    """Print what else went wrong while servers and processes were being stopped."""
    while error is not None:
        for note in getattr(error, "__notes__", ()):
            _print(note)
        error = error.__context__


def _show_in_ci(error: Exception) -> None:
    if "--ci" in sys.argv:
        from portcompare.cli.ci import show_error  # noqa: PLC0415 - only where something went wrong

        show_error(error)


def _print(text: object) -> None:
    """Print a text that may hold lines of a server's log."""
    from portcompare.masking import mask_passwords  # noqa: PLC0415 - only where something went wrong
    from portcompare.report.wording import visible_lines  # noqa: PLC0415 - as above

    sys.stderr.write(f"portcompare: {visible_lines(mask_passwords(str(text)))}\n")
