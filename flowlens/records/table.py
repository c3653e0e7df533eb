"""From the text of good records to an Arrow table with the flows table's names and types."""

from __future__ import annotations

import io
from collections.abc import Collection
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from flowlens.records import tokens
from flowlens.records.fields import MILLISECONDS, Kind, field_of, fields
from flowlens.records.layouts import Layout
from flowlens.records.patterns import NULLS
from flowlens.records.percent import decoded

_TIMESTAMP = pl.Datetime("us", "UTC")
_TYPES: dict[Kind, pl.DataType] = {
    Kind.PORT: pl.Int32(),
    Kind.BYTE: pl.Int32(),
    Kind.INT32: pl.Int32(),
    Kind.INT64: pl.Int64(),
    Kind.TIME: pl.Int64(),
}


def build(text: bytes, rows: int, layout: Layout, columns: tuple[str, ...]) -> pa.Table:
    """The wanted columns of records in canonical text.

    `columns` may name fields that the layout lacks: they are null. `log_status` is filled in.

    Raises:
        AssertionError: the text does not hold `rows` records, which would be a defect here.
    """
    schema = {name: _TYPES.get(field_of(name).kind, pl.String()) for name in layout.columns}
    wanted = [_expression(name, layout).alias(name) for name in columns]
    if not rows:
        frame = pl.DataFrame(schema=schema).lazy()
    else:
        plain, above = uncompressed(text)
        frame = pl.scan_csv(
            io.BytesIO(plain),
            skip_lines=above,
            has_header=False,
            separator=" ",
            quote_char=None,
            null_values=list(NULLS),
            schema=schema,
        )
    if layout.named and tokens.SIGN in text:
        texts = pl.col(name for name, kind in schema.items() if kind == pl.String())
        frame = frame.with_columns(texts.map_elements(tokens.unpacked, return_dtype=pl.String()))
    # with_columns, for a select of literals alone has one row.
    table = frame.with_columns(wanted).select(columns).collect()
    if table.height != rows and columns:
        raise AssertionError(f"{table.height} rows from {rows} records")
    arrow: pa.Table = table.to_arrow(compat_level=pl.CompatLevel.newest())
    return arrow


def _decoded(texts: pl.Series) -> pl.Series:
    plain = decoded(texts.to_arrow(compat_level=pl.CompatLevel.oldest()))
    return pl.Series(texts.name, plain)


def uncompressed(text: bytes) -> tuple[bytes, int]:
    """Text that polars takes for text, and how many lines to skip at its beginning.

    polars decompresses what begins like zlib, gzip, zstd or bzip2 data; so may a hostile line.
    """
    if text.startswith((b"x", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh")):
        return b"\n" + text, 1
    return text, 0


def span(table: pa.Table) -> tuple[datetime | None, datetime | None]:
    """The first start and the last end in a table, or None where a time is not in it."""
    if not {"start_time", "end_time"} <= set(table.column_names):
        return None, None
    seconds = [pc.cast(table[name], pa.int64()) for name in ("start_time", "end_time")]
    first, last = pc.min(seconds[0]).as_py(), pc.max(seconds[1]).as_py()
    return _moment(first), _moment(last)


def _moment(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC)


def stored(seen: Collection[str]) -> tuple[str, ...]:
    """The columns worth storing of records that have these: in order, unknown ones last.

    Those of version 2 are always there. What can be decoded from another column is left to
    whoever reads that one.

    >>> stored(["zone", "tcp_flags", "start_time"])[-2:]
    ('tcp_flags', 'zone')
    """
    known = [
        field.column
        for field in fields().values()
        if field.version == 2
        or (field.column in seen and (field.token or field.source not in seen))
    ]
    return (*known, *(name for name in seen if name not in fields()))


def arrow_schema(columns: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of a table that `build` makes."""
    types = {name: _TYPES.get(field_of(name).kind, pl.String()) for name in columns}
    types.update({name: _TIMESTAMP for name in columns if field_of(name).kind is Kind.TIME})
    empty = pl.DataFrame(schema=types).to_arrow(compat_level=pl.CompatLevel.newest())
    schema: pa.Schema = empty.schema
    return schema


def _expression(name: str, layout: Layout) -> pl.Expr:
    field = field_of(name)
    kind = field.kind
    if name == "log_status" and name not in layout.columns:
        marker = pl.col(layout.marker).is_not_null() if layout.marker else pl.lit(True)
        return pl.when(marker).then(pl.lit("OK")).otherwise(pl.lit("NODATA"))
    if kind is Kind.DECODED and field.source in layout.columns:
        return pl.col(field.source).map_batches(_decoded, return_dtype=pl.String())
    if name not in layout.columns:
        return pl.lit(
            None, dtype=_TIMESTAMP if kind is Kind.TIME else _TYPES.get(kind, pl.String())
        )
    column = pl.col(name)
    if kind is Kind.TIME:
        seconds = pl.when(column >= MILLISECONDS).then(column // 1000).otherwise(column)
        return (seconds * 1_000_000).cast(_TIMESTAMP)
    return column
