"""A store as an input: which Parquet parts it holds, and which of them a window needs.

Whoever keeps a store (`flowlens.batch`) writes the manifest anew, beside and renamed, when parts
have come and before old ones go, so that its reader never sees a half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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

_LONGEST = 64 << 20

Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file of records that start on one day (UTC, or `UNDATED`)."""

    path: Path
    day: str
    size: int


def is_store(directory: Path) -> bool:
    """Whether a directory is a store."""
    return (directory / MARK).is_file()


def parts(directory: Path, window: Window = (None, None)) -> Iterator[Part]:
    """The parts of a store that may hold records of a window, by day and name.

    Raises:
        UsageError: the store is one of a newer flowlens, or its manifest can't be read.
    """
    for row in described(directory / MANIFEST)["parts"]:
        if needed(row["day"], window):
            yield Part(directory / row["path"], row["day"], row["bytes"])


def described(place: Path) -> dict[str, Any]:
    """What a file of a store says of it.

    Raises:
        UsageError: it isn't there, isn't whole, or is one of a newer flowlens.
    """
    try:
        with place.open("rb") as file:
            about = json.loads(file.read(_LONGEST))
        version = about["store"]
    except OSError as error:
        raise UsageError(f"{place}: {error.strerror}; flowlens batch run makes it anew") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(
            f"{place}: damaged; remove it, and flowlens batch run makes it anew"
        ) from error
    if version != VERSION:
        raise UsageError(
            f"{place}: a store of version {version}, and this flowlens knows {VERSION}; update it"
        )
    return dict(about)


def needed(day: str, window: Window) -> bool:
    """Whether records of a day may lie in a window; those without a start lie in none.

    >>> needed("2026-11-23", (datetime(2026, 11, 23, 22, tzinfo=UTC), None))
    True
    """
    since, until = window
    if day == UNDATED:
        return since is None and until is None
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return (since is None or start + timedelta(days=1) > since) and (until is None or start < until)
