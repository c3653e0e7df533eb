"""Errors, and the exit code that each carries.

Every error that a user can meet is a `FlowlensError`: one line that holds the value, the place and
the way out. Foreign exceptions are wrapped where they cross into flowlens.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended; the numbers are part of the interface."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_INPUT = 3
    MALFORMED = 4
    LOCKED = 75
    INTERRUPTED = 130


class FlowlensError(Exception):
    """Something the user can act on; `str()` of it is one line."""

    exit_code = ExitCode.FAILED

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show: the one line, and no stack of calls."""
        from flowlens.core.escape import terminal

        return [f"flowlens: {terminal(str(self))}"]


class LateError(FlowlensError):
    """There was no answer in the time that was given for it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"no answer within {seconds:g} s (--timeout); give it longer, or read less (--since, "
            "--until)"
        )


class UsageError(FlowlensError):
    """An option, a name, a parameter or a file of the user's own is wrong."""

    exit_code = ExitCode.USAGE


class NoInputError(FlowlensError):
    """No input was found, or none of it could be read."""

    exit_code = ExitCode.NO_INPUT


class EmptyInputError(NoInputError):
    """An input could be listed, and there is nothing in it to be read.

    The place is `there` where it holds other things.
    """

    def __init__(self, message: str, *, there: bool = False) -> None:
        super().__init__(message)
        self.there = there


class StrictError(FlowlensError):
    """The work is done, but `strict` was asked for and some input was malformed or unreadable."""

    exit_code = ExitCode.MALFORMED


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that lists what is close to `name`, or all there is when nothing is.

    >>> nearest("rejected_by_prot", ["rejected_by_port", "timeline"])
    'did you mean rejected_by_port?'
    >>> nearest("x", ["b", "a"])
    'there are: a, b'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"there are: {', '.join(names[:_LISTED])}{more}"


_LISTED = 24
