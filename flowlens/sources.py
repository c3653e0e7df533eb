"""Sources: from the inputs a user names to the files that are there, each once.

An input is a file, a directory (walked), a glob, or `-` for standard input. Hidden files and the
test object that CloudWatch leaves beside its exports are not sources.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowlens.errors import NoInputError

STDIN = "-"
_NOT_SOURCES = {"aws-logs-write-test", "_SUCCESS"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file or stream. `size` is in bytes, or None where only reading tells (a pipe)."""

    name: str
    size: int | None

    @property
    def is_stdin(self) -> bool:
        """Whether this is standard input."""
        return self.name == STDIN


@dataclass(frozen=True, slots=True)
class Found:
    """The sources of a read, in the order of the inputs and by path within each.

    `inputs` are as they were given; `missing` holds those that aren't there, or whose glob matches
    nothing. A file that several inputs name is there once.
    """

    inputs: tuple[str, ...]
    sources: tuple[Source, ...]
    missing: tuple[str, ...]


def find(inputs: Sequence[str]) -> Found:
    """The sources behind the inputs.

    Raises:
        NoInputError: no input was given, or none of them is there.
    """
    if not inputs:
        raise NoInputError("no input: give files, directories, globs, or - for standard input")
    sources: list[Source] = []
    missing: list[str] = []
    seen: set[object] = set()
    for name in inputs:
        empty = True
        for identity, source in _expand(name):
            empty = False
            if identity not in seen:
                seen.add(identity)
                sources.append(source)
        if empty:
            missing.append(name)
    if missing and not sources:
        raise NoInputError(_nothing(missing[0]))
    return Found(tuple(inputs), tuple(sources), tuple(missing))


def _nothing(name: str) -> str:
    path = Path(name)
    if path.is_dir():
        return f"{name}: the directory holds no files"
    if glob.has_magic(name):
        return f"{name}: nothing matches this glob"
    return f"{name}: no such file or directory"


def _expand(name: str) -> Iterator[tuple[object, Source]]:
    """The files behind one input, each with what tells it from every other."""
    if name == STDIN:
        yield STDIN, Source(STDIN, None)
        return
    if os.path.lexists(name):
        paths = [name]
    elif glob.has_magic(name):
        found = sorted(glob.glob(name, recursive=True))
        paths = [path for path in found if os.path.basename(path) not in _NOT_SOURCES]
    else:
        paths = []
    for path in paths:
        if Path(path).is_dir():
            for file in _walk(path):
                yield from _source(file, walked=True)
        else:
            yield from _source(path, walked=False)


def _source(path: str, *, walked: bool) -> Iterator[tuple[object, Source]]:
    try:
        status = os.stat(path)
    except OSError:
        yield path, Source(path, 0)
        return
    if stat.S_ISREG(status.st_mode):
        yield (status.st_dev, status.st_ino), Source(path, status.st_size)
    elif stat.S_ISDIR(status.st_mode) or not walked:
        yield path, Source(path, None)


def _walk(directory: str) -> Iterator[str]:
    """All files below a directory that can be sources, sorted; hidden ones are passed over.

    Links to directories are followed, each directory once. One that can't be listed is given as if
    it were a file, so that it is named as unreadable.
    """
    walked: set[tuple[int, int]] = set()
    unlisted: list[str] = []
    for place, directories, names in os.walk(
        directory, onerror=lambda error: unlisted.append(str(error.filename)), followlinks=True
    ):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in walked:
            directories.clear()
            continue
        walked.add((status.st_dev, status.st_ino))
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name not in _NOT_SOURCES:
                yield os.path.join(place, name)
    yield from unlisted
