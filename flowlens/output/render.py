"""One result, one format, one sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from flowlens.output.batches import as_reader
from flowlens.output.formats import Format

if TYPE_CHECKING:
    from flowlens.output.html import Meaning


def write(
    batches_or_table: pa.RecordBatchReader | pa.Table,
    format: Format,
    sink: BinaryIO,
    *,
    limit_shown: int | None = None,
    total: int | None = None,
    width: int | None = None,
    meanings: Sequence[Meaning] = (),
    title: str = "",
) -> None:
    """Write the rows to `sink`, in order; memory stays flat however many there are.

    CSV, JSON, JSON lines and Parquet write every row and heed none of the options. TABLE,
    MARKDOWN and HTML show `limit_shown` rows (None: 20, 0: all) and say so when that cuts; `total`
    is the number of rows when the caller knows it, else they are counted. `width` is the
    terminal's for TABLE, None for a pipe or a file. HTML is a page that stands alone, under
    `title`; `meanings` tell of its columns.
    """
    reader = as_reader(batches_or_table)
    match format:
        case Format.CSV:
            from flowlens.output.delimited import write_csv

            write_csv(reader, sink)
        case Format.JSON:
            from flowlens.output.jsontext import write_json

            write_json(reader, sink)
        case Format.JSONL:
            from flowlens.output.jsontext import write_jsonl

            write_jsonl(reader, sink)
        case Format.PARQUET:
            from flowlens.output.parquet import write_parquet

            write_parquet(reader, sink)
        case Format.TABLE:
            from flowlens.output.preview import preview
            from flowlens.output.table import table_text

            rows = preview(reader, limit=limit_shown, total=total)
            sink.write(table_text(rows, width=width).encode())
        case Format.MARKDOWN:
            from flowlens.output.markdown import markdown_text
            from flowlens.output.preview import preview

            rows = preview(reader, limit=limit_shown, total=total)
            sink.write(markdown_text(rows).encode())
        case Format.HTML:
            from flowlens.output.html import first, html_page

            head = first(reader, limit=limit_shown, total=total)
            sink.write(html_page(head, meanings, title=title).encode())
