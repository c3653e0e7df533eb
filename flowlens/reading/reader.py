"""Reading all sources in parallel and in order, with memory that does not grow with the input.

Small files of one layout are joined into buffers; large ones are cut into blocks. Two kinds of
work go to the threads, which spend their time outside the interpreter's lock: a group of small
files (open, inflate, join, parse) and a block of a large one (parse).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice

import pyarrow as pa

from flowlens.core.counts import KEPT_LINES, Account, MalformedLine, SourceAccount
from flowlens.core.errors import NoInputError
from flowlens.core.interrupt import AGAIN
from flowlens.inputs.find import Found
from flowlens.reading.blocks import Block, beginning
from flowlens.reading.decompress import inflate, opened
from flowlens.reading.envelopes.detect import opened as envelope
from flowlens.reading.fetch import REFUSED, Note, Numbered, divided, fetch, threads
from flowlens.records.buffers import Buffer, Segment
from flowlens.records.layouts import DEFAULT, Layout, Origin
from flowlens.records.parser import Parsed, Wanted, parse


@dataclass(slots=True)
class Work:
    """The outcome of one piece of work. `too_large` are small files that expand too far."""

    parsed: list[Parsed] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    too_large: list[Numbered] = field(default_factory=list)
    done: int = 0


@dataclass(slots=True)
class Task:
    """Work under way; a block of a large source knows its note and its buffer, to be done again.

    `done` are the bytes of the source that it stands for.
    """

    future: Future[Work]
    note: Note | None = None
    buffer: Buffer | None = None
    done: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a read has come: bytes on disk, of how many, and records so far."""

    done: int
    total: int
    records: int


