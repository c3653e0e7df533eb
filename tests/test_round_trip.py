"""What flowlens writes it reads back equal, in every format that holds data."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import parquets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import GOOD

import flowlens as fl
from flowlens.output.formats import Format
from flowlens.output.render import write

FORMATS = (Format.CSV, Format.JSON, Format.JSONL, Format.PARQUET)
texts = st.one_of(
    st.sampled_from(
        ("=1+1", "'=x", "@a", "-x", "+1", "a b", " a", 'say "x"', "a,b", "a\nb", "a;b")
    ),
    st.sampled_from(
        ("\u202ea", "\U0010f020", "\U0010f0ff", "a\u00a0b", "tab\there", "\\n", "null")
    ),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8),
).filter(lambda text: text.strip(" \t\r\n\v\f") not in ("", "-", "None") and "\ufeff" not in text)


def back(table: pa.Table, format: Format, place: Path) -> list[dict[str, object]]:
    """The rows of an answer that was written to a file and read again."""
    sink = io.BytesIO()
    write(table, format, sink)
    path = place / f"a.{format}"
    path.write_bytes(sink.getvalue())
    asked = parquets.ask(path)
    assert asked.malformed == []
    assert asked.account.total.adds_up
    return asked.rows


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=examples(15), deadline=None)
@given(parquets.cases())
def test_records_of_any_layout_are_read_back_equal(format: Format, case: parquets.Case) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        flows = fl.read(parquets.text(place / "a.log", case.layout, case.rows), progress=False)
        table = flows.sql("select * from flows").arrow()
        assert parquets.sorted_rows(back(table, format, place)) == parquets.sorted_rows(
            table.to_pylist()
        )


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=examples(15), deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5))
def test_texts_of_any_characters_are_read_back_equal(
    format: Format, pairs: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        rows = [parquets.record(vpc_id=one, owner=two) for one, two in pairs]
        pq.write_table(pa.Table.from_pylist(rows), place / "from.parquet")
        table = fl.read(place / "from.parquet", progress=False).sql("select * from flows").arrow()
        found = back(table, format, place)
        assert [(row["vpc_id"], row["owner"]) for row in found] == pairs
        assert found == table.to_pylist()


PARTIAL = (
    "srcaddr, dstaddr, action, start_time",
    "interface_id, srcaddr, start_time, end_time",
    "srcaddr, dstaddr, start_time, log_status",
    "start_time, srcaddr, bytes",
    "interface_id, action, bytes",
    "account_id, interface_id, start_time, end_time, log_status",
    "srcaddr, dstaddr, action, start_time, 'a b' as note",
)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("columns", PARTIAL)
def test_some_columns_of_records_are_read_back_equal(
    columns: str, format: Format, tmp_path: Path
) -> None:
    quiet = "2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"
    (tmp_path / "a.log").write_text(f"{GOOD}\n{quiet}\n")
    flows = fl.read(tmp_path / "a.log", progress=False)
    table = flows.sql(f"select {columns} from flows").arrow()
    rows = back(table, format, tmp_path)
    found = [{name: row[name] for name in table.column_names} for row in rows]
    assert parquets.sorted_rows(found) == parquets.sorted_rows(table.to_pylist())
