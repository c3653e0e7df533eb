"""Hand-made flows for the query tests, and the few lines that run a named query on them.

A record is a line `eni src dst srcport dstport protocol packets bytes start end action status`
with `-` for null, seconds counted from EPOCH, and `column=value` for any further field.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from flowlens.pipeline.reference import Knowledge
from flowlens.records.fields import fields
from flowlens.sql import catalog

EPOCH = 1_767_225_600
"""2026-01-01T00:00:00Z, a full day and hour."""

TOKENS = [
    "interface_id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start_time",
    "end_time",
    "action",
    "log_status",
]
TYPES = {
    "text": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
}
SCHEMA = pa.schema([(name, TYPES[field.type]) for name, field in fields().items()])


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(EPOCH + seconds, UTC)


def record(line: str) -> dict[str, Any]:
    """One record of the flows table from its line."""
    words = line.split()
    text = dict(zip(TOKENS, words[: len(TOKENS)], strict=True)) | {"account_id": "111122223333"}
    text |= dict(word.split("=") for word in words[len(TOKENS) :])
    row: dict[str, Any] = {}
    for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True):
        value = text.get(name, "-")
        if value == "-":
            row[name] = None
        elif pa.types.is_timestamp(kind):
            row[name] = moment(int(value))
        else:
            row[name] = int(value) if pa.types.is_integer(kind) else value
    return row


def flows(lines: str) -> pa.Table:
    """The flows table that a block of lines describes; empty lines are skipped."""
    rows = [record(line) for line in lines.splitlines() if line.strip()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def database(table: pa.Table, name: str, *, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A database with `flows`, what is known beside them, and what a named query reads."""
    connection = duckdb.connect(config={"threads": threads})
    connection.execute("set timezone = 'UTC'")
    connection.register("flows", table)
    Knowledge().create(connection)
    for relation in catalog.order([catalog.find(name)]):
        connection.register(relation.name, run(connection, relation.name))
    return connection


def run(connection: duckdb.DuckDBPyConnection, name: str, **given: str) -> pa.Table:
    """The answer of a named query, as Arrow."""
    query = catalog.find(name)
    values = catalog.bind(query, given)
    values["limit"] = values["limit"] or 2**63 - 1
    return connection.sql(query.sql, params=values).to_arrow_table()


def answer(name: str, table: pa.Table, **given: str) -> list[str]:
    """The rows of a named query, each as one line; times are seconds from EPOCH."""
    return lines(run(database(table, name), name, **given))


def lines(table: pa.Table) -> list[str]:
    """Rows as text: null is `-`, a time its seconds from EPOCH."""

    def text(value: object) -> str:
        if value is None:
            return "-"
        if isinstance(value, datetime):
            return str(int(value.timestamp()) - EPOCH)
        return str(value)

    columns = [column.to_pylist() for column in table.columns]
    return [" ".join(text(value) for value in row) for row in zip(*columns, strict=True)]
