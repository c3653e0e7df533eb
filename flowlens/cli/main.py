"""The way in: runs a command and turns every ending into one line and an exit code."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from flowlens.cli.standard import steady
from flowlens.core.errors import ExitCode, FlowlensError
from flowlens.core.interrupt import interruptible, overheard
from flowlens.core.leavings import give_up


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code and never raises.

    `FLOWLENS_DEBUG=1` shows the traceback of a defect.
    """
    try:
        with interruptible() as stop:
            try:
                return _run(arguments)
            except Exception:
                if stop.is_set():
                    return ExitCode.INTERRUPTED
                raise
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except FlowlensError as error:
        for line in getattr(error, "problems", (str(error),)):
            _say(line, error.exit_code)
        return error.exit_code
    except MemoryError:
        return _say("out of memory; a window (--since, --until) needs less", ExitCode.FAILED)
    except Exception as error:
        if os.environ.get("FLOWLENS_DEBUG"):
            raise
        return _say(f"a defect in flowlens: {type(error).__name__}: {error}", ExitCode.FAILED)


GRACE = 0.5
"""Seconds that a command has to end by itself once a signal says so."""


def entry() -> None:
    """The console script."""
    steady()
    with overheard(_end):
        code = main()
    if code == ExitCode.INTERRUPTED or code == ExitCode.FAILED:
        # Threads that wait for what never comes are not waited for.
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        give_up(code)
    sys.exit(code)


def _end(ended: threading.Event) -> None:
    """End the process if a signal hasn't: some of DuckDB's functions hear no interrupt."""
    if not ended.wait(GRACE):
        give_up(ExitCode.INTERRUPTED)


def _run(arguments: Sequence[str] | None) -> int:
    from typer._click.exceptions import ClickException

    from flowlens.cli.app import app
    from flowlens.output.streams import ClosedPipe

    try:
        code = app(args=arguments, prog_name="flowlens", standalone_mode=False)
        return int(code or 0)
    except ClosedPipe:
        return ExitCode.DONE
    except ClickException as error:
        return _say(error.format_message(), ExitCode.USAGE)


def _say(message: str, code: ExitCode) -> int:
    from flowlens.core.escape import terminal

    line = " ".join(message.split())
    if sys.stderr is not None:
        print(f"flowlens: {terminal(line)}", file=sys.stderr)
    return code
