"""What pages are made of: tables in each format, times and JSON objects."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from flowlens.core import escape
from flowlens.output import html
from flowlens.output.formats import Format
from flowlens.output.html import Meaning
from flowlens.output.jsontext import write_json
from flowlens.output.markdown import markdown_text
from flowlens.output.markup import framed
from flowlens.output.preview import Preview, preview
from flowlens.output.table import table_text


def table(
    data: pa.Table,
    total: int,
    format: Format,
    *,
    width: int | None,
    meanings: Sequence[Meaning] = (),
) -> str:
    """Rows as a table of text, Markdown or HTML, with `n of total` beneath where that cuts.

    `meanings` tell of the columns in HTML.
    """
    if format is Format.HTML:
        return html.table(html.first(data, limit=0, total=total), meanings)
    rows = preview(data.to_reader(), limit=0, total=None)
    rows = Preview(rows.columns, rows.shown, total)
    if format is Format.MARKDOWN:
        return markdown_text(rows)
    return table_text(rows, width=width)


def titled(title: str, body: str, format: Format) -> str:
    """A part of a page with its title above."""
    if format is Format.HTML:
        return f"<h4>{escape.html(title)}</h4>{body}"
    return f"{'## ' if format is Format.MARKDOWN else ''}{title}\n\n{body}"


def whole(parts: Sequence[str], format: Format) -> str:
    """The parts as one page."""
    return framed(*parts) if format is Format.HTML else "\n".join(parts)


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
