"""Files that appear whole, and survive a power cut once they have: written beside, synced, renamed.

Every change that a batch makes to a file system goes through here.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"
"""How what is not whole yet ends; it begins with a dot, so that nobody reads it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write a file, which becomes `path` at the end of the block; else it is gone."""
    part = beside(path)
    try:
        yield part
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    except BaseException:
        discard(part)
        raise


def beside(path: Path) -> Path:
    """A name for what becomes `path`, in the same directory, which is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}-{secrets.token_hex(6)}{PART}")


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


def withdraw(directory: Path) -> None:
    """Remove a directory, if it is there, all at once for whoever reads it."""
    old = beside(directory)
    with suppress(FileNotFoundError):
        os.replace(directory, old)
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
    """Remove what a killed run left unfinished in a directory, with what SQLite had beside it."""
    for path in directory.glob(f".*{PART}*"):
        discard(path)
