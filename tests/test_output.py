"""Every format says the same of the same rows, and says it in the bytes it promises."""

from __future__ import annotations

import csv
import io
import json
import re
import string
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from flowlens.core import escape
from flowlens.output.batches import in_chunks
from flowlens.output.formats import Format
from flowlens.output.parquet import parquet_bytes
from flowlens.output.render import write

GOLDEN = Path(__file__).parent / "golden" / "output"
SECONDS = pa.timestamp("us", tz="UTC")
SEEN = datetime(2016, 9, 24, 20, 48, 1, tzinfo=UTC)

RESULT = pa.table(
    {
        "interface_id": ["eni-0123456789abcdef0", "eni-0c4d", None],
        "action": ["REJECT", "ACCEPT", "REJECT"],
        "dstport": pa.array([8080, 23, None], pa.int32()),
        "records": pa.array([1_234_567, 0, None], pa.int64()),
        "share": [0.1, float("nan"), 1.0],
        "answered": [True, False, None],
        "first_seen": pa.array([SEEN, SEEN.replace(microsecond=500_000), None], SECONDS),
        "who": ['a "b", c|d', "=cmd()\x1b[31m", "日本 é"],
    }
)


def render(data, format, **options) -> str:
    return raw(data, format, **options).decode()


def raw(data, format, **options) -> bytes:
    sink = io.BytesIO()
    write(data, format, sink, **options)
    return sink.getvalue()


def csv_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and re.match(escape.FORMULA, cell) else cell


@pytest.mark.parametrize("format", [f for f in Format if f is not Format.PARQUET])
def test_a_result_has_exactly_the_golden_bytes(format):
    assert raw(RESULT, format) == (GOLDEN / f"result.{format}").read_bytes()


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_has_the_golden_bytes_at_this_terminal(width):
    rows = RESULT.slice(0, 2).append_column("reason", pa.array(["long " * 30, "日本語" * 9]))
    text = raw(rows, Format.TABLE, width=width)
    assert text == (GOLDEN / f"terminal-{width}.table").read_bytes()


def one_word_cells(draw_from: str):
    text = st.text(draw_from, min_size=1, max_size=12)
    row = st.tuples(text, st.integers(-(2**63), 2**63 - 1), st.none() | st.booleans())
    return st.lists(row, max_size=30)


@given(one_word_cells(string.ascii_letters + "é日"))
def test_table_and_csv_agree_cell_for_cell(rows):
    data = pa.table(
        {
            "name": pa.array([r[0] for r in rows], pa.string()),
            "n": pa.array([r[1] for r in rows], pa.int64()),
            "ok": pa.array([r[2] for r in rows], pa.bool_()),
        }
    )
    shown = [line.split() for line in render(data, Format.TABLE, limit_shown=0).splitlines()]
    plain = [[cell.replace(",", "") for cell in line] for line in shown]
    assert plain == [[cell or "-" for cell in row] for row in csv_rows(render(data, Format.CSV))]


TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
    lambda time: time.replace(tzinfo=UTC)
)
CELLS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.string(): st.text(max_size=20) | st.text("'= +-@\"\r\n,\\", max_size=5),
    SECONDS: TIMES | TIMES.map(lambda time: time.replace(microsecond=0)),
    pa.bool_(): st.booleans(),
}
NAMES = st.text(max_size=5) | st.sampled_from(["a", "b", "=a", "a,b"])


@st.composite
def tables(draw, names=NAMES) -> pa.Table:
    rows = draw(st.integers(0, 8))
    kinds = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=5))
    unique = draw(st.lists(names, min_size=len(kinds), max_size=len(kinds), unique=True))
    cells = [
        draw(st.lists(st.none() | CELLS[kind], min_size=rows, max_size=rows)) for kind in kinds
    ]
    columns = [pa.array(column, kind) for column, kind in zip(cells, kinds, strict=True)]
    return pa.table(columns, names=unique)


def as_json(value):
    """What a JSON reader must get: times by Python's own ISO text, everything else itself."""
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="auto").replace("+00:00", "Z")


@given(tables())
def test_json_and_json_lines_round_trip_any_table(data):
    expected = [{k: as_json(v) for k, v in row.items()} for row in data.to_pylist()]
    assert json.loads(raw(data, Format.JSON)) == expected
    lines = raw(data, Format.JSONL).split(b"\n")
    assert [json.loads(line) for line in lines[:-1]] == expected
    assert lines[-1] == b""


