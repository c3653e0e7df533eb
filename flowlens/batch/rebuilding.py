"""A ledger made anew from the parts of a store, where the old one is lost or damaged.

Every part tells of its objects. Objects without a single record are in no part: the next run reads
them again, and with them those whose parts say different things of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from flowlens.batch.job import Job
from flowlens.batch.store.entries import Entry, Part
from flowlens.batch.store.ledger import NAME, opened
from flowlens.batch.store.parts import FLOWS, described, is_readable, runs, touched
from flowlens.batch.store.place import locked, set_aside
from flowlens.batch.summaries import rollups
from flowlens.core import atomic
from flowlens.core.errors import FlowlensError
from flowlens.inputs.aws.cloudwatch import SCHEME as GROUPS
from flowlens.inputs.store import is_part, listed, sha256_of


def rebuild(job: Job) -> tuple[int, int, list[str]]:
    """Make the ledger anew; objects, parts, and the paths of parts that couldn't be used.

    The old ledger is kept beside it until this is done.

    Raises:
        LockedError: a run is at work on the store.
        UsageError: there is no store.
    """
    with locked(job):
        place = job.store / NAME
        new = atomic.beside(place)
        objects, parts, lost = _made(job, new)
        for path in lost:
            set_aside(job.store, job.store / path)
        for ending in ("-journal", "-wal", "-shm"):
            atomic.discard(place.with_name(f"{NAME}{ending}"))
        atomic.sync(new)
        os.replace(new, place)
        atomic.sync(job.store)
        return objects, parts, lost


def _made(job: Job, place: Path) -> tuple[int, int, list[str]]:
    entries: dict[str, Entry] = {}
    parts: list[Part] = []
    lost: list[str] = []
    seconds = int(job.interval.total_seconds())
    for path, told_sha256 in _paths(job.store):
        try:
            sha256 = sha256_of(path)
            if told_sha256 not in ("", sha256) or not (told_sha256 or is_readable(path)):
                raise ValueError("damaged")
            own = described(path)
            named = tuple((own[number].name, rows) for number, rows in runs(path))
            touches = touched(path, named, seconds)
            size = path.stat().st_size
        except (OSError, ValueError, KeyError, IndexError, TypeError, pa.ArrowException):
            lost.append(str(path.relative_to(job.store)))
            continue
        day = _day(path)
        relative = str(path.relative_to(job.store))
        rows_there = sum(rows for _, rows in named)
        parts.append(Part(day, relative, rows_there, size, sha256, named))
        for entry in own:
            entries[entry.name] = _with(entries.get(entry.name), entry, touches[entry.name])
    _rejoin(entries, parts)
    rows = _rows(parts)
    pruned = job.retention.records is not None and not lost
    with opened(place, create=True) as ledger, ledger.change():
        ledger.enter(list(entries.values()), parts)
        if not pruned:
            ledger.retry(name for name, entry in entries.items() if _lacks(entry, rows[name]))
        ledger.change_days({part.day for part in parts})
        for day in _pruned(job, {part.day for part in parts}, lost):
            ledger.change_days([day])
            ledger.prune(day)
    return len(entries), len(parts), lost


def _rows(parts: Sequence[Part]) -> Counter[str]:
    """How many rows there are of each object."""
    rows = Counter[str]()
    for part in parts:
        for name, number in part.runs:
            rows[name] += number
    return rows


def _rejoin(entries: dict[str, Entry], parts: list[Part]) -> None:
    """Put together what parts know by several names of an object that was moved meanwhile."""
    rows = _rows(parts)
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries.values():
        alike[entry.stamp, json.dumps(entry.counts.to_dict(), sort_keys=True)].append(entry.name)
    for names in alike.values():
        name, *others = names
        if not others or sum(rows[each] for each in names) != entries[name].counts.records:
            continue
        for other in others:
            entries[name] = _with(entries[name], entries[other], entries[other].touches)
            del entries[other]
        for place, part in enumerate(parts):
            own = tuple((name if each in others else each, number) for each, number in part.runs)
            parts[place] = replace(part, runs=own)


def _pruned(job: Job, days: set[str], lost: list[str]) -> set[str]:
    """Days that have summaries and no records any more, for they aren't kept for so long.

    What is read of them from now on isn't all there was.
    """
    if job.retention.records is None:
        return set()
    summed = {place.name for place in rollups.places(job.store)}
    broken = {Path(path).parent.name for path in lost}
    return {name.removeprefix("day=") for name in summed - broken} - days


def _lacks(entry: Entry, rows: int) -> bool:
    """Whether there are fewer records of an object than were read of it.

    Of an hour of CloudWatch only some of those read count.
    """
    counts = entry.counts
    return not entry.name.startswith(GROUPS) and rows < counts.ok + counts.nodata + counts.skipdata


def _with(known: Entry | None, entry: Entry, touches: Mapping[int, int]) -> Entry:
    """An object with what one more part has of it."""
    if known is None:
        return replace(entry, touches=dict(touches))
    together = dict(known.touches)
    for start, records in touches.items():
        together[start] = together.get(start, 0) + records
    same = (known.size, known.stamp) == (entry.size, entry.stamp)
    return replace(known, touches=together, again=known.again or not same)


def _paths(store: Path) -> list[tuple[Path, str]]:
    """The parts that count, with their SHA-256 where that is known.

    They are those of the manifest, or all there are if that is lost as well.
    """
    try:
        return sorted((part.path, part.sha256) for part in listed(store))
    except FlowlensError:
        places = sorted((store / FLOWS).glob("day=*/*.parquet"))
        return [(path, "") for path in places if is_part(_day(path), str(path.relative_to(store)))]


def _day(path: Path) -> str:
    return path.parent.name.removeprefix("day=")
