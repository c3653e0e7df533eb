"""Files and directories that appear whole or not at all: written beside their place, then renamed.

Every change that a batch makes to a file system goes through here, and survives a power cut once
it is made: what is written is synced before it gets its name, and so is the directory afterwards.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowlens.core.errors import FlowlensError, UsageError
from flowlens.core.leavings import leaving

PART = ".part"
"""How what is not whole yet ends; it begins with a dot, so that nobody reads it."""

_LEFT = re.compile(r"\..+-[0-9a-f]{12}\.part(-journal|-wal|-shm)?")
"""How a file is called that is not whole yet, and what SQLite has beside it."""


@contextmanager
def replacing(path: Path, *, mark: str = "") -> Iterator[Path]:
    """A place to write a file, which becomes `path` at the end of the block; else it is gone."""
    part = beside(path, mark=mark)
    try:
        yield part
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    except BaseException:
        discard(part)
        raise


@contextmanager
def appearing(directory: Path) -> Iterator[Path]:
    """A place to write in, which becomes `directory` at the end; that is new or empty before.

    Raises:
        UsageError: the directory can't be had, or is not empty.
        FlowlensError: writing fails.
    """
    target = directory.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{directory}: the directory isn't empty; name a new one")
    part = draft(target)
    try:
        part.mkdir()
    except OSError as error:
        raise UsageError(
            f"{directory.parent}: {error.strerror}; name an existing directory"
        ) from error
    try:
        with leaving(part):
            yield part
        with suppress(FileNotFoundError):
            target.rmdir()
        os.replace(part, target)
    except OSError as error:
        raise FlowlensError(f"{directory}: {error.strerror or error}") from error
    finally:
        discard(part)


def beside(path: Path, *, mark: str = "") -> Path:
    """The draft of `path`, in whose directory it can be written: that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return draft(path, mark=mark)


def draft(path: Path, *, mark: str = "") -> Path:
    """A name for what becomes `path`, in the same directory.

    A `mark` in it tells whose it is, where the directory isn't the writer's alone.
    """
    marked = f"{path.name}-{mark}" if mark else path.name
    return path.with_name(f".{marked}-{secrets.token_hex(6)}{PART}")


def sync(path: Path) -> None:
    """See that a file's bytes, or a directory's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(pairs: Iterable[tuple[Path, Path]]) -> None:
    """Give files that were written beside their names, and see them to the disk."""
    places = set()
    for part, path in pairs:
        sync(part)
        os.replace(part, path)
        places.add(path.parent)
    for place in places:
        sync(place)


def swap(part: Path, directory: Path) -> None:
    """Put a directory in the place of another, if there is one; there is a half of neither.

    If the new one can't be put there, the old one is back.
    """
    for name in part.iterdir():
        sync(name)
    sync(part)
    old = beside(directory)
    with suppress(FileNotFoundError):
        os.replace(directory, old)
    try:
        os.replace(part, directory)
    except BaseException:
        if old.is_dir():
            os.replace(old, directory)
        raise
    sync(directory.parent)
    discard(old)


def discard(path: Path) -> None:
    """Remove a file or a directory, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def sweep(directory: Path) -> None:
    """Remove what a killed run left unfinished in a directory of the store's own."""
    if directory.is_symlink() or not directory.is_dir():
        return
    for path in directory.iterdir():
        if _LEFT.fullmatch(path.name):
            discard(path)