@given(tables())
def test_csv_round_trips_any_table_once_the_formula_guard_is_off(data):
    def cell(value) -> str:
        if value is None:
            return ""
        return str(value).lower() if isinstance(value, bool) else str(as_json(value))

    header, *rows = csv_rows(render(data, Format.CSV))
    assert [unguarded(name) for name in header] == data.column_names
    expected = [[cell(value) for value in row.values()] for row in data.to_pylist()]
    kinds = data.schema.types
    assert [
        [unguarded(c) if k == pa.string() else c for c, k in zip(row, kinds, strict=True)]
        for row in rows
    ] == expected


@given(tables(), st.integers(1, 3))
@settings(max_examples=examples(30))
def test_how_the_rows_come_in_batches_leaves_no_mark(data, size):
    for format in Format:
        pieces = pa.Table.from_batches(data.to_batches(max_chunksize=size), data.schema)
        assert raw(pieces.to_reader(), format) == raw(data, format)


def test_many_chunks_are_joined_without_a_seam():
    data = pa.table({"n": range(200_001)})
    assert raw(data, Format.CSV) == b"n\n" + b"".join(b"%d\n" % n for n in range(200_001))
    assert json.loads(raw(data, Format.JSON)) == data.to_pylist()
    assert pq.read_table(io.BytesIO(raw(data, Format.PARQUET))).equals(data)


def test_chunks_have_exactly_the_rows_asked_for():
    data = pa.table({"n": range(100)})
    cut = in_chunks(data.to_reader(max_chunksize=7), rows=30)
    assert [chunk.num_rows for chunk in cut] == [30, 30, 30, 10]


def test_csv_tells_null_from_the_empty_text():
    data = pa.table({"a": ["", None], "b": [None, ""]})
    assert render(data, Format.CSV) == 'a,b\n"",\n,""\n'


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (Format.CSV, "a,n\n"),
        (Format.JSON, "[]\n"),
        (Format.JSONL, ""),
        (Format.TABLE, "a  n\n"),
        (Format.MARKDOWN, "| a | n |\n| --- | ---: |\n"),
    ],
)
def test_no_rows_give_a_header(format, text):
    empty = pa.table({"a": pa.array([], pa.string()), "n": pa.array([], pa.int64())})
    assert render(empty, format) == text
    assert pq.read_table(io.BytesIO(parquet_bytes(empty))).equals(empty)


@given(st.text(), st.text(min_size=1))
def test_hostile_text_never_reaches_a_terminal_raw(value, name):
    data = pa.table({name: [value], "nested": [[value]]})
    for format in (Format.TABLE, Format.MARKDOWN, Format.JSON, Format.JSONL):
        for line in render(data, format, width=80).split("\n"):
            assert escape.terminal(line) == line


def test_a_formula_in_a_name_or_a_value_is_guarded_but_a_number_is_not():
    data = pa.table({"=x": ["-1+cmd()"], "n": [-1], "d": [-0.5], "l": [["=x"]]})
    assert render(data, Format.CSV) == """'=x,n,d,l\n'-1+cmd(),-1,-0.5,"[""=x""]"\n"""


@pytest.mark.parametrize("format", [Format.TABLE, Format.MARKDOWN])
def test_a_cut_table_says_so(format):
    data = pa.table({"n": range(1431)})
    says = {Format.TABLE: "20 of 1,431", Format.MARKDOWN: "*20 of 1,431*"}[format]
    assert render(data, format).splitlines()[-1] == says
    assert "3 of 1,431" in render(data, format, limit_shown=3)
    assert "20 of 9,999" in render(data.slice(0, 20), format, total=9999)
    assert "1430" not in render(data, format, limit_shown=3, total=1431)


@pytest.mark.parametrize("format", [Format.TABLE, Format.MARKDOWN])
def test_a_table_that_is_whole_says_nothing(format):
    assert " of " not in render(pa.table({"n": range(20)}), format)
    assert " of " not in render(pa.table({"n": range(100)}), format, limit_shown=0)


@pytest.mark.parametrize("format", [Format.CSV, Format.JSON, Format.JSONL, Format.PARQUET])
def test_data_formats_are_never_cut(format):
    data = pa.table({"n": range(100)})
    assert raw(data, format, limit_shown=3, total=5, width=10) == raw(data, format)


