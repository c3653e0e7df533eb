"""Standard error that never fails a command, and descriptors that nobody else gets."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def steady() -> None:
    """Make standard error swallow what it can't write, and open what is closed on /dev/null.

    What is said there must not change how a command ends; and a file that got the number of a
    closed standard stream would be written by whoever complains there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Forgiving()),
        encoding=getattr(sys.stderr, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


class _Forgiving(io.RawIOBase):
    """Descriptor 2, whose failures are nobody's business."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2

    def isatty(self) -> bool:
        return os.isatty(2)

    def write(self, data: ReadableBuffer, /) -> int:
        with suppress(OSError):
            return os.write(2, data)
        return memoryview(data).nbytes
