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
            # Another run may take it for a leftover while it isn't locked yet.
            with suppress(FileNotFoundError):
                lock = os.open(place / "lock", os.O_CREAT | os.O_RDWR, 0o600)
                fcntl.flock(lock, fcntl.LOCK_EX)
                if place.is_dir():
                    break
                os.close(lock)
    except OSError as error:
        raise FlowlensError(f"no temporary directory: {error.strerror}; set TMPDIR") from error
    try:
        _sweep(place.parent)
        yield place
    finally:
        with suppress(OSError):
            _remove(place)
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove directories of ours whose run is gone."""
    for place in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if place.stat().st_uid != os.getuid():
                continue
            try:
                lock = os.open(place / "lock", os.O_RDWR | os.O_NOFOLLOW)
            except FileNotFoundError:
                place.rmdir()
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(place)
            finally:
                os.close(lock)


def _remove(place: Path) -> None:
    """Remove a directory, its lock last: whenever this ends, the rest can be found."""
    for path in place.iterdir():
        if path.name != "lock":
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
