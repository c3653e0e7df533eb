"""A store as an input: which Parquet parts it holds, and which of them a window needs.

Whoever keeps a store (`flowlens.batch`) writes the manifest anew, beside and renamed, when parts
have come and before old ones go, so that its reader never sees a half.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flowlens.core.directories import LEDGER, MANIFEST, MARK
from flowlens.core.errors import FlowlensError, UsageError

VERSION = 1

UNDATED = "__HIVE_DEFAULT_PARTITION__"
"""The day of records that have no start, as Hive calls it."""

CONTENTS = frozenset(
    (MARK, MANIFEST, LEDGER, "lock", "flows", "rollups", "state", "damaged")
).union(f"{LEDGER}-{what}" for what in ("wal", "shm", "journal"))
"""What a store consists of; anything else in its directory is somebody else's."""

_LONGEST = 64 << 20

_SHOWN = 60
"""Characters of what a manifest says that an error shows."""

_NAME = re.compile(r"[0-9a-f]{20}\.parquet", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of records that start on one day (UTC, or `UNDATED`).

    `sha256` is that of its bytes; an empty text where the store is too old to know it.
    """

    path: Path
    day: str
    size: int
    sha256: str = ""


def is_store(directory: Path) -> bool:
    """Whether a directory really is a store: it says whose, and has a manifest or a ledger.

    A file that merely has the name of the mark makes none, nor does the mark all alone.
    """
    if not (directory / MARK).is_file():
        return False
    try:
        about = _described(directory / MARK)
    except UsageError:
        return False
    return isinstance(about.get("job"), str) and any(
        (directory / name).is_file() for name in (MANIFEST, LEDGER)
    )


def parts(directory: Path, window: Window = (None, None)) -> Iterator[Part]:
    """The parts of a store that may hold records of a window, by day and name.

    Raises:
        UsageError: the store is one of a newer flowlens, its manifest can't be read, or it lists
            what isn't part of a store.
        FlowlensError: a part is damaged.
    """
    for part in listed(directory):
        if needed(part.day, window):
            if part.sha256 and part.path.exists() and sha256_of(part.path) != part.sha256:
                again = (
                    "rebuild JOB.toml"
                    if part.day == UNDATED
                    else (f"run JOB.toml --since {part.day}")
                )
                raise FlowlensError(
                    f"{part.path}: damaged, its SHA-256 isn't that in {MANIFEST}; flowlens batch "
                    f"{again} moves it to damaged/, and the next run reads its objects again"
                )
            yield part


def listed(directory: Path) -> list[Part]:
    """All parts that the manifest of a store lists; each lies in the store, behind no link.

    Raises:
        UsageError, FlowlensError: as `parts` does.
    """
    described(directory / MARK)
    place = directory / MANIFEST
    rows = described(place).get("parts")
    found = []
    for row in rows if isinstance(rows, list) else [rows]:
        part = _part(directory, row)
        if part is None:
            what = row.get("path") if isinstance(row, dict) else row
            shown = repr(what)[:_SHOWN] if isinstance(what, str) else "a row without a path"
            raise UsageError(
                f"{place}: damaged: it lists {shown}, which isn't part of a store; remove the "
                "manifest, and flowlens batch run recreates it"
            )
        require_no_link(directory, part.path)
        found.append(part)
    return found


def _part(directory: Path, row: object) -> Part | None:
    """A part as the manifest has it, if it is as it should be."""
    if not isinstance(row, dict):
        return None
    day, path, size, sha256 = row.get("day"), row.get("path"), row.get("bytes"), row.get("sha256")
    if (
        type(size) is not int
        or not 0 <= size < 1 << 63
        or not (sha256 is None or is_sha256(sha256))
    ):
        return None
    if not is_part(day, path):
        return None
    return Part(directory / str(path), str(day), size, sha256 or "")


def is_day(day: object) -> bool:
    """Whether it is a day that records of a store may start on.

    >>> is_day("2026-11-23"), is_day("2026-02-30"), is_day("../x"), is_day(UNDATED)
    (True, False, False, True)
    """
    try:
        return day == UNDATED or (isinstance(day, str) and str(date.fromisoformat(day)) == day)
    except ValueError:
        return False


def is_part(day: object, path: object) -> bool:
    """Whether a path is one that a store gives to a part of that day, below its own directory.

    >>> is_part("2026-11-23", "flows/day=2026-11-23/0123456789abcdef0123.parquet")
    True
    >>> is_part("2026-11-23", "../victim.txt")
    False
    """
    if not (is_day(day) and isinstance(path, str)):
        return False
    start = f"flows/day={day}/"
    return path.startswith(start) and bool(_NAME.fullmatch(path.removeprefix(start)))


def sha256_of(path: Path) -> str:
    """The SHA-256 of a regular file, in hexadecimal; an empty text where it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return ""
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def is_sha256(text: object) -> bool:
    """Whether it is a SHA-256 in hexadecimal."""
    return isinstance(text, str) and bool(_SHA256.fullmatch(text))


def require_no_link(directory: Path, path: Path) -> None:
    """See that nothing between a store and what lies in it is a link, which may lead anywhere.

    Raises:
        FlowlensError: something is.
    """
    for place in (path, *path.parents):
        if place == directory:
            return
        if place.is_symlink():
            raise FlowlensError(
                f"{place}: is a link; a store can't contain links; replace it by what it leads to"
            )


def described(place: Path) -> dict[str, Any]:
    """What a file of a store says of it.

    Raises:
        UsageError: it isn't there, isn't whole, or is one of a newer flowlens.
    """
    about = _described(place)
    if about["store"] != VERSION:
        raise UsageError(
            f"{place}: a store of version {str(about['store'])[:_SHOWN]}, but this flowlens reads "
            f"version {VERSION}; update flowlens"
        )
    return about


def _described(place: Path) -> dict[str, Any]:
    """What a file of a store says, of whatever version: a whole number from 1 on."""
    try:
        if not stat.S_ISREG(place.stat().st_mode):
            raise _damaged(place)
        with place.open("rb") as file:
            about = json.loads(file.read(_LONGEST))
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}; flowlens batch run recreates it") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(place) from error
    version = about.get("store") if isinstance(about, dict) else None
    if type(version) is not int or version < 1:
        raise _damaged(place)
    return dict(about)


def _damaged(place: Path) -> UsageError:
    return UsageError(f"{place}: damaged; remove it, and flowlens batch run recreates it")


def needed(day: str, window: Window) -> bool:
    """Whether records of a day may lie in a window; those without a start lie in none.

    >>> needed("2026-11-23", (datetime(2026, 11, 23, 22, tzinfo=UTC), None))
    True
    """
    since, until = window
    if day == UNDATED:
        return since is None and until is None
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    ends = since is None or start.date() >= since.astimezone(UTC).date()
    return ends and (until is None or start < until)
