"""Parquet is read as text is: the same rows, the same counts, whatever shape it arrives in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import parquets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from parquets import Asked, Case, ask, quiet, record, sorted_rows, write

import flowlens as fl
from flowlens.answers.convert import convert
from flowlens.core.counts import Account
from flowlens.inputs.find import find
from flowlens.pipeline import run as pipeline
from flowlens.pipeline.load import Inflow
from flowlens.pipeline.run import Inputs
from flowlens.records.fields import Kind, fields

EPOCH = 1_767_225_600

WRONG = ("70000", "-1", "2147483647")


def told(account: Account) -> list[object]:
    """What an account says of records, whatever they lay in."""
    total = account.total
    return [
        total.records, total.ok, total.nodata, total.skipdata, total.malformed, total.reasons,
        account.first_seen, account.last_seen, sorted(account.columns), account.selected,
    ]  # fmt: skip


def same(parquet: Asked, text: Asked) -> None:
    assert sorted_rows(parquet.rows) == sorted_rows(text.rows)
    assert told(parquet.account) == told(text.account)
    assert parquet.account.total.adds_up
    assert [(line.reason, line.detail, line.line + 1) for line in parquet.malformed] == [
        (line.reason, line.detail, line.line) for line in text.malformed
    ]


@settings(max_examples=examples(40))
@given(parquets.cases(wrong=WRONG))
def test_records_as_aws_delivers_them_are_those_of_the_text(case: Case) -> None:
    with tempfile.TemporaryDirectory() as place:
        same(
            ask(parquets.as_aws(Path(place, "a.parquet"), case)),
            ask(parquets.text(Path(place, "a.log"), case.layout, case.rows)),
        )


@settings(max_examples=examples(40))
@given(parquets.cases())
def test_records_as_flowlens_writes_them_are_those_of_the_text(case: Case) -> None:
    with tempfile.TemporaryDirectory() as place:
        same(
            ask(parquets.as_ours(Path(place, "a.parquet"), case)),
            ask(parquets.text(Path(place, "a.log"), case.layout, case.rows)),
        )


@settings(max_examples=examples(60))
@given(parquets.cases(wrong=parquets.WRONG), st.data())
def test_records_of_any_type_and_spelling_are_those_of_the_text(
    case: Case, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as place:
        same(
            ask(parquets.as_ctas(Path(place, "a"), case, data)),
            ask(parquets.text(Path(place, "a.log"), case.layout, case.rows)),
        )


@settings(max_examples=examples(25))
@given(parquets.cases(wrong=WRONG), st.data())
def test_files_and_objects_elsewhere_are_read_alike(case: Case, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        delivered = parquets.as_aws(Path(place, "a.parquet"), case)
        made = parquets.as_ctas(Path(place, "b"), case, data)
        here, there = ask(place), ask(parquets.elsewhere(delivered, made))
    assert sorted_rows(here.rows) == sorted_rows(there.rows)
    assert told(here.account) == told(there.account)
    for file, source in zip(here.account.sources, there.account.sources, strict=True):
        assert file.counts == source.counts
        assert (file.layout, file.compression) == (source.layout, source.compression)
        assert (file.envelope, source.envelope) == ("parquet", "parquet")
    assert [(line.line, line.reason, line.detail, line.text) for line in here.malformed] == [
        (line.line, line.reason, line.detail, line.text) for line in there.malformed
    ]


FILTERS: tuple[dict[str, Any], ...] = (
    {"since": "2014-12-13T21:00:20Z"},
    {"until": "2014-12-13T21:00:20Z"},
    {"since": "2014-12-13T21:00:10Z", "until": "2014-12-13T21:00:40.5Z"},
    {"ip": "192.0.2.1"},
    {"ip": "192.0.2.0/24"},
    {"ip": "2001:db8::1"},
    {"eni": "eni-2"},
    {"port": 22},
    {"action": "reject"},
    {"account": "123456789012"},
    {"where": "bytes > 1000 and log_status = 'OK' -- much"},
    {"since": "2014-12-13T21:00:20Z", "action": "ACCEPT", "where": "packets < 8"},
    {"since": "2030-01-01"},
)


def many() -> list[dict[str, Any]]:
    """Records that differ in whatever a filter looks at."""
    rows = []
    for number in range(60):
        start = 1418504400 + number
        if number % 7 == 3:
            rows.append(quiet(start=start, end=start + 60, interface_id=f"eni-{number % 3}"))
            continue
        rows.append(
            record(
                start=start,
                end=start + 60,
                interface_id=f"eni-{number % 3}",
                srcaddr="2001:db8::1" if number % 5 == 0 else f"192.0.{number % 4}.1",
                dstport=22 if number % 2 else 443,
                action="ACCEPT" if number % 4 else "REJECT",
                bytes=100 * number + 1,
                packets=number % 11,
            )
        )
    return rows


def as_text(path: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [" ".join("-" if v is None else str(v) for v in row.values()) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([parquets.TOKENS, *lines, ""]))
    return path


@pytest.mark.parametrize("chosen", FILTERS, ids=str)
@pytest.mark.parametrize("sql", ["select * from flows", "select dstport, bytes from flows"])
def test_a_filter_passes_the_same_records_of_parquet_and_of_text(
    tmp_path: Path, chosen: dict[str, Any], sql: str
) -> None:
    rows = many()
    text = as_text(tmp_path / "a.log", rows)
    made = [
        write(tmp_path / "a.parquet", rows, row_group_size=10),
        write(tmp_path / "ms", [row | {"start": row["start"] * 1000 + 500} for row in rows]),
        convert_to(tmp_path / "ours", text),
    ]
    expected = ask(fl.read(text, **chosen), sql)
    assert expected.account.selected is not None
    for file in made:
        found = ask(fl.read(file, **chosen), sql)
        assert sorted_rows(found.rows) == sorted_rows(expected.rows)
        assert found.account.selected == expected.account.selected
        assert found.account.total.records == 60
    twice = (
        "select a.bytes from flows as a, (select max(bytes) as most from flows) where bytes < most"
    )
    assert sorted_rows(ask(fl.read(made[0], **chosen), twice).rows) == sorted_rows(
        ask(fl.read(text, **chosen), twice).rows
    )
    there = fl.read(made[0], **chosen).inputs
    streamed = Inputs(parquets.elsewhere(made[0]), None, there.filter)
    assert sorted_rows(ask(fl.Flows(streamed), sql).rows) == sorted_rows(expected.rows)


def convert_to(place: Path, *inputs: Path) -> Path:
    convert(Inputs(find([str(path) for path in inputs])), place)
    return place / "flows.parquet"


def test_files_of_many_shapes_and_text_mix_in_one_run(tmp_path: Path) -> None:
    rows = many()
    as_text(tmp_path / "d" / "a.log", rows)
    write(tmp_path / "d" / "b.parquet", rows)
    write(tmp_path / "d" / "c.parquet", [{"vpc_id": "vpc-1", **row} for row in rows])
    slim = ("SRCADDR", "dstaddr", "start", "end", "bytes")
    table = pa.table({name: [str(row[name.lower()] or "-") for row in rows] for name in slim})
    pq.write_table(table, tmp_path / "d" / "d")
    found = ask(tmp_path / "d")
    assert [source.counts.records for source in found.account.sources] == [60, 60, 60, 60]
    assert [source.counts.nodata for source in found.account.sources] == [9, 9, 9, 9]
    by = "select count(*) as n, count(vpc_id) as vpcs, count(dstport) as ports from flows"
    assert ask(tmp_path / "d", by).rows == [{"n": 240, "vpcs": 60, "ports": 153}]
    both = "select count(*) as n from flows as a join flows as b on a.bytes = b.bytes"
    assert ask(tmp_path / "d", both).rows[0]["n"] == 51 * 16


def test_folders_named_like_columns_neither_override_nor_fill(tmp_path: Path) -> None:
    folder = tmp_path / "account_id=999" / "region=eu-west-1" / "srcaddr=203.0.113.9" / "dstport=1"
    write(folder / "a.parquet", [record(), record(srcaddr="198.51.100.4")])
    found = ask(tmp_path, "select distinct account_id, region, dstport from flows")
    assert found.rows == [{"account_id": "123456789012", "region": None, "dstport": 22}]
    sources = ask(tmp_path, "select srcaddr from flows order by srcaddr").rows
    assert [row["srcaddr"] for row in sources] == ["192.0.2.1", "198.51.100.4"]


def test_an_unknown_column_keeps_its_name_and_is_text(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([record() | {"Owner-Team": 7, 'odd "name"; --': True, "l": [1]}])
    pq.write_table(table, tmp_path / "a.parquet")
    write(tmp_path / "b.parquet", [record()])
    sql = """select owner_team, "odd ""name""; __" as odd, l from flows order by owner_team"""
    assert ask(tmp_path, sql).rows == [
        {"owner_team": "7", "odd": "true", "l": "[1]"},
        {"owner_team": None, "odd": None, "l": None},
    ]
    assert (
        ask(tmp_path, sql).rows
        == ask(parquets.elsewhere(tmp_path / "a.parquet", tmp_path / "b.parquet"), sql).rows
    )
    assert len(ask(tmp_path).rows[0]) == len(fields()) + 3


def test_the_names_of_older_tables_are_understood(tmp_path: Path) -> None:
    names = (
        "version", "account", "interfaceid", "sourceaddress", "destinationaddress", "sourceport",
        "destinationport", "protocol", "numpackets", "numbytes", "starttime", "endtime", "action",
        "logstatus",
    )  # fmt: skip
    pq.write_table(pa.table([[value] for value in parquets.OK], names=names), tmp_path / "a")
    write(tmp_path / "b.parquet", [record()])
    assert sorted_rows(ask(tmp_path / "a").rows) == sorted_rows(ask(tmp_path / "b.parquet").rows)


MOMENT = datetime(2014, 12, 14, 4, 6, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (pa.timestamp("us", "UTC"), {}),
        (pa.timestamp("us"), {}),
        (pa.timestamp("ms", "Europe/Berlin"), {}),
        (pa.timestamp("ns"), {}),
        (pa.timestamp("ns"), {"use_deprecated_int96_timestamps": True}),
        (pa.timestamp("us"), {"write_statistics": False}),
    ],
    ids=str,
)
def test_times_are_whole_seconds_whatever_their_type(
    tmp_path: Path, kind: pa.DataType, options: dict[str, Any]
) -> None:
    moment = MOMENT.replace(microsecond=999_000)
    moment = moment if kind.tz else moment.replace(tzinfo=None)
    table = pa.table({"srcaddr": ["192.0.2.1"], "start": pa.array([moment], kind), "END": [1]})
    pq.write_table(table, tmp_path / "a.parquet", **options)
    for inputs in (tmp_path, parquets.elsewhere(tmp_path / "a.parquet")):
        found = ask(inputs, "select start_time, end_time from flows")
        assert found.rows == [
            {"start_time": MOMENT, "end_time": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)}
        ]
        assert found.account.first_seen == MOMENT


TAGS = {
    "web": "web",
    "a%20b": "a b",
    "a+b": "a+b",
    "100%": "100%",
    "%zz": "%zz",
    "%C3%A4": "ä",
    "%F0%9F%98%80": "😀",
    "%00": "\0",
    "ä%2D": "ä-",
    "%ff%fe%20": "%ff%fe%20",
    "%c3%28": "%c3%28",
    "%ED%A0%80": "%ED%A0%80",
}
"""Tags as logged, and what they say."""


@pytest.mark.parametrize("tag", [f.source for f in fields().values() if f.kind is Kind.DECODED])
def test_tags_are_decoded_alike_in_text_and_parquet(tmp_path: Path, tag: str) -> None:
    values = [*TAGS, None, "-", "None"]
    rows = [{"srcaddr": "192.0.2.1", tag: value, "start": 1, "end": 2} for value in values]
    parquet = write(tmp_path / "a.parquet", rows)
    lines = [f"192.0.2.1 {value or '-'} 1 2" for value in values]
    text = tmp_path / "a.log"
    text.write_text("\n".join([f"srcaddr {tag.replace('_', '-')} start end", *lines, ""]))
    sql = f"select {tag}, {tag}_decoded as plain from flows"
    expected = [{tag: value, "plain": plain} for value, plain in TAGS.items()]
    expected += [{tag: None, "plain": None}] * 3
    for inputs in (parquet, text, parquets.elsewhere(parquet)):
        assert sorted_rows(ask(inputs, sql).rows) == sorted_rows(expected)


def test_a_decoded_column_that_comes_without_its_source_is_taken_as_it_is(tmp_path: Path) -> None:
    rows = [{"srcaddr": "192.0.2.1", "asg_tag_decoded": "a%20b", "start": 1, "end": 2}]
    write(tmp_path / "a.parquet", rows)
    text = tmp_path / "a.log"
    text.write_text("srcaddr asg_tag_decoded start end\n192.0.2.1 a%20b 1 2\n")
    for file in (tmp_path / "a.parquet", text):
        found = ask(file, "select asg_tag, asg_tag_decoded from flows")
        assert found.rows == [{"asg_tag": None, "asg_tag_decoded": "a%20b"}]


def test_what_is_converted_is_the_same_again(tmp_path: Path) -> None:
    rows = [row | {"asg_tag": "a%20b", "new_field": "x"} for row in many()]
    write(tmp_path / "in" / "a.parquet", rows)
    as_text(tmp_path / "in" / "b.log", many())
    file = convert_to(tmp_path / "out", tmp_path / "in")
    again = convert_to(tmp_path / "again", file)
    assert pq.read_schema(file).names == [*(f.column for f in fields().values() if f.version == 2),
                                          "asg_tag", "new_field"]  # fmt: skip
    assert pq.read_table(file).equals(pq.read_table(again))
    for sql in ("select * from flows", "select asg_tag_decoded from flows"):
        assert sorted_rows(ask(file, sql).rows) == sorted_rows(ask(tmp_path / "in", sql).rows)


def test_a_decoded_column_is_converted_only_where_its_source_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [record(asg_tag_decoded="a b")])
    file = convert_to(tmp_path / "out", tmp_path / "a.parquet")
    assert pq.read_table(file)["asg_tag_decoded"].to_pylist() == ["a b"]
    write(tmp_path / "a.parquet", [record(asg_tag="a%20b", asg_tag_decoded="other")])
    file = convert_to(tmp_path / "two", tmp_path / "a.parquet")
    assert "asg_tag_decoded" not in pq.read_schema(file).names
    assert ask(file, "select asg_tag_decoded as t from flows").rows == [{"t": "a b"}]


def spoil(file: Path, column: str, groups: list[int]) -> None:
    """Overwrite the pages of a column in some row groups: whoever reads them, fails."""
    metadata = pq.read_metadata(file)
    index = metadata.schema.names.index(column)
    data = bytearray(file.read_bytes())
    for group in groups:
        chunk = metadata.row_group(group).column(index)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    file.write_bytes(bytes(data))


def test_columns_and_row_groups_that_nobody_needs_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Broken files are streamed as far as they are whole: nothing here may come to that.
    monkeypatch.setattr(Inflow, "broken", lambda _: [])
    rows = [record(start=1418504400 + 60 * n, end=1418504460 + 60 * n) for n in range(40)]
    file = write(tmp_path / "a.parquet", rows, row_group_size=10)
    spoil(file, "dstaddr", [0, 1, 2, 3])
    spoil(file, "bytes", [0, 1, 3])
    spoil(file, "start", [0, 1, 3])
    sql = "select count(*) as n, sum(bytes) as bytes, min(srcport) as port from flows"
    window = {"since": "2014-12-13T21:20:00Z", "until": "2014-12-13T21:30:00Z"}
    for flows in (
        fl.read(file, **window),
        fl.Flows(Inputs(parquets.elsewhere(file), None, fl.read(file, **window).inputs.filter)),
    ):
        found = ask(flows, sql)
        assert found.rows == [{"n": 10, "bytes": 42490, "port": 40000}]
        assert found.account.total.records == 40
        assert not found.account.truncated
        assert found.account.selected == 10


def test_a_file_outside_the_window_is_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.parquet", [record(start=1418504400, end=1418504460)])
    write(tmp_path / "b.parquet", [record(start=1518504400, end=1518504460)])
    seen = pipeline.lake

    def gone(sources: Any) -> Any:
        found = seen(sources)
        (tmp_path / "a.parquet").unlink()
        return found

    monkeypatch.setattr(pipeline, "lake", gone)
    found = ask(fl.read(tmp_path, since="2018-01-01"), "select start_time from flows")
    assert len(found.rows) == found.account.selected == 1
    assert found.account.total.records == 2


def test_rows_that_are_no_records_are_put_aside_with_their_place(tmp_path: Path) -> None:
    rows = [
        record(),
        record(dstport=70000),
        quiet(),
        record(bytes=None),
        record(protocol=-1),
        record(action="DROP"),
        record(log_status="WHAT"),
        quiet(start=None),
    ]
    file = write(tmp_path / "a.parquet", rows, row_group_size=3)
    expected = [
        (2, "out_of_range", "dstport 70000"),
        (4, "bad_value", "bytes is missing"),
        (5, "out_of_range", "protocol -1"),
        (6, "bad_value", "action DROP"),
        (7, "bad_value", "log-status WHAT"),
        (8, "bad_value", "start is missing"),
    ]
    for inputs in (find([str(file)]), parquets.elsewhere(file)):
        found = ask(inputs, "select count(*) as n from flows")
        assert found.rows == [{"n": 2}]
        assert [(m.line, m.reason, m.detail) for m in found.malformed] == expected
        assert found.malformed[0].source == inputs.sources[0].name
        assert found.malformed[0].text == (
            "2 123456789012 eni-1 192.0.2.1 10.0.0.5 40000 70000 6 20 4249 "
            "1418530010 1418530070 REJECT OK"
        )
        assert found.malformed[0].length == len(found.malformed[0].text)
        (source,) = found.account.sources
        assert source.malformed == found.malformed
        assert source.counts.adds_up
        assert (source.counts.ok, source.counts.nodata, source.counts.malformed) == (1, 1, 6)


def test_all_malformed_rows_are_told_and_a_hundred_kept(tmp_path: Path) -> None:
    rows = [record(srcport=70000 + number) for number in range(5000)]
    file = write(tmp_path / "a.parquet", [record(), *rows], row_group_size=777)
    for inputs in (find([str(file)]), parquets.elsewhere(file)):
        found = ask(inputs, "select 1 as one from flows")
        assert len(found.rows) == 1
        assert [line.line for line in found.malformed] == list(range(2, 5002))
        assert len(found.account.sources[0].malformed) == 100


@pytest.mark.parametrize("options", [{}, {"write_statistics": False}], ids=str)
def test_counts_depend_on_no_question_and_no_filter(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    file = write(tmp_path / "a.parquet", [*many(), record(dstport=70000)], **options)
    counts = ask(file).account.total
    assert (counts.lines, counts.ok, counts.nodata, counts.malformed) == (61, 51, 9, 1)
    for sql in ("select count(*) from flows", "select vpc_id from flows limit 1"):
        for chosen in FILTERS:
            found = ask(fl.read(file, **chosen), sql)
            assert found.account.total == counts


def run(*arguments: str | Path) -> bytes:
    """What flowlens prints."""
    command = [sys.executable, "-P", "-m", "flowlens", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def test_every_command_takes_parquet(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.log.parquet", many())
    as_text(tmp_path / "text" / "a.log", many())
    questions: list[list[str | Path]] = [
        ["query", "rejected_by_eni_port", "--format", "csv"],
        ["sql", "select * from flows order by start_time", "--format", "csv"],
        ["show", "192.0.1.1", "--format", "markdown"],
    ]
    for name, what, *options in questions:
        outputs = [run(name, what, tmp_path / place, *options) for place in ("in", "text")]
        if name == "show":  # its first line tells of times, which not every read of text sees
            outputs = [output.partition(b"\n")[2] for output in outputs]
        assert outputs[0] == outputs[1]
        assert outputs[0].count(b"\n") > 3
    report = json.loads(run("report", tmp_path / "in", "--format", "json"))
    assert report["read"]["records"] == 60
    checked = json.loads(run("check", tmp_path / "in", "--format", "json"))
    (source,) = checked["sources"]
    assert source["layout"] == "version 2, 14 fields, by its Parquet schema"
    assert (source["compression"], source["lines"], source["records"]) == ("gzip", 60, 60)


def test_an_empty_file_of_records_is_no_error(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", [])
    for inputs in (find([str(file)]), parquets.elsewhere(file)):
        found = ask(inputs)
        assert found.rows == []
        assert not found.account.unreadable
        assert found.account.total.lines == 0
        assert ask(inputs, "select count(*) as n from flows, flows as f").rows == [{"n": 0}]


def test_small_text_files_are_not_opened_to_see_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowlens.reading.parquet import footers

    opened: list[str] = []
    real = footers.opened
    monkeypatch.setattr(
        footers, "opened", lambda source: opened.append(source.name) or real(source)
    )
    for name in ("a.gz", "b.log", "c.csv", "d.json", "e.parquet", "f", "g.bin"):
        shutil.copy(write(tmp_path / "x", [record()]), tmp_path / name)
    (tmp_path / "x").unlink()
    from flowlens.reading.parquet.sources import lake

    found = lake(find([str(tmp_path)]).sources)
    assert [Path(file.source.name).name for file in found.files] == ["e.parquet", "f", "g.bin"]
    assert sorted(Path(name).name for name in opened) == ["f", "g.bin"]


WITHOUT_ACTION = {
    ("TransitGateway", None, None): 1,
    (None, "tgw-1", None): 1,
    (None, None, "tgw-attach-1"): 1,
    ("VPC", None, None): 0,
    (None, None, None): 0,
}
"""Resource type, transit gateway and attachment of a row without an action; whether a record."""


@pytest.mark.parametrize("form", ["log", "csv", "json", "parquet"])
@pytest.mark.parametrize(("own", "expected"), WITHOUT_ACTION.items())
def test_a_row_without_an_action_is_a_record_in_every_form_if_a_transit_gateways(
    own: tuple[str | None, ...], expected: int, form: str, tmp_path: Path
) -> None:
    row = {
        "interface_id": "eni-1", "srcaddr": "203.0.113.9", "dstaddr": "10.0.0.5", "dstport": 22,
        "protocol": 6, "start": EPOCH, "end": EPOCH + 50, "action": None, "log_status": "OK",
        "resource_type": own[0], "tgw_id": own[1], "tgw_attachment_id": own[2],
    }  # fmt: skip
    rows = [{**row, "action": "REJECT"}, row]
    path = tmp_path / f"a.{form}"
    names = [name.replace("_", "-") for name in row]
    texts = [["-" if value is None else str(value) for value in one.values()] for one in rows]
    if form == "log":
        path.write_text("\n".join(" ".join(cells) for cells in [names, *texts]) + "\n")
    elif form == "csv":
        path.write_text("\n".join(",".join(cells) for cells in [[*row], *texts]) + "\n")
    elif form == "json":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        schema = pa.schema(
            [(name, pa.int64() if isinstance(row[name], int) else pa.string()) for name in row]
        )
        pq.write_table(pa.Table.from_pylist(rows, schema), path)
    total = fl.read(path).check().account.total
    assert (total.ok, total.malformed) == (1 + expected, 1 - expected)
