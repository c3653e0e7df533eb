r"""JSON lines that grow: a value of any kind as JSON, and a line added to a file whole.

The lines are ASCII: whatever a stranger wrote into a name or a log is a `\u` escape, exact for a
parser and harmless on a terminal.
"""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import stat
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from flowlens.core.times import moment_text


def line(value: Mapping[str, object]) -> str:
    r"""An object on one line, without the line's end; keys stay in their order.

    >>> line({"name": "a\u202e\n", "share": float("nan"), "took": timedelta(seconds=2)})
    '{"name": "a\\u202e\\n", "share": null, "took": 2.0}'
    """
    return json.dumps(safe(value), allow_nan=False)


def safe(value: object) -> object:
    """The value in JSON's own types; NaN and the infinities are null, what is unknown is text."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)  # a StrEnum is its text
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return number(value) if value.is_finite() else None
        case datetime():
            return moment_text(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): safe(one) for key, one in value.items()}
        case Iterable():
            return [safe(one) for one in value]
    return str(value)


def number(value: Decimal) -> int | float:
    """A decimal as the number that it is; DuckDB's sums of whole numbers are decimals in Arrow."""
    return int(value) if value == value.to_integral_value() else float(value)


def append(path: Path, text: str, *, durable: bool = False) -> None:
    """Add a line to a file, in one write, behind those that others add at the same time.

    A line that broke off before, when the disk was full, is ended first. A durable line is on the
    disk when this returns.

    Raises:
        OSError: the line is not in the file, or not whole.
    """
    descriptor = appendable(path)
    try:
        content = f"{text}\n".encode()
        # Others' lines may be on their way; closing lets go of it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _breaks_off(descriptor):
            content = b"\n" + content
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def appendable(path: Path) -> int:
    """A descriptor of a file to add to, which is made if it isn't there.

    Raises:
        OSError: there is no place for it, or it is a FIFO or a device, which may never take a line.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file")
    return descriptor


def _breaks_off(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
