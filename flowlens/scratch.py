"""A temporary directory that is always removed: at the end, on an error, on Ctrl-C; and what a
killed run left behind is removed by the next one.

A directory is in use as long as somebody holds the lock on the file `lock` within it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowlens.errors import FlowlensError

_PREFIX = "flowlens-"


@contextmanager
def scratch() -> Iterator[Path]:
    """A new directory below TMPDIR, for this block alone.

    Raises:
        FlowlensError: there is no place for one.
    """
    try:
        while True:
            place = Path(tempfile.mkdtemp(prefix=_PREFIX))
            lock = os.open(place / "lock", os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another run may have taken it for a leftover while it wasn't locked yet.
            if place.is_dir():
                break
            os.close(lock)
    except OSError as error:
        raise FlowlensError(f"no temporary directory: {error.strerror}; set TMPDIR") from error
    try:
        _sweep(place.parent)
        yield place
    finally:
        os.close(lock)
        shutil.rmtree(place, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove directories of ours whose run is gone."""
    for place in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if place.stat().st_uid != os.getuid():
                continue
            lock = os.open(place / "lock", os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(lock)
