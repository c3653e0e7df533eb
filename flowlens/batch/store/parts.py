"""Parts: Parquet files of the records of one day, each with the objects that they came from.

The rows of a part lie object by object, so that those of one can be taken out again; which they are
stands in the file's own metadata, from which a lost ledger is made anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowlens.batch.store.entries import COUNTED, Entry, Part
from flowlens.core import atomic
from flowlens.core.counts import Counts
from flowlens.inputs.store import sha256_of
from flowlens.reading.parquet.footers import MARK

FLOWS = "flows"

OBJECTS = f"{MARK}.objects"
"""The key of a part's metadata that holds its objects and the rows of each."""

_LAST = 253_402_300_800
"""The year 10000, in seconds since 1970."""

ROW_GROUP = 250_000
"""Rows in a row group: small enough that a window of minutes reads little."""

FEWEST = 10_000
"""Rows of a part that are read at a time, at least."""

MOST_BYTES = 128 << 20
"""A part that has become this large is ended, and another begun."""


@dataclass(slots=True)
class Draft:
    """A part that is being written, beside its place; `runs` are objects by number, with rows.

    So many rows are `held` in memory, and so many `bytes` are on the disk. `origin` names the parts
    that its rows were in before, if any: what is left of one may look like another of the same
    objects.
    """

    directory: Path
    day: str
    schema: pa.Schema
    number: int
    origin: str = ""
    path: Path = field(init=False)
    rows: int = 0
    held: int = 0
    bytes: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)
    _held: list[pa.Table] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def __post_init__(self) -> None:
        self.path = atomic.beside(self.directory / f"day={self.day}" / f"{self.number}.parquet")

    def add(self, table: pa.Table, runs: Sequence[tuple[int, int]]) -> None:
        """Add rows in their order."""
        self._held.append(table)
        self.rows += table.num_rows
        self.held += table.num_rows
        for number, rows in runs:
            if self.runs and self.runs[-1][0] == number:
                rows += self.runs.pop()[1]
            self.runs.append((number, rows))
        if self.held >= ROW_GROUP:
            self.flush()

    @property
    def is_full(self) -> bool:
        """Whether it has become large enough."""
        return self.bytes >= MOST_BYTES

    def flush(self) -> None:
        """Write what is in memory."""
        if not self._held:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, self.schema, compression="zstd")
        table = pa.concat_tables(self._held, promote_options="default").select(self.schema.names)
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self._held.clear()
        self.held, self.bytes = 0, self.path.stat().st_size

    def close(self, objects: Sequence[Entry]) -> tuple[Path, Part]:
        """End the file; where it is, and the part that it will be. `objects` are those of runs."""
        self.flush()
        assert self._writer is not None
        own = {number: objects[number] for number, _ in self.runs}
        # One name, one content: the objects, their stamps, how many rows of each, and which.
        told = [_told(entry) for entry in own.values()]
        places = {number: place for place, number in enumerate(own)}
        runs = [(places[number], rows) for number, rows in self.runs]
        text = json.dumps({"objects": told, "runs": runs})
        self._writer.add_key_value_metadata({MARK: "records", OBJECTS: _packed(text)})
        self._writer.close()
        which = f"{self.day}\n{self.number}\n{self.origin}\n{text}"
        digest = hashlib.sha256(which.encode()).hexdigest()[:20]
        path = f"{FLOWS}/day={self.day}/{digest}.parquet"
        named = tuple((objects[number].name, rows) for number, rows in self.runs)
        size = self.path.stat().st_size
        return self.path, Part(self.day, path, self.rows, size, sha256_of(self.path), named)

    def discard(self) -> None:
        """Leave nothing of it."""
        self._held.clear()
        # The disk may be full or broken: other drafts go all the same, and what is left of this one
        # is swept by the next run.
        with suppress(OSError):
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            atomic.discard(self.path)


def pieces(path: Path, part: Part, *, together: int = 1) -> Iterator[tuple[str, pa.Table]]:
    """The rows of a part in their order, each stretch with the object that it came from.

    Where so many parts are read `together`, fewer rows of each are in memory.
    """
    runs = iter(part.runs)
    name, left = "", 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(max(FEWEST, ROW_GROUP // together)):
            table, begin = pa.Table.from_batches([batch]), 0
            while begin < table.num_rows:
                while not left:
                    name, left = next(runs)
                rows = min(left, table.num_rows - begin)
                yield name, table.slice(begin, rows)
                begin, left = begin + rows, left - rows


def is_readable(path: Path) -> bool:
    """Whether a part can be read to its end."""
    try:
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, pa.ArrowException):
        return False
    return True


def starts(times: pa.ChunkedArray) -> pa.ChunkedArray:
    """Seconds since 1970; null where there is no time, or one that no day could be named by."""
    seconds = pc.divide(pc.cast(times, pa.int64()), 1_000_000)
    possible = pc.and_(pc.greater_equal(seconds, 0), pc.less(seconds, _LAST))
    return pc.if_else(possible, seconds, pa.scalar(None, pa.int64()))


def touched(path: Path, runs: Sequence[tuple[str, int]], seconds: int) -> dict[str, Counter[int]]:
    """How many records of each object start in which intervals, by a part's rows."""
    counted: dict[str, Counter[int]] = {name: Counter() for name, _ in runs}
    begun = starts(pq.read_table(path, columns=["start_time"], partitioning=None)["start_time"])
    whole = pc.multiply(pc.divide(begun, seconds), seconds)
    begin = 0
    for name, rows in runs:
        for row in pc.value_counts(whole.slice(begin, rows).combine_chunks()).to_pylist():
            if row["values"] is not None:
                counted[name][row["values"]] += row["counts"]
        begin += rows
    return counted


def described(path: Path) -> list[Entry]:
    """The objects that a part's metadata tells of, without what they touch.

    Raises:
        ValueError, OSError, pa.ArrowException: it is no part, or damaged.
    """
    return [
        Entry(
            str(told["name"]),
            int(told["size"]),
            str(told["stamp"]),
            str(told["state"]),
            str(told["why"]),
            bool(told["again"]),
            Counts(**{n: int(told[n]) for n in COUNTED}, reasons=Counter(told["reasons"])),
            {},
        )
        for told in _about(path)["objects"]
    ]


def runs(path: Path) -> list[tuple[int, int]]:
    """The places of a part's objects among those described, with the rows of each, in order."""
    return [(int(place), int(rows)) for place, rows in _about(path)["runs"]]


def _about(path: Path) -> dict[str, Any]:
    metadata = pq.read_metadata(path).metadata or {}
    if OBJECTS.encode() not in metadata:
        raise ValueError("no part of a store")
    about = json.loads(_unpacked(metadata[OBJECTS.encode()]))
    return dict(about)


def _told(entry: Entry) -> dict[str, object]:
    numbers = {name: getattr(entry.counts, name) for name in COUNTED}
    about = {"name": entry.name, "size": entry.size, "stamp": entry.stamp, "state": entry.state}
    about = {**about, "why": entry.why, "again": entry.again}
    return {**about, **numbers, "reasons": dict(sorted(entry.counts.reasons.items()))}


def _packed(text: str) -> bytes:
    return base64.b64encode(zlib.compress(text.encode()))


def _unpacked(data: bytes) -> str:
    return zlib.decompress(base64.b64decode(data)).decode()
