"""The library as a notebook uses it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import flowlens as fl
from flowlens.answers.convert import convert
from flowlens.answers.show.show import subject
from flowlens.records.filter import Port

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "fixtures/demo"


def test_the_public_names_are_these_and_no_more():
    assert fl.__all__ == ["Check", "FlowlensError", "Flows", "Result", "read", "resolve"]
    assert all(getattr(fl, name) for name in fl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'reed'"):
        _ = fl.reed


def test_reading_is_lazy_until_a_question_is_asked(tmp_path):
    path = tmp_path / "later.log"
    path.write_text("this is no flow log\n")
    result = fl.read(path).query("rejected_by_port")
    with pytest.raises(fl.FlowlensError, match="no flow-log layout fits"):
        result.arrow()


def test_without_input_there_is_nothing_to_ask():
    flows = fl.read([])
    for ask in (flows.query("timeline").arrow, flows.check, flows.report, flows.scanners().arrow):
        with pytest.raises(fl.FlowlensError, match=r"^no input: give files, directories"):
            ask()


def test_a_query_gives_arrow_and_polars_and_shows_itself():
    result = fl.read(DEMO).query("rejected_by_port", limit=3)
    assert isinstance(result.arrow(), pa.Table)
    assert len(result) == 3 == result.polars().height
    assert "dstport" in repr(result)
    page = result._repr_html_()
    assert page.startswith('<div class="flowlens">')
    assert page.endswith("</table></div>")
    assert "IANA protocol number" in page
    assert result.account.total.adds_up


def test_a_result_shows_hostile_text_escaped(tmp_path):
    path = tmp_path / "hostile.log"
    path.write_text("srcaddr vpc-id\n192.0.2.1 <img/src=x/onerror=alert(1)>|\u202e\n")
    result = fl.read(path).sql("select vpc_id from flows")
    assert "<img" not in result._repr_html_()
    assert "\u202e" not in repr(result)


def test_sql_takes_parameters_and_reads_every_relation():
    flows = fl.read(DEMO)
    sql = "select count(*) as n from flows where dstport = $port and in_cidr(srcaddr, $net)"
    assert flows.sql(sql, port=5432, net="10.0.0.0/8").arrow()["n"].to_pylist()[0] > 0
    assert flows.sql("select count(*) as n from enis").arrow()["n"].to_pylist() == [9]
    joined = "select name from services join refusals on port = dstport where port = 23 limit 1"
    assert flows.sql(joined).arrow()["name"].to_pylist() == ["telnet"]


def test_arrow_polars_and_batches_hold_all_records_in_order():
    flows = fl.read(DEMO)
    table = flows.arrow()
    account = flows.check().account
    assert table.num_rows == account.total.records
    assert pa.Table.from_batches(flows.batches()).equals(table)
    assert flows.polars().height == table.num_rows
    assert table.schema.field("start_time").type == pa.timestamp("us", "UTC")
    assert table.schema.field("srcaddr").type == pa.string()


def test_an_unknown_field_is_a_text_column_of_its_own(tmp_path):
    path = tmp_path / "future.log"
    path.write_text("srcaddr colour-of-packet action\n192.0.2.1 blue REJECT\n192.0.2.2 - REJECT\n")
    flows = fl.read(path)
    colours = flows.sql("select colour_of_packet from flows").arrow()
    assert colours["colour_of_packet"].to_pylist() == ["blue", None]
    assert "colour_of_packet" in flows.arrow().column_names


def test_filters_narrow_every_answer():
    whole, part = fl.read(DEMO), fl.read(DEMO, ip="203.0.113.77", port=22)
    assert 0 < part.arrow().num_rows < whole.arrow().num_rows
    rows = part.sql("select distinct srcaddr, dstaddr, srcport, dstport from flows").arrow()
    for row in rows.to_pylist():
        assert "203.0.113.77" in (row["srcaddr"], row["dstaddr"])
        assert 22 in (row["srcport"], row["dstport"])


def test_a_window_takes_datetimes_and_where_takes_sql():
    half = datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    before = fl.read(DEMO, until=half).arrow().num_rows
    after = fl.read(DEMO, since=half).arrow().num_rows
    assert before + after == fl.read(DEMO).arrow().num_rows
    big = fl.read(DEMO, where="bytes > 10000").sql("select min(bytes) as least from flows")
    assert big.arrow()["least"].to_pylist()[0] > 10_000


def test_malformed_lines_reach_whoever_listens():
    lines = []
    flows = fl.read(DEMO)
    flows.listening(type(flows.listener)(on_malformed=lines.append)).query("enis").arrow()
    assert [line.reason for line in lines] == ["bad_address"]


def test_converted_flows_are_read_back_equal(tmp_path):
    flows = fl.read(DEMO)
    columns = "version, account_id, interface_id, srcaddr, dstaddr, srcport, dstport, protocol, "
    columns += "packets, bytes, start_time, end_time, action, log_status"
    order = "start_time, interface_id, " + columns.replace("start_time, ", "")
    expected = flows.sql(f"select {columns} from flows order by {order}").arrow()
    convert(flows.inputs, tmp_path / "whole")
    path = tmp_path / "whole/flows.parquet"
    by_pyarrow = pq.read_table(path)
    assert by_pyarrow.cast(expected.schema).equals(expected)
    assert pl.read_parquet(path).equals(pl.from_arrow(expected))
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        by_duckdb = connection.sql(f"select * from '{path}'").to_arrow_table()
        assert by_duckdb.cast(expected.schema).equals(expected)
        convert(flows.inputs, tmp_path / "days", by_day=True)
        assert [place.name for place in (tmp_path / "days").iterdir()] == ["day=2026-11-23"]
        counted = connection.execute(
            f"select count(*) from '{tmp_path}/days/*/*.parquet'"
        ).fetchall()
        assert counted == [(expected.num_rows,)]
    group = pq.ParquetFile(path).metadata.row_group(0).column(0)
    assert group.compression == "ZSTD"
    assert group.is_stats_set


def test_converting_leaves_nothing_behind_when_it_fails(tmp_path):
    path = tmp_path / "later.log"
    path.write_text("srcaddr action\n192.0.2.1 REJECT\nsrcaddr new-field\n192.0.2.1 x\n")
    with pytest.raises(fl.FlowlensError, match="new_field"):
        convert(fl.read(path).inputs, tmp_path / "out")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["later.log"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/kept").touch()
    with pytest.raises(fl.FlowlensError, match="the directory isn't empty"):
        convert(fl.read(DEMO).inputs, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("192.0.2.1", "ip", ("192.0.2.1",)),
        ("2001:DB8::1", "ip", ("2001:db8::1",)),
        ("10.1.0.0/8", "ip", ("10.0.0.0/8",)),
        ("eni-0a1b", "eni", ("eni-0a1b",)),
        ("22", "port", (Port(22),)),
        ("udp/53", "port", (Port(53, "udp"),)),
    ],
)
def test_show_knows_what_a_word_means(text, field, value):
    assert getattr(subject(text), field) == value


def test_an_empty_name_of_an_input_is_told_as_one() -> None:
    with pytest.raises(fl.FlowlensError, match="an input's name is empty"):
        fl.read("")