class Reading:
    """One pass over the sources: iterate over it for tables, then look at its `account`.

    `on_malformed` is called with every malformed line, in the order of the lines of each source.
    The places of sources that are read `elsewhere` are left out; they have their accounts here.
    """

    def __init__(
        self,
        found: Found,
        wanted: Wanted,
        *,
        layout: Layout | None = None,
        elsewhere: Collection[int] = frozenset(),
        on_malformed: Callable[[MalformedLine], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        self.account = Account([SourceAccount(source.name) for source in found.sources])
        for lost in found.missing:
            self.account.sources.append(SourceAccount(lost.name, unreadable=lost.why))
        self.account.passed_over = found.passed_over
        if wanted.select is not None:
            self.account.selected = 0
        self._sources = [pair for pair in enumerate(found.sources) if pair[0] not in elsewhere]
        self._wanted = wanted
        self._given = layout
        self._on_malformed = on_malformed
        self._on_progress = on_progress
        self._stopped = stopped
        self.size = sum(source.size or 0 for _, source in self._sources)
        self._done = 0
        self._records = 0

    def __iter__(self) -> Iterator[pa.Table]:
        """The tables of `wanted.columns`, in the order of the sources.

        Small files that are read together come by layout, where they have several.

        Raises:
            NoInputError: at the end, if some source could not be read, and no other holds a line.
        """
        for parsed in self.parsed():
            yield parsed.table

    def parsed(self) -> Iterator[Parsed]:
        """The same tables with their tallies, which tell the rows' sources; none without rows.

        Raises:
            NoInputError: at the end, if some source could not be read, and no other holds a line.
        """
        pool = ThreadPoolExecutor(threads(), thread_name_prefix="flowlens")
        try:
            yield from self._settled(self._tasks(pool), pool)
        finally:
            # What waits for a place that doesn't answer is not waited for any more.
            pool.shutdown(wait=not self._is_stopped(), cancel_futures=True)
        if self.account.unreadable and not self.account.total.lines:
            first = self.account.unreadable[0]
            raise NoInputError(f"{first.name}: {first.unreadable}")

    def _tasks(self, pool: ThreadPoolExecutor) -> Iterator[Task]:
        for unit in divided(self._sources):
            if isinstance(unit, list):
                for _, source in unit:
                    if source.ahead:
                        source.ahead()
                yield Task(pool.submit(_load, unit, self._given, self._wanted))
            else:
                yield from self._blocks(unit, pool)

    def _blocks(self, numbered: Numbered, pool: ThreadPoolExecutor) -> Iterator[Task]:
        """A large source, block by block, each parsed under the layout known so far."""
        index, source = numbered
        note, done = Note(index), 0
        try:
            with opened(source) as file:
                inflated = inflate(file)
                note.compression = inflated.compression
                given = self._given or source.layout
                content = envelope(inflated, given)
                note.aside = content.aside
                for block in content.blocks:
                    note.envelope = content.envelope
                    text, headers = block.text, 0
                    if block.layout is not None:
                        note.layout = block.layout
                    elif note.layout is None or note.layout.named:
                        note.layout, skip = _beginning(block, given, first=note.layout is None)
                        text, headers = text[skip:], int(skip > 0)
                    buffer = Buffer(
                        note.layout,
                        text,
                        (Segment(index, None, headers),),
                        {line - headers: cut for line, cut in block.dropped.items()},
                        {line - headers: what for line, what in block.apart.items()},
                        block.keyed,
                    )
                    before, done = done, min(inflated.taken, source.size or 0)
                    future = pool.submit(_parse, buffer, self._wanted)
                    yield Task(future, note, buffer, done - before)
                note.envelope, note.broken = content.envelope, content.broken
        except REFUSED as error:
            note.refuse(error)
        yield Task(pool.submit(Work, [], [note]), done=(source.size or 0) - done)

    def _settled(self, tasks: Iterator[Task], pool: ThreadPoolExecutor) -> Iterator[Parsed]:
        """What the tasks gave in order, a few of them under way at any time."""
        pending: deque[Task] = deque()
        depth = threads() + 1
        for task in tasks:
            if self._is_stopped():
                raise KeyboardInterrupt
            pending.append(task)
            if len(pending) > depth:
                yield from self._settle(pending, pool)
        while pending:
            yield from self._settle(pending, pool)

    def _settle(self, pending: deque[Task], pool: ThreadPoolExecutor) -> Iterator[Parsed]:
        """Wait for the first task, enter it into the account, and hand on what it gave.

        Where a header in a block changed the layout, the blocks behind it are parsed again.
        """
        task = pending.popleft()
        while not wait([task.future], timeout=AGAIN).done:
            if self._is_stopped():
                raise KeyboardInterrupt
        work = task.future.result()
        if (
            task.note
            and task.buffer
            and work.parsed[0].layouts[-1].columns != task.buffer.layout.columns
        ):
            task.note.layout = work.parsed[0].layouts[-1]
            for later in pending:
                if later.note is task.note and later.buffer is not None:
                    held = later.buffer.layout
                    if held.origin is Origin.KEYS or held.columns == task.note.layout.columns:
                        continue
                    later.buffer = replace(later.buffer, layout=task.note.layout)
                    later.future = pool.submit(_parse, later.buffer, self._wanted)
        for note in work.notes:
            self._note(note)
        for parsed in work.parsed:
            self._enter(parsed)
            if parsed.table.num_rows:
                yield parsed
        if work.too_large:
            yield from self._settled(
                (task for numbered in work.too_large for task in self._blocks(numbered, pool)), pool
            )
        self._done += work.done + task.done
        if self._on_progress:
            self._on_progress(Progress(self._done, self.size, self._records))

    def _is_stopped(self) -> bool:
        return self._stopped is not None and self._stopped()

    def _note(self, note: Note) -> None:
        account = self.account.sources[note.source]
        account.layout = str(note.layout) if note.layout else ""
        account.lacking = note.layout.lacking if note.layout else ""
        account.compression = note.compression
        account.envelope = note.form
        account.aside = note.aside
        account.truncated = note.broken
        account.unreadable = note.unreadable
        account.failed = note.failed

    def _enter(self, parsed: Parsed) -> None:
        for tally in parsed.tallies:
            account = self.account.sources[tally.source]
            # Millions can be malformed; without a quarantine the first of them are enough.
            most = None if self._on_malformed else KEPT_LINES - len(account.malformed)
            for fault in islice(tally.malformed, most):
                place = account.counts.lines + fault.line
                line = replace(fault, source=account.name, line=place)
                account.keep(line)
                if self._on_malformed:
                    self._on_malformed(line)
            account.counts.add(tally.counts)
            self._records += tally.counts.records
        if not self._wanted.literals:
            self.account.see(parsed.first, parsed.last)
        empty = not any(tally.counts.records for tally in parsed.tallies)
        for layout in parsed.layouts:
            # What is in no layout at all, for it is empty, has no columns either.
            if not (empty and layout.origin is Origin.DEFAULT):
                self.account.columns.update(layout.fields)
        if self.account.selected is not None:
            self.account.selected += parsed.table.num_rows


def _beginning(block: Block, given: Layout | None, *, first: bool) -> tuple[Layout, int]:
    """The layout of a block's lines, and the bytes its header line takes.

    Where others are keyed, or were before, that shows what the source is, and what stands between
    them may be anything.
    """
    try:
        layout, skip = beginning(block.messages(), given)
    except REFUSED:
        if first and block.keyed is None:
            raise
        return DEFAULT, 0
    return layout, 0 if block.keyed else skip


def _parse(buffer: Buffer, wanted: Wanted) -> Work:
    return Work([parse(buffer, wanted)])


def _load(group: list[Numbered], given: Layout | None, wanted: Wanted) -> Work:
    """Fetch a group of small files and parse them."""
    work = Work()
    for fetched in fetch(group, given):
        work.parsed.extend(parse(buffer, wanted) for buffer in fetched.buffers)
        work.notes += fetched.notes
        work.too_large += fetched.too_large
        work.done += fetched.done
    return work
