"""CSV after RFC 4180, with `\\n` line ends and always a header.

Null is nothing, the empty text is `""`, numbers are plain. Text that a spreadsheet would run gets
an apostrophe (see `escape.csv_cell`); control characters stay as they are, for CSV is data.
"""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from flowlens.core import escape
from flowlens.output import values
from flowlens.output.batches import in_chunks

_CHUNK_ROWS = 65_536
_NEEDS_QUOTES = r'[",\r\n]|\A\z'


def write_csv(reader: pa.RecordBatchReader, sink: BinaryIO) -> None:
    """Write the header and every row, a chunk at a time."""
    names = pa.RecordBatch.from_pydict({str(i): [n] for i, n in enumerate(reader.schema.names)})
    sink.write(_lines(names))
    for batch in in_chunks(reader, rows=_CHUNK_ROWS):
        sink.write(_lines(batch))


def _lines(batch: pa.RecordBatch) -> memoryview:
    """The rows as bytes: cells joined by commas within Arrow, the buffer taken as it is."""
    cells: list[pa.Array | str] = []
    for column in batch.columns:
        cells += [",", _cells(column)]
    if batch.num_columns == 1:  # an empty line would be no record to most readers
        cells[1] = pc.if_else(pc.equal(cells[1], ""), '""', cells[1])
    return text_bytes(pc.binary_join_element_wise(*cells[1:], "\n", ""))


def _cells(column: pa.Array) -> pa.Array:
    """One column as CSV cells; null is the empty text."""
    text = values.plain(column)
    if not (values.is_number(column.type) or pa.types.is_temporal(column.type)):
        text = _quoted(_guarded(text))
    return pc.fill_null(text, "")


def _guarded(text: pa.Array) -> pa.Array:
    formula = pc.match_substring_regex(text, escape.FORMULA)
    if not pc.any(formula).as_py():
        return text
    return pc.if_else(formula, pc.binary_join_element_wise("'", text, ""), text)


def _quoted(text: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(text, _NEEDS_QUOTES)
    if not pc.any(special).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), text)


def text_bytes(texts: pa.Array) -> memoryview:
    """All texts of an array without nulls, one after the other, without a copy."""
    _, offsets, data = texts.buffers()
    first, last = (
        memoryview(offsets).cast("i")[i] for i in (texts.offset, texts.offset + len(texts))
    )
    return memoryview(data)[first:last]
