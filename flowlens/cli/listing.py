"""What flowlens has to offer, as tables: the named queries and the fields. Nothing is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from flowlens.output.formats import Format
from flowlens.output.render import write
from flowlens.output.sink import open_sink
from flowlens.records.fields import fields
from flowlens.sql import catalog


def list_queries(format: Format, output: Path | None, queries: Path | None) -> None:
    """`flowlens query` without a name: what there is."""
    known = {**catalog.shipped(), **(catalog.load(queries) if queries else {})}
    rows: list[dict[str, object]] = [
        {
            "query": name,
            "answers": query.description.split(". ")[0].rstrip(".") + ".",
            "params": ", ".join(f"{param.name}={param.default}" for param in query.params),
            "needs": ", ".join(_beyond_default(query)),
        }
        for name, query in sorted(known.items())
        if query.path.parent.name not in catalog.STEPS
    ]
    _write_rows(rows, format, output, "Named queries")


def _beyond_default(query: catalog.Query) -> list[str]:
    """Fields that a query needs and the default format, version 2, lacks."""
    needed = (fields()[name] for name in query.needs)
    return [field.token for field in needed if field.version > 2]


def show_query(name: str, queries: Path | None) -> None:
    """`flowlens query NAME --show`: its text, as it stands in the file."""
    query = catalog.find(name, extra=catalog.load(queries) if queries else None)
    with open_sink(None) as sink:
        sink.write(query.path.read_bytes())


def run_schema(format: Format, output: Path | None) -> None:
    """`flowlens schema`: the field table."""
    rows: list[dict[str, object]] = [
        {
            "field": field.token or None,
            "column": field.column,
            "type": field.type,
            "unit": field.unit or None,
            "version": field.version,
            "meaning": field.meaning,
        }
        for field in fields().values()
    ]
    _write_rows(rows, format, output, "The fields of a flow log")


def _write_rows(
    rows: list[dict[str, object]], format: Format, output: Path | None, title: str
) -> None:
    """Write a short table of our own, whole."""
    with open_sink(output) as sink:
        write(pa.Table.from_pylist(rows), format, sink, limit_shown=0, title=title)
