"""Every field a flow-log record can have: AWS's name, our column, type, unit, version, meaning.

One table, from which the parser, the schema command and the documentation are made. A newcomer
who finds a new field in AWS's user guide adds a line to `data/fields.csv`, and nothing else. A
column without a token is in no record: flowlens derives it from another one.

Source: AWS, "Flow log records", Amazon VPC user guide; versions 2 to 11.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Kind(StrEnum):
    """What a field's text must look like; the parser checks each value against it."""

    TEXT = "text"
    ADDRESS = "address"
    PORT = "port"
    BYTE = "byte"
    INT32 = "int32"
    INT64 = "int64"
    TIME = "time"
    ACTION = "action"
    STATUS = "status"
    STAMP = "stamp"
    DECODED = "decoded"


SQL_TYPES = {
    Kind.TEXT: "text",
    Kind.ADDRESS: "text",
    Kind.PORT: "int32",
    Kind.BYTE: "int32",
    Kind.INT32: "int32",
    Kind.INT64: "int64",
    Kind.TIME: "timestamp[us, UTC]",
    Kind.ACTION: "text",
    Kind.STATUS: "text",
    Kind.STAMP: "text",
    Kind.DECODED: "text",
}

MILLISECONDS = 10**11
"""A time from here on is in milliseconds: as such it is in 1973, and as seconds after 5138."""

EXPORT_TIME = "@time"
"""The time that CloudWatch's export and `aws logs tail` put before each record, and no field."""

STREAM = "@stream"
"""The log stream that `aws logs tail` puts behind the time, and no field."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `token` as AWS writes it (empty where derived), `column` as flowlens names it."""

    token: str
    column: str
    kind: Kind
    unit: str
    version: int
    meaning: str

    @property
    def type(self) -> str:
        """The column's type, as the documentation writes it."""
        return SQL_TYPES[self.kind]

    @property
    def source(self) -> str:
        """The column that this one is decoded from, or its own name.

        >>> field_of("asg_tag_decoded").source, field_of("asg_tag").source
        ('asg_tag', 'asg_tag')
        """
        return self.column.removesuffix("_decoded") if self.kind is Kind.DECODED else self.column


@cache
def fields() -> dict[str, Field]:
    """All known fields by column name, in AWS's table order."""
    text = files("flowlens").joinpath("data/fields.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    table = [
        Field(
            token=row["token"],
            column=row["column"],
            kind=Kind(row["kind"]),
            unit=row["unit"],
            version=int(row["version"]),
            meaning=row["meaning"],
        )
        for row in rows
    ]
    return {field.column: field for field in table}


@cache
def columns_by_token() -> dict[str, str]:
    """AWS's tokens, with `-` as in text headers and with `_` as in Parquet, to column names."""
    return {
        spelling: field.column
        for field in fields().values()
        if field.token
        for spelling in (field.token, field.token.replace("-", "_"), field.column)
    }


def field_of(column: str) -> Field:
    """The field of a column; an unknown one is text of its own name."""
    if column == EXPORT_TIME:
        return Field(column, column, Kind.STAMP, "", 0, "when CloudWatch took the record in")
    if column == STREAM:
        return Field(column, column, Kind.TEXT, "", 0, "the log stream of the record")
    known = fields().get(column)
    return known or Field(column, column, Kind.TEXT, "", 0, "a field that flowlens does not know")


def quoted(name: str) -> str:
    """A column's name in SQL.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'
