"""From objects to parts and the ledger: every record once, whatever happens on the way.

A group of objects is read together. Its records are written beside their places, given their names,
and only then does the ledger hear of them, in one transaction, in which the parts of earlier
versions of the same objects go. What is in no ledger never was; the next run removes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from flowlens.batch.job import Job
from flowlens.batch.store.drafts import Drafts
from flowlens.batch.store.entries import Entry, Part
from flowlens.batch.store.listing import Object
from flowlens.batch.store.parts import FLOWS, pieces
from flowlens.batch.store.place import Store
from flowlens.batch.watch.quarantine import Held
from flowlens.core import atomic
from flowlens.core.counts import Account, Counts, SourceAccount
from flowlens.core.errors import NoInputError
from flowlens.inputs.find import Found
from flowlens.pipeline.load import Listener
from flowlens.pipeline.run import Inputs, header_columns
from flowlens.pipeline.stream import storable, streaming
from flowlens.records.fields import field_of
from flowlens.records.layouts import Layout, from_user
from flowlens.records.table import stored

OBJECTS, BYTES = 20_000, 512 << 20
"""What is read together at most, and then is in the store for good; bytes as they are listed."""

PEEKED = 8
"""Objects of a group whose headers are looked at beforehand; what others bring is found out."""


@dataclass(slots=True)
class Taken:
    """What was read: the objects, the days whose records changed, the newest record's end."""

    entries: list[Entry] = field(default_factory=list)
    days: set[str] = field(default_factory=set)
    newest: datetime | None = None

    @property
    def counts(self) -> Counts:
        """The sum over the objects."""
        total = Counts()
        for entry in self.entries:
            total.add(entry.counts)
        return total

    def add(self, other: Taken) -> None:
        """What was read after this."""
        self.entries += other.entries
        self.days |= other.days
        ends = [end for end in (self.newest, other.newest) if end is not None]
        self.newest = max(ends, default=None)


def take(
    store: Store,
    job: Job,
    group: Sequence[Object],
    listener: Listener,
    malformed: Held | None = None,
) -> Taken:
    """Read a group of objects into the store, in place of what it held of them before.

    Their malformed lines go to `malformed`.

    Raises:
        LedgerError: the ledger can't be used.
        OSError: a file can't be written; the store is as it was.
    """
    layout = from_user(job.layout) if job.layout else None
    columns = stored(header_columns(Inputs(_found(group[:PEEKED]), layout)))
    while True:
        drafts = Drafts(store.path(FLOWS), storable(columns), job.interval)
        if malformed:
            malformed.begin()
            listener = replace(listener, on_malformed=malformed.write)
        try:
            account = _read(group, layout, columns, drafts, listener)
            more = [name for name in account.columns if field_of(name).token]
            if set(more) <= set(columns):
                entries = [
                    _entry(item, account.sources[number], drafts.touches[number], drafts.outside)
                    for number, item in enumerate(group)
                ]
                taken = _settled(store, job, entries, drafts)
                taken.newest = account.last_seen
                return taken
        finally:
            drafts.discard()
        columns = stored(sorted({*columns, *more}))


def _found(group: Sequence[Object]) -> Found:
    return Found((), tuple(item.source for item in group))


def _read(
    group: Sequence[Object],
    layout: Layout | None,
    columns: tuple[str, ...],
    drafts: Drafts,
    listener: Listener,
) -> Account:
    """Read the objects into drafts."""
    with streaming(_found(group), columns, layout=layout, listener=listener) as stream:
        # Where nothing at all can be read, the account says so of each.
        with suppress(NoInputError):
            for table in stream:
                drafts.add(table, group[0].window)
        return stream.account


def _entry(
    item: Object, account: SourceAccount, touches: Mapping[int, int], outside: Mapping[str, int]
) -> Entry:
    """An object as it was read; what changed meanwhile, or couldn't be reached, is tried again.

    Records `outside` of its window are no lines of it: they are those of its neighbours.
    """
    state = "unreadable" if account.unreadable else "truncated" if account.truncated else "read"
    return Entry(
        name=item.name,
        size=item.size,
        stamp=item.stamp,
        state=state,
        why=account.unreadable or account.truncated,
        again=account.failed or _has_changed(item),
        counts=_within(account.counts, outside),
        touches=touches,
    )


def _within(counts: Counts, outside: Mapping[str, int]) -> Counts:
    fewer = {status.lower(): number for status, number in outside.items()}
    fewer["lines"] = sum(outside.values())
    return replace(counts, **{name: getattr(counts, name) - fewer[name] for name in fewer})


def _has_changed(item: Object) -> bool:
    """Whether a file isn't any more what it was when it was listed."""
    if item.source.opener is not None:
        return False
    try:
        status = os.stat(item.source.name)
    except OSError:
        return True
    return (status.st_size, str(status.st_mtime_ns)) != (item.size, item.stamp)


def _settled(store: Store, job: Job, entries: Sequence[Entry], drafts: Drafts) -> Taken:
    """Make the drafts parts, and enter everything into the ledger.

    Of an object that can't be reached now the store keeps what it has, until it can.
    """
    lost = [entry.name for entry in entries if entry.state == "unreadable" and entry.again]
    kept = store.ledger.with_records(lost)
    read = [entry for entry in entries if entry.name not in kept]
    gone = frozenset(entry.name for entry in read)
    old = store.ledger.holding(gone)
    store.require_sound(part for part in old if not gone.issuperset(n for n, _ in part.runs))
    rewritten: list[tuple[Path, Part]] = []
    try:
        for part in old:
            rewritten += _without(store, job, part, gone)
        made = [*drafts.close(entries), *rewritten]
        atomic.settle((path, store.path(part.path)) for path, part in made)
    finally:
        for path, _ in rewritten:
            atomic.discard(path)
    parts = [part for _, part in made]
    store.sound.update(part.path for part in parts)
    days = {part.day for part in (*old, *parts)}
    with store.ledger.change():
        store.ledger.enter(read, parts, [part.path for part in old])
        store.ledger.retry(kept)
        store.ledger.change_days(days)
        store.ledger.change_later(published=job.looks_back)
    replaced(store, old, parts)
    return Taken(list(entries), days)


def _without(store: Store, job: Job, part: Part, gone: frozenset[str]) -> list[tuple[Path, Part]]:
    """A part once more, without the records of some objects; nothing if there are no others."""
    path = store.path(part.path)
    left = [entry for entry in store.ledger.entries(part) if entry.name not in gone]
    if not left:
        return []
    numbers = {entry.name: number for number, entry in enumerate(left)}
    drafts = Drafts(store.path(FLOWS), None, job.interval, origin=part.path)
    try:
        for name, table in pieces(path, part):
            if name in numbers:
                drafts.put(part.day, table, [(numbers[name], table.num_rows)])
        return drafts.close(left)
    except BaseException:
        drafts.discard()
        raise


def replaced(store: Store, old: Sequence[Part], new: Sequence[Part]) -> None:
    """Tell readers of the new parts, and remove the old ones."""
    store.publish()
    for path in {part.path for part in old} - {part.path for part in new}:
        atomic.discard(store.path(path))
