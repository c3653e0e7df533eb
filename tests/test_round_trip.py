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
