"""The command line: one file a command; the only place that prints, and that composes the stages."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import NoReturn

from portcompare.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_NOT_VALID, PortcompareError


def main() -> NoReturn:
    """Run the command line.

    Every deliberate error ends in its message and its exit code; a mistake of portcompare's own in a
    traceback and in "not valid", so that nobody takes it for a verdict.
    """
    # SIGINT too: a shell starts what is to run in the background with it ignored.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        from portcompare.cli.app import app  # noqa: PLC0415 - takes a while, in which Ctrl-C must do no harm

        app()
    except SystemExit as leaving:  # to which typer turns Ctrl-C, among others
        _tell_notes(leaving)
        raise
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except PortcompareError as error:
        sys.stderr.write(f"portcompare: {error}\n")
        _tell_notes(error)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - shown whole, and never with the exit code of a verdict
        traceback.print_exc()
        sys.exit(EXIT_NOT_VALID)
    sys.exit(EXIT_DONE)


def _tell_notes(error: BaseException | None) -> None:
    """Tell what went wrong besides, while what the error left was cleared away."""
    while error is not None:
        for note in getattr(error, "__notes__", ()):
            sys.stderr.write(f"portcompare: {note}\n")
        error = error.__context__
