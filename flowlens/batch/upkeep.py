"""Keeping a store small and whole: leftovers go, lost parts are noticed, small ones put together.

Everything here may be killed at any time: the ledger changes last, or what it says is healed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flowlens.batch.job import DAY, Job
from flowlens.batch.ownership import ForeignError, Output
from flowlens.batch.store.drafts import Drafts
from flowlens.batch.store.entries import Entry, Part
from flowlens.batch.store.ingest import replaced
from flowlens.batch.store.parts import FLOWS, MOST_BYTES, is_readable, pieces
from flowlens.batch.store.place import Store, set_aside
from flowlens.batch.summaries import rollups
from flowlens.batch.summaries.daily import STATE, state_of
from flowlens.core import atomic
from flowlens.core.errors import FlowlensError
from flowlens.core.times import Interval, epoch_seconds, interval_start
from flowlens.inputs.store import UNDATED, is_part, sha256_of

SMALL = MOST_BYTES // 2
"""A part below this is put together with others; bytes."""


def tidy(store: Store, job: Job) -> Iterator[FlowlensError]:
    """Remove what killed runs left behind: files that are not whole, parts that nobody knows.

    What can't be removed from the output, for it holds what this job didn't make, is given.
    """
    known = {part.path for part in store.ledger.parts()}
    for place in store.path(FLOWS).glob("day=*"):
        atomic.sweep(place)
        day = place.name.removeprefix("day=")
        for path in place.glob("*.parquet"):
            name = str(path.relative_to(store.directory))
            if is_part(day, name) and name not in known:
                atomic.discard(path)
    for place in rollups.places(store.directory):
        atomic.sweep(place)
    for place in (store.directory, store.path(STATE), *store.path(STATE).glob("*")):
        atomic.sweep(place)
    yield from Output.of(job, store).sweep()
    store.publish()


def lost(store: Store) -> list[Part]:
    """Parts that are gone or cut short."""
    return [
        part
        for part in store.ledger.parts()
        if not (path := store.path(part.path)).is_file() or path.stat().st_size != part.bytes
    ]


def heal(store: Store) -> list[str]:
    """Forget lost parts, so that their objects are read again; the paths of these parts."""
    return forget(store, lost(store))


def note_checksums(store: Store) -> int:
    """Note the SHA-256 of parts that a flowlens without them wrote, if they can be read; how many.

    What can't be read is set aside.
    """
    old = [part for part in store.ledger.parts() if not part.sha256]
    broken = [part for part in old if not is_readable(store.path(part.path))]
    whole = [part for part in old if part not in broken]
    sums = [sha256_of(store.path(part.path)) for part in whole]
    with store.ledger.change():
        for part, sha256 in zip(whole, sums, strict=True):
            store.ledger.note_sha256(part, sha256)
    forget(store, broken)
    return len(old)


def forget(store: Store, parts: Sequence[Part]) -> list[str]:
    """Forget parts and set them aside, so that their objects are read again; their paths.

    They aren't removed: an object may be gone by now, and some of a part be readable still.
    """
    for part in parts:
        names = sorted({name for name, _ in store.ledger.with_runs(part).runs})
        set_aside(store.directory, store.path(part.path))
        with store.ledger.change():
            store.ledger.lose(part, names)
            store.ledger.change_days([part.day])
    if parts:
        store.publish()
    return [part.path for part in parts]


def short(store: Store) -> dict[str, int]:
    """Changed days whose parts hold fewer records than were read, and how many fewer.

    A part was lost, and an object that it had records of can't be read again.
    """
    found = {}
    for (day,) in store.ledger.rows("select day from days where changed = 1 order by day"):
        if day == UNDATED:
            continue
        first = epoch_seconds(interval_start(day))
        read = store.ledger.value(
            "select sum(records) from touches where start >= ? and start < ? + 86400", first, first
        )
        there = store.ledger.value("select sum(rows) from parts where day = ?", day)
        if there < read:
            found[str(day)] = read - there
    return found


def resume(store: Store, job: Job, now: datetime) -> None:
    """Note that days whose summaries are gone, though they are kept, are to be made anew."""
    kept = [span for span in (job.retention.rollups, job.retention.state) if span is not None]
    gone = []
    for day in sorted({part.day for part in store.ledger.parts()} - {UNDATED}):
        if any(_end(day) + span <= now for span in kept):
            continue
        states = [state_of(store, interval) for interval in _unchanged(store, job, day)]
        there = rollups.are_there(store.directory, day)
        if not there or not all(place.is_dir() for place in states):
            gone.append(day)
    if gone:
        with store.ledger.change():
            store.ledger.change_days(gone)


def _unchanged(store: Store, job: Job, day: str) -> list[Interval]:
    """The intervals of a day that were summarised as they are."""
    first = epoch_seconds(interval_start(day))
    rows = store.ledger.rows(
        "select start from intervals where start >= ? and start < ? + 86400 and changed = 0",
        first,
        first,
    )
    return [Interval.at(int(start), job.interval) for (start,) in rows]


def compact(store: Store, job: Job, now: datetime) -> list[str]:
    """Put the small parts of closed days together, a day at a time; the days."""
    done = []
    for (day,) in store.ledger.rows(
        "select day from parts where bytes < ? group by day having count(*) > 1 order by day", SMALL
    ):
        if day == UNDATED or _end(day) + job.lateness > now:
            continue
        small = [part for part in store.ledger.parts(day) if part.bytes < SMALL]
        store.require_sound(small)
        _together(store, job, day, [store.ledger.with_runs(part) for part in small])
        done.append(str(day))
    return done


def prune(
    store: Store, job: Job, now: datetime, *, really: bool = True
) -> tuple[list[Path], list[FlowlensError]]:
    """Remove what the job doesn't keep any longer; what that is, and what others' files are in."""
    kept = job.retention
    gone: list[Path] = []
    if kept.records is not None:
        for day in sorted({part.day for part in store.ledger.parts()} - {UNDATED}):
            if _end(day) + kept.records <= now:
                gone += _records(store, day, really=really)
    for place in rollups.places(store.directory):
        end = _named_end(place.name.removeprefix("day="), DAY)
        if kept.rollups is not None and end is not None and end + kept.rollups <= now:
            gone.append(place)
    gone += _named(store.path(STATE), job, kept.state, now)
    if really:
        for place in gone:
            atomic.discard(place)
    published, refused = _published(Output.of(job, store), job, now, really=really)
    return [*gone, *published], refused


def _published(
    output: Output, job: Job, now: datetime, *, really: bool
) -> tuple[list[Path], list[FlowlensError]]:
    """Remove intervals of this job that ended so long ago; what is another's is passed over."""
    gone: list[Path] = []
    refused: list[FlowlensError] = []
    for place in _named(output.directory, job, job.retention.outputs, now):
        if not output.is_ours(place.name):
            continue
        try:
            output.published(place.name)
            if really:
                output.withdraw(place.name)
            gone.append(place)
        except ForeignError as error:
            refused.append(error)
    return gone, refused


