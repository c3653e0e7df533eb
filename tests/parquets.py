"""Flow-log records as Parquet in the shapes in which they arrive, and as text beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lines
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from flowlens.api import Flows
from flowlens.core.counts import Account, MalformedLine
from flowlens.inputs.find import Found, Source, find
from flowlens.pipeline.run import Inputs, Listener, Question, answering
from flowlens.records.fields import Kind, field_of
from flowlens.records.layouts import DEFAULT, Layout
from flowlens.records.patterns import REQUIRED_BY_TRAFFIC

COLUMNS = (
    "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log_status",
)  # fmt: skip
TOKENS = " ".join(COLUMNS).replace("_", "-")
OK = (2, "123456789012", "eni-1", "192.0.2.1", "10.0.0.5", 40000, 22, 6, 20, 4249,
      1418530010, 1418530070, "REJECT", "OK")  # fmt: skip
QUIET = (2, "123456789012", "eni-1", None, None, None, None, None, None, None,
         1418530010, 1418530070, None, "NODATA")  # fmt: skip

INT32 = (Kind.PORT, Kind.BYTE, Kind.INT32)
INT64 = (Kind.INT64, Kind.TIME)


def record(**changed: Any) -> dict[str, Any]:
    """A record in AWS's columns, with traffic."""
    return dict(zip(COLUMNS, OK, strict=True)) | changed


def quiet(**changed: Any) -> dict[str, Any]:
    """A record of an interval without traffic."""
    return dict(zip(COLUMNS, QUIET, strict=True)) | changed


def aws_type(column: str) -> pa.DataType:
    """The type in which AWS writes a column; its name is AWS's or ours."""
    kind = field_of({"start": "start_time", "end": "end_time"}.get(column, column)).kind
    return pa.int32() if kind in INT32 else pa.int64() if kind in INT64 else pa.string()


def write(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    """Write rows as AWS does: the columns of the first one, in its types."""
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, aws_type(name)) for name in (rows[0] if rows else COLUMNS)])
    pq.write_table(pa.Table.from_pylist(rows, schema), path, **{"compression": "gzip", **options})
    return path


@dataclass(frozen=True)
class Asked:
    """What a question of Parquet or text gave."""

    rows: list[dict[str, Any]]
    account: Account
    malformed: list[MalformedLine]


def ask(inputs: Flows | Found | Path | str, sql: str = "select * from flows") -> Asked:
    """Ask, and be told of all malformed lines."""
    malformed: list[MalformedLine] = []
    if isinstance(inputs, Flows):
        asked = inputs.inputs
    else:
        asked = Inputs(inputs if isinstance(inputs, Found) else find([str(inputs)]))
    question = Question.sql_text(sql, {})
    with answering(asked, [question], Listener(on_malformed=malformed.append)) as answers:
        rows = answers.table(question).to_pylist()
        return Asked(rows, answers.account, malformed)


def elsewhere(*paths: Path) -> Found:
    """The same files as objects that only an opener can open."""
    sources = [
        Source(f"s3://bucket/{path.name}", path.stat().st_size, partial(open, path, "rb"))
        for path in paths
    ]
    return Found(tuple(source.name for source in sources), tuple(sources))