@given(st.lists(st.text("ab 日é\u0301", max_size=60), min_size=1), st.integers(30, 120))
def test_a_table_never_passes_the_width_and_its_columns_stay_aligned(texts, width):
    data = pa.table({"t": texts, "n": range(len(texts)), "u": texts})
    lines = render(data, Format.TABLE, limit_shown=0, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_a_narrow_terminal_shortens_text_but_no_number_and_no_time():
    data = pa.table({"n": [10**18], "t": ["x" * 99], "at": pa.array([SEEN], SECONDS)})
    _, row = render(data, Format.TABLE, width=80).splitlines()
    assert row == f"{10**18:,}  {'x' * 30}…  2016-09-24T20:48:01Z"
    assert "x" * 99 in render(data, Format.TABLE)


def test_columns_without_room_are_named():
    data = pa.table({f"number_{i}": [10**15] for i in range(5)})
    lines = render(data, Format.TABLE, width=50).splitlines()
    assert lines[0].split() == ["number_0", "number_1"]
    assert lines[-1] == "no room for number_2, number_3, number_4"


def test_ports_and_protocol_numbers_are_names_not_amounts():
    data = pa.table({"srcport": [50000], "protocol": [1000], "packets": [50000]})
    assert render(data, Format.TABLE).split()[3:] == ["50000", "1000", "50,000"]


def test_a_column_name_that_stands_twice_gets_a_number():
    data = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert render(data, Format.JSONL) == '{"a": 1, "a_1": 2}\n'
    assert pq.read_table(io.BytesIO(raw(data, Format.PARQUET))).column_names == ["a", "a_1"]


@given(tables(names=st.text(string.ascii_lowercase, min_size=1, max_size=5)))
@settings(max_examples=examples(20), deadline=None)
def test_parquet_reads_back_equal_everywhere(data):
    file = raw(data, Format.PARQUET)
    assert pq.read_table(io.BytesIO(file)).equals(data)
    assert pl.read_parquet(io.BytesIO(file)).to_dicts() == data.to_pylist()


def test_parquet_reads_back_equal_in_duckdb(tmp_path):
    path = tmp_path / "out.parquet"
    path.write_bytes(raw(RESULT.drop_columns(["share"]), Format.PARQUET))
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    read = con.sql(f"select * from '{path}'").to_arrow_table()
    assert read.to_pylist() == RESULT.drop_columns(["share"]).to_pylist()


def test_parquet_is_zstd_with_statistics():
    group = pq.ParquetFile(io.BytesIO(parquet_bytes(RESULT))).metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}
    assert group.column(3).statistics.max == 1_234_567


SQL_TYPES = [
    ("12345678901234567890::hugeint", "12345678901234567890"),
    ("1.50::decimal(10, 2)", "1.50"),
    ("interval '14 months 3 days 90 minutes'", '"P14M3DT1H30M"'),
    ("'01:02:03'::time", '"01:02:03"'),
    ("'\\xAA'::blob", '"aa"'),
    ("'a'::enum('a', 'b')", '"a"'),
    ("map {'a': 1, 'b': null}", '{"a": 1, "b": null}'),
    ("{'a': [1], 'b': timestamptz '2020-01-01'}", '{"a": [1], "b": "2020-01-01T00:00:00Z"}'),
    ("""[['a"', null], null, []]""", r'[["a\"", null], null, []]'),
    ("'infinity'::timestamp", '"infinity"'),
    ("timestamp_ns '2020-01-01 00:00:00.5'", '"2020-01-01T00:00:00.500000000"'),
    ("date '2020-01-02'", '"2020-01-02"'),
    ("'nan'::double", "null"),
    ("1e300", "1e+300"),
    ("null", "null"),
    ("union_value(a := 1)", '"1"'),
]


@pytest.mark.parametrize(("expression", "text"), SQL_TYPES)
def test_every_type_of_duckdb_can_be_written(expression, text):
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    sql = f"select x from (values (1, {expression}), (2, null)) t(i, x) order by i"
    data = con.sql(sql).to_arrow_table()
    assert render(data, Format.JSONL) == f'{{"x": {text}}}\n{{"x": null}}\n'
    assert render(data.slice(1), Format.JSONL) == '{"x": null}\n'
    for format in (Format.CSV, Format.TABLE, Format.MARKDOWN):
        assert render(data, format)
    assert pq.read_table(io.BytesIO(raw(data, Format.PARQUET))).num_rows == 2


def test_memory_holds_no_more_than_a_few_batches():
    taken = 0

    def batches():
        nonlocal taken
        for _ in range(200):
            yield pa.record_batch({"text": ["x" * 1000] * 1000})
        taken = pa.total_allocated_bytes()

    class Nowhere(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return len(data)

    for format in (Format.CSV, Format.JSONL, Format.PARQUET, Format.TABLE):
        before = pa.total_allocated_bytes()
        schema = pa.schema({"text": pa.string()})
        write(pa.RecordBatchReader.from_batches(schema, batches()), format, Nowhere())
        assert taken - before < 100 * 2**20
