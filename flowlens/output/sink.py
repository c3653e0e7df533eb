"""Where the bytes go: standard output, a file that appears whole or not at all, or a device.

A file is written beside its place and renamed, so no reader ever sees half of it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from flowlens.core.errors import FlowlensError, UsageError
from flowlens.core.escape import terminal
from flowlens.core.leavings import leaving
from flowlens.output.streams import ClosedPipe, buffered, translated

__all__ = ["ClosedPipe", "open_sink"]

_STDOUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}
# Open descriptors, even where they lead to a regular file: that file is the shell's to replace.
_DESCRIPTOR = re.compile(r"/dev/(fd/\d+|stderr)|/proc/(self|\d+)/fd/\d+")


PATIENCE = 1.0
"""Seconds that the reader of a FIFO has to open it."""


@contextlib.contextmanager
def open_sink(
    path: Path | None, *, inputs: Iterable[Path] = (), device: bool = True
) -> Iterator[BinaryIO]:
    """Open the output: None (or `-`) is standard output, anything else a file or a device.

    With `device` False it is refused if it is a device or a FIFO.

    A regular file is there, whole and with the permissions it had, once the block has ended well;
    after any exception within the block it is as it was before. So raise StrictError behind it.

    Raises: UsageError for an input's own file, a directory, a missing directory, a disk itself, or
    a FIFO that nobody reads; FlowlensError where writing fails; ClosedPipe when the reader has
    gone.
    """
    with _opened(path, inputs, device=device) as sink:
        yield sink


def _opened(
    path: Path | None, inputs: Iterable[Path], *, device: bool
) -> contextlib.AbstractContextManager[BinaryIO]:
    if path is None or str(path) in _STDOUT:
        return _standard_output(inputs)
    place = terminal(str(path))
    existing = None
    with translated(place), contextlib.suppress(FileNotFoundError):
        existing = path.stat()
    descriptor = _DESCRIPTOR.fullmatch(str(path))
    if not device and existing and (descriptor or not stat.S_ISREG(existing.st_mode)):
        raise UsageError(f"{place}: no regular file; name a file")
    if descriptor:
        return _device(path, place)
    if existing is None:
        return _file(path, place, None)
    if stat.S_ISDIR(existing.st_mode):
        raise UsageError(f"{place}: is a directory; name a file within it")
    if stat.S_ISBLK(existing.st_mode):
        raise UsageError(f"{place}: is a disk; name a file")
    if not stat.S_ISREG(existing.st_mode):
        return _device(path, place)
    _refuse_input(existing, place, inputs)
    return _file(path, place, existing)


def _refuse_input(output: os.stat_result, place: str, inputs: Iterable[Path]) -> None:
    if not stat.S_ISREG(output.st_mode):
        return
    for source in inputs:
        with contextlib.suppress(OSError):
            status = source.stat()
            if os.path.samestat(status, output):
                name = terminal(str(source))
                raise UsageError(f"{place}: is the input {name}; write to another file with -o")


@contextlib.contextmanager
def _standard_output(inputs: Iterable[Path]) -> Iterator[BinaryIO]:
    place = "standard output"
    if sys.stdout is None:
        raise FlowlensError(f"{place}: is closed; write to a file with -o")
    stream = sys.stdout.buffer
    with contextlib.suppress(OSError):  # a stream in memory has no descriptor
        _refuse_input(os.fstat(stream.fileno()), place, inputs)
    with translated(place):
        sys.stdout.flush()
    # Past Python's own buffer: what a closed pipe left there would be complained of at exit.
    with buffered(getattr(stream, "raw", stream), place) as sink:
        yield sink


@contextlib.contextmanager
def _device(path: Path, place: str) -> Iterator[BinaryIO]:
    """A FIFO, a terminal, /dev/null: written as it is, neither emptied nor replaced."""
    with translated(place):
        descriptor = _writable(path, place)
        os.set_blocking(descriptor, True)
        raw = io.FileIO(descriptor, "wb")
    with raw, buffered(raw, place) as sink:
        yield sink


def _writable(path: Path, place: str) -> int:
    """Open a device or a FIFO; whoever reads the FIFO may be about to open it."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise UsageError(
                    f"{place}: nobody reads it; start its reader first, or name a file"
                ) from error
        time.sleep(0.02)


@contextlib.contextmanager
def _file(path: Path, place: str, existing: os.stat_result | None) -> Iterator[BinaryIO]:
    """A regular file, by way of a temporary one beside it; a symbolic link stays a link."""
    target = Path(os.path.realpath(path))
    part = target.with_name(f".flowlens-{secrets.token_hex(6)}.part")
    with translated(place):
        if existing is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        # 0666 lets the kernel apply the umask, which can't be read without changing it.
        raw = io.FileIO(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
    try:
        with raw, leaving(part):
            if existing is not None:
                with contextlib.suppress(PermissionError):
                    os.fchown(raw.fileno(), existing.st_uid, existing.st_gid)
                with contextlib.suppress(PermissionError):
                    os.fchmod(raw.fileno(), stat.S_IMODE(existing.st_mode))
            with buffered(raw, place) as sink:
                yield sink
            with translated(place):
                os.fsync(raw.fileno())
        with translated(place):
            part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