def sorted_rows(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in an order of their own, for those of Parquet have none."""
    return sorted(str(sorted(row.items(), key=lambda item: item[0])) for row in rows)


def text(path: Path, layout: Layout, rows: list[list[str]]) -> Path:
    """The same as a text file."""
    path.write_text("\n".join([lines.header(layout), *(" ".join(row) for row in rows)]) + "\n")
    return path


@dataclass(frozen=True)
class Case:
    """Records as text tokens under a layout."""

    layout: Layout
    rows: list[list[str]]


MISFITS = ("70000", "256", "-1", "4294967296", "281474976710657", "99999999999999")
WRONG = (*MISFITS, "abc", "1.5", "1e3", "0x10", "12a", "99999999999999999999999999999999999")


@st.composite
def cases(draw: st.DrawFn, wrong: tuple[str, ...] = ()) -> Case:
    """Any layout and records, of which some may be malformed by a value or for want of one.

    In one file either records with traffic lack values, or quiet ones have them: never both.
    """
    layout = draw(st.one_of(st.just(DEFAULT), st.just(DEFAULT), lines.record_layouts))
    filled = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(0, 6))):
        row = {}
        is_quiet = draw(st.integers(0, 3)) == 0
        for column in layout.columns:
            kind = field_of(column).kind
            value = draw(lines.tokens(column))
            if column == "log_status":
                value = draw(st.sampled_from(("NODATA", "SKIPDATA"))) if is_quiet else "OK"
            elif column in REQUIRED_BY_TRAFFIC:
                empty = is_quiet and not filled and kind is not Kind.TIME
                lacking = (not filled or is_quiet) and draw(st.integers(0, 19)) == 7
                if empty or lacking:
                    value = "-"
            elif draw(st.integers(0, 3)) == 0:
                value = "-"
            if wrong and kind in (*INT32, *INT64) and draw(st.integers(0, 39)) == 7:
                # A fraction of a table's time is cut off; in a flow log's text it is malformed.
                of_time = tuple(one for one in wrong if one != "1.5")
                value = draw(st.sampled_from(of_time if kind is Kind.TIME else wrong))
            if wrong and kind is Kind.ACTION and draw(st.integers(0, 39)) == 7:
                value = draw(st.sampled_from(("perhaps", "DROP")))
            row[column] = value
        rows.append(list(row.values()))
    return Case(layout, rows)


def _value(column: str, token: str) -> Any:
    if token in ("-", "None"):
        return None
    return int(token) if field_of(column).kind in (*INT32, *INT64) else token


def as_aws(path: Path, case: Case) -> Path:
    """The records as AWS delivers them."""
    names = [field_of(column).token.replace("-", "_") for column in case.layout.columns]
    arrays = []
    for index, column in enumerate(case.layout.columns):
        values = [_value(column, row[index]) for row in case.rows]
        arrays.append(pa.array(values, aws_type(column)))
    pq.write_table(pa.table(arrays, names=names), path, compression="gzip", row_group_size=2)
    return path


def as_ours(path: Path, case: Case) -> Path:
    """The records with our names, and times as such."""
    arrays = []
    for index, column in enumerate(case.layout.columns):
        values = [_value(column, row[index]) for row in case.rows]
        kind = aws_type(column)
        if field_of(column).kind is Kind.TIME:
            kind = pa.timestamp("us", "UTC")
            values = [moment(value) for value in values]
        arrays.append(pa.array(values, kind))
    pq.write_table(pa.table(arrays, names=list(case.layout.columns)), path, compression="zstd")
    return path


def moment(number: int | None) -> datetime | None:
    if number is None:
        return None
    seconds = number // 1000 if number >= 10**11 else number
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def as_ctas(path: Path, case: Case, data: st.DataObject) -> Path:
    """The records as a user's own CREATE TABLE AS may have left them: any case, any type."""
    names, arrays = [], []
    for index, column in enumerate(case.layout.columns):
        token = field_of(column).token.replace("-", "_")
        name = data.draw(st.sampled_from((token, token.upper(), token.title(), column)))
        names.append(name)
        tokens = [row[index] for row in case.rows]
        number = field_of(column).kind in (*INT32, *INT64)
        if number and data.draw(st.booleans()) and not any(map(_too_long, tokens)):
            arrays.append(pa.array([_value(column, token) for token in tokens], pa.int64()))
        elif data.draw(st.booleans()):
            arrays.append(pa.array(tokens, pa.string()))
        else:
            values = [None if token in ("-", "None") else token for token in tokens]
            arrays.append(pa.array(values, pa.string()))
    pq.write_table(
        pa.table(arrays, names=names),
        path,
        compression="snappy",
        write_statistics=data.draw(st.booleans()),
    )
    return path


def _too_long(token: str) -> bool:
    return token not in ("-", "None") and (
        not token.lstrip("-").isdigit() or abs(int(token)) >= 2**63
    )
