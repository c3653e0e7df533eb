"""Parquet with zstd and statistics; streamed, a row group at a time."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

import pyarrow as pa
from pyarrow import types

from flowlens.output import values
from flowlens.output.batches import as_reader, in_chunks

_GROUP_ROWS = 122_880  # DuckDB's own: one thread can take one group


def write_parquet(reader: pa.RecordBatchReader, sink: BinaryIO) -> None:
    """Write every row; types that Parquet lacks (intervals, unions) become text."""
    from pyarrow.parquet import ParquetWriter

    fields = [f if _storable(f.type) else f.with_type(pa.string()) for f in reader.schema]
    schema = pa.schema(fields, reader.schema.metadata)
    with ParquetWriter(sink, schema, compression="zstd", write_statistics=True) as writer:
        for batch in in_chunks(reader, rows=_GROUP_ROWS):
            columns = [
                column if column.type == field.type else values.plain(column)
                for column, field in zip(batch.columns, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def parquet_bytes(data: pa.RecordBatchReader | pa.Table) -> bytes:
    """The whole file in memory."""
    sink = BytesIO()
    write_parquet(as_reader(data), sink)
    return sink.getvalue()


def _storable(kind: pa.DataType) -> bool:
    if types.is_interval(kind) or types.is_union(kind):
        return False
    return all(_storable(kind.field(i).type) for i in range(kind.num_fields))
