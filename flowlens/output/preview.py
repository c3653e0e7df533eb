"""The first rows of a result as people read them, and how many there are in all.

What the plain table, Markdown and HTML share: numbers with thousands separators, null as `-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.output import values
from flowlens.records.fields import Kind, fields

SHOWN_ROWS = 20
_DECIMAL = re.compile(r"(-?)(\d+)((?:\.\d+)?)")
_COUNTED = {"packets", "bytes"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its cells as text, not yet escaped; numbers go right, firm ones stay whole."""

    name: str
    cells: list[str]
    number: bool
    firm: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The columns of the `shown` first rows out of `total`."""

    columns: list[Column]
    shown: int
    total: int

    @property
    def cut(self) -> str | None:
        """What a cut table says of itself; None when all is shown."""
        return cut(self.shown, self.total)


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows out of `total`; `sums` add up columns over all rows, where these were read."""

    table: pa.Table
    total: int
    sums: Mapping[str, float]


def cut(shown: int, total: int) -> str | None:
    """What a cut table says of itself; None when all is shown.

    >>> cut(20, 1431), cut(20, 20)
    ('20 of 1,431', None)
    """
    return f"{shown:,} of {total:,}" if total > shown else None


def preview(reader: pa.RecordBatchReader, *, limit: int | None, total: int | None) -> Preview:
    """The first rows as text; see `head`."""
    found = head(reader, limit=limit, total=total)
    table = found.table
    columns = [_column(table.column(i), name) for i, name in enumerate(table.schema.names)]
    return Preview(columns, table.num_rows, found.total)


def head(
    reader: pa.RecordBatchReader,
    *,
    limit: int | None,
    total: int | None = None,
    summed: Iterable[str] = (),
) -> Head:
    """Keep the first `limit` rows (None: 20, 0: all) and count the rest, unless `total` is known.

    Only the kept rows stay in memory. With a known total the rest is not read. Of the columns
    `summed` those with numbers are added up, as doubles.
    """
    wanted = SHOWN_ROWS if limit is None else limit
    kept: list[pa.RecordBatch] = []
    kinds = dict(zip(reader.schema.names, reader.schema.types, strict=True))
    names = [name for name in summed if name in kinds and values.is_number(kinds[name])]
    sums = dict.fromkeys(names, 0.0)
    shown = rows = 0
    for batch in reader:
        part = batch if wanted == 0 else batch.slice(0, max(0, wanted - shown))
        if part.num_rows:
            kept.append(part)
        shown += part.num_rows
        rows += batch.num_rows
        for name in names:
            amounts = pc.cast(batch[name], pa.float64(), safe=False)
            sums[name] += pc.sum(amounts).as_py() or 0.0
        if wanted and shown == wanted and total is not None:
            break
    every = max(rows, total or 0)
    table = pa.Table.from_batches(kept, reader.schema)
    return Head(table, every, sums if rows == every else {})


@cache
def identifiers() -> frozenset[str]:
    """Columns whose integers are names, not amounts: port 8080 is not 8,080."""
    known = fields().values()
    coded = {f.column for f in known if f.kind in (Kind.PORT, Kind.BYTE, Kind.INT32, Kind.INT64)}
    return frozenset(coded - {f.column for f in known if f.unit in _COUNTED} | {"port"})


def grouped(text: str) -> str:
    """A number with thousands separators; what has an exponent stays as it is.

    >>> grouped("1234567"), grouped("-1234.5678"), grouped("1e+20")
    ('1,234,567', '-1,234.5678', '1e+20')
    """
    match = _DECIMAL.fullmatch(text)
    return f"{match[1]}{int(match[2]):,}{match[3]}" if match else text


def _column(column: pa.ChunkedArray, name: str) -> Column:
    kind = column.type
    number = values.is_number(kind)
    texts = [text for chunk in column.chunks for text in values.plain(chunk).to_pylist()]
    if number and name not in identifiers():
        texts = [text and grouped(text) for text in texts]
    cells = ["-" if text is None else text for text in texts]
    return Column(name, cells, number, firm=number or pa.types.is_temporal(kind))
