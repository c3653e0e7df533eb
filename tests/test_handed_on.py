"""What goes on to other libraries shares its buffers, and brings nothing that nobody uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import flowlens as fl

DEMO = Path(__file__).parents[1] / "fixtures/demo"

LIGHT = """
import sys
import flowlens as fl
fl.read({demo!r}).query("rejected_by_port").arrow()
heavy = {{"IPython", "altair", "vl_convert", "pandas", "jinja2", "rich", "typer"}}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def result():
    return fl.read(DEMO).query("rejected_by_port")


def test_a_script_imports_nothing_that_it_does_not_use():
    code = LIGHT.format(demo=str(DEMO))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def address(column: pa.ChunkedArray) -> int:
    return column.chunk(0).buffers()[1].address


def test_frames_and_tables_share_the_buffers_of_the_answer(result):
    amounts = result.arrow()["bytes"]
    assert address(pa.table(result)["bytes"]) == address(amounts)
    assert address(result.polars().to_arrow()["bytes"]) == address(amounts)
    frame = result.pandas()
    assert isinstance(frame, pd.DataFrame)
    assert address(frame["bytes"].array.__arrow_array__()) == address(amounts)
    assert str(frame["bytes"].dtype) == "int64[pyarrow]"


def test_whatever_takes_arrow_takes_an_answer(result):
    rows = len(result)
    assert pl.DataFrame(result).height == rows
    assert pd.DataFrame.from_arrow(result).shape[0] == rows
    with duckdb.connect() as connection:
        answer = connection.sql("select sum(bytes) from result").fetchall()
    assert answer == [(result.polars()["bytes"].sum(),)]


def test_flows_are_a_stream_that_is_read_as_it_is_asked():
    flows = fl.read(DEMO)
    reader = pa.RecordBatchReader.from_stream(flows)
    assert "srcaddr" in reader.schema.names
    assert sum(batch.num_rows for batch in reader) == 5029
    assert pl.DataFrame(flows).height == 5029
    pa.RecordBatchReader.from_stream(flows).close()  # nobody reads it
    with duckdb.connect() as connection:
        assert connection.sql("select count(*) from flows").fetchall() == [(5029,)]
    assert flows.check().account.total.records == 5029


def test_without_pandas_one_line_says_so(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(fl.FlowlensError, match=r"^pandas isn't installed: pip install pandas$"):
        result.pandas()
