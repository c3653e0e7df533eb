"""A temporary directory that is always removed: at the end, on an error, on Ctrl-C; and what a
killed run left behind is removed by the next one.

Only what flowlens made as scratch is ever removed. Such a directory holds a file `lock` whose
content marks it, and is in use as long as somebody holds the lock on that file. The temporary
directory may be shared with hostile users, so everything is done by descriptor and no link is
followed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowlens.core.directories import LEDGER, MANIFEST, MARK
from flowlens.core.errors import FlowlensError
from flowlens.core.leavings import leaving

_PREFIX = "flowlens-"
_LOCK = "lock"
_CONTENT = b"flowlens scratch: removed by the next flowlens when nobody holds this lock\n"
"""What the lock holds once it is held, so a directory that is being made is nobody's leftover."""

_MODE = 0o700
_STORE = {MARK, MANIFEST, LEDGER}
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def scratch() -> Iterator[Path]:
    """A new directory below TMPDIR, for this block alone.

    Raises:
        FlowlensError: there is no place for one.
    """
    base = parent()
    descriptors: list[int] = []
    name = f"{_PREFIX}{secrets.token_hex(6)}"
    try:
        try:
            above = os.open(base, _DIRECTORY)
            descriptors.append(above)
            os.mkdir(name, _MODE, dir_fd=above)
            within = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
            descriptors.append(within)
            lock = os.open(_LOCK, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, dir_fd=within)
            descriptors.append(lock)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.write(lock, _CONTENT) < len(_CONTENT):
                raise OSError(0, "No space left on device")
        except OSError as error:
            raise FlowlensError(
                f"no temporary directory in {base}: {error.strerror}; make room, or set TMPDIR to "
                "another place"
            ) from error
        _sweep(above)
        with leaving(Path(base, name)):
            yield Path(base, name)
    finally:
        if len(descriptors) > 1:
            with suppress(OSError):
                _remove(name, within, above)
        elif descriptors:
            with suppress(OSError):
                os.rmdir(name, dir_fd=above)
        for descriptor in reversed(descriptors):
            os.close(descriptor)


def parent() -> str:
    """Where scratch is made: TMPDIR as it stands, else what is usual on this machine.

    A TMPDIR that can't be used isn't passed over: what is put there may be large, or secret.
    """
    return os.path.abspath(os.environ.get("TMPDIR") or tempfile.gettempdir())


def _sweep(above: int) -> None:
    """Remove scratch of ours whose run is gone."""
    with os.scandir(above) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(_PREFIX)]
    for name in names:
        with suppress(OSError):
            _remove_leftover(name, above)


def _remove_leftover(name: str, above: int) -> None:
    """Remove a directory if it is scratch, ours, and nobody's any more.

    Raises:
        OSError: it is no directory, or in use, or can't be removed.
    """
    within = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        status = os.fstat(within)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o777 != _MODE:
            return
        # A FIFO called `lock` must not hold us up.
        lock = os.open(_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=within)
        try:
            if not stat.S_ISREG(os.fstat(lock).st_mode):
                return
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.read(lock, len(_CONTENT) + 1) == _CONTENT:
                _remove(name, within, above)
        finally:
            os.close(lock)
    finally:
        os.close(within)


def _remove(name: str, within: int, above: int) -> None:
    """Remove a directory, its lock last: whenever this ends, the rest can be found.

    One that holds a store is left as it is, however that came there.
    """
    for _, directories, files, _ in os.fwalk(dir_fd=within):
        if not _STORE.isdisjoint((*directories, *files)):
            return
    for entry in os.listdir(within):
        if entry == _LOCK:
            continue
        if stat.S_ISDIR(os.stat(entry, dir_fd=within, follow_symlinks=False).st_mode):
            shutil.rmtree(entry, dir_fd=within)
        else:
            os.unlink(entry, dir_fd=within)
    with suppress(FileNotFoundError):
        os.unlink(_LOCK, dir_fd=within)
    # Only an empty directory can go, so one that has taken its name since is safe.
    os.rmdir(name, dir_fd=above)
