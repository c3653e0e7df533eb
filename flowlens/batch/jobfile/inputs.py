"""Inputs of a job, and whether one of them would read what the job itself writes."""

from __future__ import annotations

import glob
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path

from flowlens.batch.jobtypes import REMOTE

_ESCAPED = re.compile(r"\[([*?[])\]")


def is_remote(name: str) -> bool:
    """Whether an input is elsewhere."""
    return REMOTE.match(name) is not None


def would_read(name: str, place: Path, files: tuple[str, ...] = ()) -> bool:
    """Whether an input holds a place: a file, or a directory with files that are named like these.

    A directory is walked, so it holds whatever is below it. A glob may name the place, a directory
    above it, or files in it.

    >>> would_read("/d/logs", Path("/d/logs/store"))
    True
    >>> [would_read(f"/d/{end}", Path("/d/store"), ("x.parquet",)) for end in ("*", "*/*.gz")]
    [True, False]
    """
    parts = Path(os.path.realpath(place)).parts
    root, pattern = _split(name)
    if parts[: len(root)] != root:
        return False
    return _matches(pattern, parts[len(root) :], files)


def lies_in(name: str, place: Path) -> bool:
    """Whether an input is a place, or is looked for in it alone.

    >>> lies_in("/d/store/*", Path("/d/store")), lies_in("/d/*", Path("/d/store"))
    (True, False)
    """
    parts = Path(os.path.realpath(place)).parts
    return _split(name)[0][: len(parts)] == parts


def _split(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The real path where an input is looked for, and the parts of a glob from there."""
    fixed: list[str] = []
    pattern: list[str] = []
    magic = not os.path.lexists(name)
    for part in Path(name).parts:
        plain = _ESCAPED.sub(r"\1", part) if magic else part
        if pattern or (magic and glob.escape(plain) != part):
            if (part, *pattern[-1:]) != ("**", "**"):
                pattern.append(part)
        else:
            fixed.append(plain)
    return Path(os.path.realpath(os.path.join(*fixed))).parts, tuple(pattern)


def _matches(pattern: tuple[str, ...], parts: tuple[str, ...], files: tuple[str, ...]) -> bool:
    """Whether a pattern names a path, a directory above it, or one of the files below it."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return _matches(pattern[1:], parts, files) or (
            bool(parts) and _matches(pattern, parts[1:], files)
        )
    if not parts:
        return any(fnmatchcase(file, pattern[-1]) for file in files)
    return fnmatchcase(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:], files)
