"""What every format reads: a stream of record batches with column names that are all different."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

CHUNK_BYTES = 32 * 1024 * 1024


def as_reader(data: pa.RecordBatchReader | pa.Table) -> pa.RecordBatchReader:
    """A reader over the data; a repeated column name becomes `name_1`, as DuckDB itself does."""
    reader = data.to_reader() if isinstance(data, pa.Table) else data
    names = distinct(reader.schema.names)
    if names == reader.schema.names:
        return reader
    schema = pa.schema(
        field.with_name(name) for field, name in zip(reader.schema, names, strict=True)
    )
    renamed = (batch.rename_columns(names) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, renamed)


def distinct(names: list[str]) -> list[str]:
    """The names, each once; JSON and Parquet readers refuse a name that stands twice.

    >>> distinct(["a", "a", "a_1", "a"])
    ['a', 'a_2', 'a_1', 'a_3']
    """
    taken, seen, result = set(names), set[str](), []
    for name in names:
        free, number = name, 0
        while free in seen or (number and free in taken):
            number += 1
            free = f"{name}_{number}"
        seen.add(free)
        result.append(free)
    return result


def in_chunks(reader: pa.RecordBatchReader, *, rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly `rows`, or fewer where they are wide; order kept.

    How the source cut its batches leaves no mark on the output, and memory stays flat.
    """
    pending: list[pa.RecordBatch] = []
    held = weight = 0
    for batch in reader:
        step = max(1024, batch.num_rows * CHUNK_BYTES // max(batch.nbytes, 1))
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, min(step, rows - held))
            pending.append(part)
            start += part.num_rows
            held += part.num_rows
            weight += part.nbytes
            if held == rows or weight >= CHUNK_BYTES:
                yield pa.concat_batches(pending)
                pending, held, weight = [], 0, 0
    if pending:
        yield pa.concat_batches(pending)