def _records(store: Store, day: str, *, really: bool) -> list[Path]:
    parts = store.ledger.parts(day)
    if really:
        with store.ledger.change():
            store.ledger.prune(day)
        store.publish()
    return [store.path(part.path) for part in parts]


def _together(store: Store, job: Job, day: str, parts: Sequence[Part]) -> None:
    """Some parts of a day as one, object by object."""
    entries: list[Entry] = []
    numbers: dict[str, int] = {}
    for part in parts:
        for entry in store.ledger.entries(part):
            if numbers.setdefault(entry.name, len(entries)) == len(entries):
                entries.append(entry)
    schema = pa.unify_schemas(
        [pq.read_schema(store.path(part.path)).remove_metadata() for part in parts]
    )
    many = len(parts)
    streams = [pieces(store.path(part.path), part, together=many) for part in parts]
    origin = "\n".join(part.path for part in parts)
    drafts = Drafts(store.path(FLOWS), schema, job.interval, origin=origin)
    try:
        rows: Iterator[tuple[str, pa.Table]] = heapq.merge(*streams, key=lambda piece: piece[0])
        for name, table in rows:
            drafts.put(day, table, [(numbers[name], table.num_rows)])
        made = drafts.close(entries)
        atomic.settle((path, store.path(part.path)) for path, part in made)
    finally:
        drafts.discard()
    new = [part for _, part in made]
    store.sound.update(part.path for part in new)
    with store.ledger.change():
        store.ledger.exchange(parts, new)
    replaced(store, parts, new)


def _end(day: str) -> datetime:
    return interval_start(day) + DAY


def _named(directory: Path, job: Job, span: timedelta | None, now: datetime) -> list[Path]:
    """The directories of intervals that ended so long ago; others are nobody's business here."""
    if span is None:
        return []
    ends = {place: _named_end(place.name, job.interval) for place in sorted(directory.glob("*"))}
    return [place for place, end in ends.items() if end and end + span <= now and place.is_dir()]


def _named_end(name: str, length: timedelta) -> datetime | None:
    """The end of the interval of that name; None if it is none."""
    try:
        start = interval_start(name)
    except ValueError:
        return None
    interval = Interval(start, start + length)
    return interval.end if interval.name == name else None
