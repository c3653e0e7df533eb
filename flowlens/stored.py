"""A store as an input: which Parquet parts it holds, and which of them a window needs.

Whoever keeps a store (`flowlens.batch`) writes the manifest anew, beside and renamed, when parts
have come and before old ones go, so that its reader never sees a half.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flowlens.errors import UsageError

MARK = "flowlens-store.json"
"""The file that makes a directory a store."""

MANIFEST = "manifest.json"

LEDGER = "ledger.sqlite"
"""What the store remembers of its inputs; only its keeper opens it."""

VERSION = 1

UNDATED = "__HIVE_DEFAULT_PARTITION__"
"""The day of records that have no start, as Hive calls it."""

CONTENTS = frozenset((MARK, MANIFEST, LEDGER, "lock", "flows", "rollups", "state")).union(
    f"{LEDGER}-{what}" for what in ("wal", "shm", "journal")
)
"""What a store consists of; anything else in its directory is somebody else's."""

_LONGEST = 64 << 20
_SHOWN = 60
_DAY = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{UNDATED}"
_PATH = re.compile(rf"flows/day=({_DAY})/[0-9A-Za-z_-][0-9A-Za-z_.-]*")

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of records that start on one day (UTC, or `UNDATED`)."""

    path: Path
    day: str
    size: int


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
        UsageError: the store is one of a newer flowlens, or its manifest can't be read.
    """
    described(directory / MARK)
    place = directory / MANIFEST
    rows = described(place).get("parts")
    if not isinstance(rows, list):
        raise _damaged(place)
    for part in [_part(place, row) for row in rows]:
        if needed(part.day, window):
            yield part


def described(place: Path) -> dict[str, Any]:
    """What a file of a store says of it.

    Raises:
        UsageError: it isn't there, isn't whole, or is one of a newer flowlens.
    """
    about = _described(place)
    if about["store"] != VERSION:
        raise UsageError(
            f"{place}: a store of version {str(about['store'])[:_SHOWN]}, and this flowlens knows "
            f"{VERSION}; update it"
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
        raise UsageError(f"{place}: {error.strerror}; flowlens batch run makes it anew") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(place) from error
    version = about.get("store") if isinstance(about, dict) else None
    if type(version) is not int or version < 1:
        raise _damaged(place)
    return dict(about)


def _part(place: Path, row: object) -> Part:
    """A row of a manifest, which may come from anybody: its part lies in the store, on its day.

    Raises:
        UsageError: it is none.
    """
    about = row if isinstance(row, dict) else {}
    path, day, size = about.get("path"), about.get("day"), about.get("bytes")
    if isinstance(path, str) and isinstance(day, str) and type(size) is int:
        told = _PATH.fullmatch(path)
        if told and told[1] == day and _is_day(day) and 0 <= size < 1 << 63:
            return Part(place.parent / path, day, size)
    shown = repr(path)[:_SHOWN] if isinstance(path, str) else "a row without a path"
    raise _damaged(place, f"damaged ({shown} is no part of a store)")


def _is_day(day: str) -> bool:
    try:
        return day == UNDATED or bool(date.fromisoformat(day))
    except ValueError:
        return False


def _damaged(place: Path, what: str = "damaged") -> UsageError:
    return UsageError(f"{place}: {what}; remove it, and flowlens batch run makes it anew")


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
