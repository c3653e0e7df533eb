"""Drafts: parts that are being written, for as many days as the records start on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.batch.store.entries import Entry, Part
from flowlens.batch.store.parts import Draft, starts
from flowlens.inputs.store import UNDATED, Window
from flowlens.pipeline.stream import SOURCE

HELD = 2_000_000
"""Rows in memory over all days."""

OPEN = 200
"""Parts that are open for writing at the same time."""

_DAY = 86_400
_EPOCH = date(1970, 1, 1)


class Drafts:
    """Parts below a directory, day by day; `touches` counts records by source and interval.

    `outside` counts those that a window left out, by their status.
    Without a schema a part has the columns of its first rows. `origin` names the parts that their
    rows were in before, if any.
    """

    def __init__(
        self,
        directory: Path,
        schema: pa.Schema | None,
        interval: timedelta,
        *,
        origin: str = "",
    ) -> None:
        self._directory = directory
        self._origin = origin
        self._schema = schema
        self._seconds = interval // timedelta(seconds=1)
        self._open: dict[str, Draft] = {}
        self._full: list[Draft] = []
        self._held = 0
        self.outside: Counter[str] = Counter()
        self.touches: defaultdict[int, Counter[int]] = defaultdict(Counter)

    def add(self, table: pa.Table, window: Window = (None, None)) -> None:
        """Records with their `SOURCE`; those that start outside of the window are left out."""
        begun = starts(table["start_time"])
        inside = _inside(begun, window)
        if inside is not None:
            for row in pc.value_counts(table.filter(pc.invert(inside))["log_status"]).to_pylist():
                self.outside[row["values"]] += row["counts"]
            table, begun = table.filter(inside), begun.filter(inside)
        if not table.num_rows:
            return
        self._touch(table[SOURCE], begun)
        days = pc.divide(begun, _DAY)
        found = pc.unique(days).to_pylist()
        rows = table.drop_columns([SOURCE])
        for day in sorted(found, key=lambda number: (number is None, number)):
            name = UNDATED if day is None else (_EPOCH + timedelta(days=day)).isoformat()
            if len(found) == 1:
                self.put(name, rows, _runs(table[SOURCE]))
                return
            chosen = pc.is_null(days) if day is None else pc.equal(days, day)
            self.put(name, rows.filter(chosen), _runs(table[SOURCE].filter(chosen)))

    def put(self, day: str, table: pa.Table, runs: Sequence[tuple[int, int]]) -> None:
        """Rows of one day, with the number of the object of each stretch."""
        draft = self._open.get(day)
        if draft is None:
            number = len(self._full) + len(self._open)
            schema = self._schema or table.schema
            draft = Draft(self._directory, day, schema, number, self._origin)
            self._open[day] = draft
        before = draft.held
        draft.add(table, runs)
        self._held += draft.held - before
        if draft.is_full:
            self._end(day)
        if self._held > HELD:
            largest = max(self._open.values(), key=lambda open_one: open_one.held)
            self._held -= largest.held
            largest.flush()
        if len(self._open) > OPEN:
            self._end(max(self._open, key=lambda name: self._open[name].rows))

    def close(self, entries: Sequence[Entry]) -> list[tuple[Path, Part]]:
        """End all parts: where they are, and what they will be. `entries` are the objects."""
        drafts = [*self._full, *self._open.values()]
        return [draft.close(entries) for draft in drafts]

    def discard(self) -> None:
        """Leave nothing of them where they were written."""
        for draft in (*self._full, *self._open.values()):
            draft.discard()

    def _end(self, day: str) -> None:
        draft = self._open.pop(day)
        self._held -= draft.held
        draft.flush()
        self._full.append(draft)

    def _touch(self, sources: pa.ChunkedArray, begun: pa.ChunkedArray) -> None:
        whole = pc.multiply(pc.divide(begun, self._seconds), self._seconds)
        rows = pa.table({"source": sources, "start": whole})
        for row in rows.group_by(["source", "start"]).aggregate([([], "count_all")]).to_pylist():
            if row["start"] is not None:
                self.touches[row["source"]][row["start"]] += row["count_all"]


def _inside(starts: pa.ChunkedArray, window: Window) -> pa.ChunkedArray | None:
    since, until = window
    if since is None or until is None:
        return None
    ends = [
        (end - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) for end in window if end
    ]
    inside = pc.and_(pc.greater_equal(starts, ends[0]), pc.less(starts, ends[1]))
    return pc.fill_null(inside, False)


def _runs(sources: pa.ChunkedArray) -> list[tuple[int, int]]:
    """Values that lie in a row, each with how many there are of it."""
    runs: list[tuple[int, int]] = []
    for chunk in sources.chunks:
        encoded, begin = pc.run_end_encode(chunk), 0
        ends = encoded.run_ends.to_pylist()
        for value, end in zip(encoded.values.to_pylist(), ends, strict=True):
            runs.append((value, end - begin))
            begin = end
    return runs
