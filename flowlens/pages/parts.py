"""What pages are made of: tables in each format, times and JSON objects."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pyarrow as pa

from flowlens.output.formats import Format
from flowlens.output.jsontext import write_json
from flowlens.output.markdown import markdown_text
from flowlens.output.preview import Preview, preview
from flowlens.output.table import table_text


def table(data: pa.Table, total: int, format: Format, *, width: int | None) -> str:
    """Rows as a text or Markdown table, with `n of total` beneath where that cuts."""
    rows = preview(data.to_reader(), limit=0, total=None)
    rows = Preview(rows.columns, rows.shown, total)
    if format is Format.MARKDOWN:
        return markdown_text(rows)
    return table_text(rows, width=width)


def objects(data: pa.Table) -> list[dict[str, object]]:
    """Rows as JSON objects, with times as text."""
    sink = io.BytesIO()
    write_json(data.to_reader(), sink)
    rows: list[dict[str, object]] = json.loads(sink.getvalue())
    return rows


def json_text(value: object) -> str:
    """One JSON object in ASCII, which no terminal stumbles over."""
    return json.dumps(value, indent=1, default=_plain) + "\n"


def moment(value: datetime | None) -> str:
    """A time as every format writes it; `-` for none."""
    return "-" if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} in a page")
