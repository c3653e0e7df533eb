"""A buffered byte stream whose failures are flowlens's own errors, one line each."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol

from flowlens.core.errors import FlowlensError, UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_BUFFER_BYTES = 256 * 1024
_ELSEWHERE = "choose another place with -o"
_REMEDIES = {
    errno.ENOSPC: f"make room or {_ELSEWHERE}",
    errno.EDQUOT: f"make room or {_ELSEWHERE}",
    errno.EFBIG: f"raise the limit (ulimit -f) or {_ELSEWHERE}",
    errno.EACCES: f"get write permission or {_ELSEWHERE}",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class ClosedPipe(Exception):
    """Whoever read the output went away: no error, the command ends without a word."""


class Writable(Protocol):
    """What can be written beneath the buffer: raw files, and streams in memory."""

    def write(self, data: ReadableBuffer, /) -> int | None:
        """Write some of the data and return how much; None when it would block."""


def problem(error: OSError, place: str) -> FlowlensError | ClosedPipe:
    """What an operating system's error on `place` means to the user."""
    if isinstance(error, BrokenPipeError):
        return ClosedPipe(place)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return UsageError(f"{place}: no such directory; create it or name one that exists")
    if isinstance(error, IsADirectoryError):
        return UsageError(f"{place}: is a directory; name a file within it")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return FlowlensError(f"{place}: {reason}; {_REMEDIES.get(error.errno or 0, _ELSEWHERE)}")


@contextlib.contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn every OSError of the block, which touches nothing but `place`, into a `problem`."""
    try:
        yield
    except OSError as error:
        raise problem(error, place) from error


@contextlib.contextmanager
def buffered(inner: Writable, place: str) -> Iterator[BinaryIO]:
    """A buffered stream over `inner`; what is in the buffer is dropped when the block fails.

    Raises (from writes and at the end): ClosedPipe, FlowlensError.
    """
    checked = _Checked(inner, place)
    sink = io.BufferedWriter(checked, _BUFFER_BYTES)
    try:
        yield sink
        sink.flush()
    except BaseException:
        checked.dead = True
        raise
    finally:
        sink.close()


class _Checked(io.RawIOBase):
    """A raw stream that translates write errors, and once dead swallows what still comes."""

    def __init__(self, inner: Writable, place: str) -> None:
        self.inner = inner
        self.place = place
        self.dead = False

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        if self.dead:
            return memoryview(data).nbytes
        try:
            with translated(self.place):
                written = self.inner.write(data)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        except BaseException:
            self.dead = True
            raise
        return written
