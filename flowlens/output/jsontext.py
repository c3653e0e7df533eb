"""JSON: an array of objects, a line each; and JSON lines. Keys are the column names.

Strict JSON: NaN and the infinities are null. Numbers keep all their digits. Non-ASCII text is
UTF-8; control and bidi characters are `\\u` escapes, so that the data is exact and a terminal safe.
"""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.core import escape
from flowlens.output import values
from flowlens.output.batches import in_chunks
from flowlens.output.delimited import text_bytes

_CHUNK_ROWS = 65_536


def write_json(reader: pa.RecordBatchReader, sink: BinaryIO) -> None:
    """Write one array of objects; no rows give `[]`."""
    opened = False
    for batch in in_chunks(reader, rows=_CHUNK_ROWS):
        rows = text_bytes(_objects(batch, before=",\n", after=""))
        # Every row brings the comma after its predecessor; the first one opens the array.
        sink.write(rows if opened else b"[")
        if not opened:
            sink.write(rows[1:])
        opened = True
    sink.write(b"\n]\n" if opened else b"[]\n")


def write_jsonl(reader: pa.RecordBatchReader, sink: BinaryIO) -> None:
    """Write one object a line; no rows give nothing."""
    for batch in in_chunks(reader, rows=_CHUNK_ROWS):
        sink.write(text_bytes(_objects(batch, before="", after="\n")))


def _objects(batch: pa.RecordBatch, *, before: str, after: str) -> pa.Array:
    """One text a row: a JSON object between `before` and `after`."""
    parts: list[pa.Array | str] = []
    opening = before + "{"
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        parts += [f"{opening}{escape.json_string(name)}: ", values.json_values(column)]
        opening = ", "
    return pc.binary_join_element_wise(*parts, "}" + after, "")
