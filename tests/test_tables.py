"""Other people's tables are read or refused, whatever their columns and values are called."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquets import ask

from flowlens.api import read as flows
from flowlens.cli.session import remarks
from flowlens.core.errors import NoInputError, UsageError

START, END = datetime(2025, 12, 1, 0, 0, 1, tzinfo=UTC), datetime(2025, 12, 1, 0, 0, 30, tzinfo=UTC)
VALUES = {
    "account_id": "111122223333", "interface_id": "eni-1", "srcaddr": "203.0.113.8",
    "dstaddr": "10.20.1.5", "srcport": 51000, "dstport": 22, "protocol": 6, "packets": 3,
    "bytes": 180, "start_time": START, "end_time": END, "action": "REJECT", "log_status": "OK",
}  # fmt: skip
PLAIN = {
    "account-id": "111122223333", "interface-id": "eni-1", "srcaddr": "203.0.113.8",
    "dstaddr": "10.20.1.5", "srcport": "51000", "dstport": "22", "protocol": "6", "packets": "3",
    "bytes": "180", "start": "1764547201", "end": "1764547230", "action": "REJECT",
    "log-status": "OK",
}  # fmt: skip
RENAMED = {
    "Athena": {"account-id": "account", "interface-id": "interfaceid", "srcaddr": "sourceaddress",
               "dstaddr": "destinationaddress", "srcport": "sourceport",
               "dstport": "destinationport", "packets": "numpackets", "bytes": "numbytes",
               "start": "starttime", "end": "endtime", "log-status": "logstatus"},
    "Insights": {"account-id": "accountId", "interface-id": "interfaceId", "srcaddr": "srcAddr",
                 "dstaddr": "dstAddr", "srcport": "srcPort", "dstport": "dstPort",
                 "log-status": "logStatus"},
    "Tailpipe": {"account-id": "interface_account_id", "interface-id": "interface_id",
                 "srcaddr": "src_addr", "dstaddr": "dst_addr", "srcport": "src_port",
                 "dstport": "dst_port", "start": "start_time", "end": "end_time"},
    "Splunk": {"account-id": "aws_account_id", "srcaddr": "src_ip", "dstaddr": "dest_ip",
               "srcport": "src_port", "dstport": "dest_port", "protocol": "protocol_code",
               "start": "start_time", "end": "end_time", "action": "vpcflow_action"},
    "blanks": {"srcaddr": "Src Addr", "dstaddr": "DST-ADDR", "log-status": "Log Status"},
    "netobserv": {"srcaddr": "SrcAddr", "dstaddr": "DstAddr", "srcport": "SrcPort",
                  "dstport": "DstPort", "protocol": "Proto", "packets": "Packets",
                  "bytes": "Bytes", "start": "TimeFlowStartMs", "end": "TimeFlowEndMs"},
    "ECS": {"account-id": "cloud.account.id", "srcaddr": "source.ip", "dstaddr": "destination.ip",
            "srcport": "source.port", "dstport": "destination.port", "start": "event.start",
            "protocol": "network.iana_number", "packets": "network.packets",
            "bytes": "network.bytes", "end": "event.end", "action": "event.action"},
    "src and dest": {"srcaddr": "src", "dstaddr": "dest", "log-status": "status"},
}  # fmt: skip
SAID = {
    "action in any case": {"action": "reject"},
    "blocked": {"action": "Blocked"},
    "a protocol's name": {"protocol": "TCP"},
    "milliseconds": {"start": "1764547201999", "end": "1764547230000"},
    "an offset": {"start": "2025-12-01T13:00:01+13:00", "end": "2025-12-01T05:30:30+05:30"},
    "fractions": {"start": "2025-12-01T00:00:01.987654Z", "end": "2025-12-01 00:00:30.5 UTC"},
    "no offset": {"start": "2025-12-01 00:00:01", "end": "2025-12-01T00:00:30"},
    "an offset without a colon": {"start": "2025-12-01T00:00:01.000000+0000"},
    "numbers with a point": {"dstport": "22.0", "bytes": "180.0", "start": "1764547201.5"},
    "a status in lower case": {"log-status": "ok"},
}
FORMS = ("csv", "semicolons", "json", "jsonl", "parquet")
MARKS = {"csv": ",", "semicolons": ";", "tabs": "\t"}


def write(place: Path, rows: list[dict[str, str | None]], form: str) -> Path:
    path = place / f"a.{'parquet' if form == 'parquet' else 'data'}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form == "json":
        path.write_text(json.dumps(rows))
    elif form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        mark = MARKS[form]
        lines = [mark.join(f'"{value or ""}"' for value in row.values()) for row in rows]
        path.write_bytes(("\ufeff" + "\r\n".join([mark.join(rows[0]), *lines])).encode())
    return path


def got(path: Path) -> list[dict[str, object]]:
    asked = ask(path)
    assert [str(line) for line in asked.malformed] == []
    assert asked.account.total.adds_up
    assert remarks(asked.account) == []
    return [{name: row[name] for name in VALUES} for row in asked.rows]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("who", RENAMED)
def test_a_table_is_read_whatever_its_columns_are_called(tmp_path, who, form):
    row = {RENAMED[who].get(name, name): value for name, value in PLAIN.items()}
    assert got(write(tmp_path, [row, row], form)) == [VALUES, VALUES]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", SAID)
def test_a_table_is_read_whatever_its_values_are_called(tmp_path, how, form):
    assert got(write(tmp_path, [PLAIN | SAID[how], PLAIN], form)) == [VALUES, VALUES]


@pytest.mark.parametrize("form", FORMS)
def test_the_exact_one_of_two_names_wins_and_else_the_table_is_refused(tmp_path, form):
    row = PLAIN | {"src_ip": "192.0.2.99"}
    assert got(write(tmp_path, [row], form)) == [VALUES]
    del row["srcaddr"]
    path = write(tmp_path, [row | {"source_address": "192.0.2.7"}], form)
    with pytest.raises(NoInputError, match="'src_ip' and 'source_address' are one field, srcaddr"):
        ask(path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "row",
    [
        {"srcAddr": "203.0.113.8", "dstPort": "22", "count(*)": "41"},
        {"srcaddr": "203.0.113.8", "dstaddr": "10.0.0.1", "bytes": "1", "records": "4"},
        {"protocol": "6", "dstport": "22", "records": "4", "bytes": "1"},
        {"action": "REJECT", "records": "4", "packets": "5", "bytes": "240"},
        {"interface_id": "eni-1", "action": "REJECT", "sum_bytes": "400"},
        {"start": "1764547200", "srcAddr": "203.0.113.8", "dstAddr": "10.0.0.1", "count(*)": "4"},
    ],
)
def test_a_sum_over_records_is_refused_with_its_columns(tmp_path, form, row):
    with pytest.raises(NoInputError, match=", ".join(list(row)[:2])):
        ask(write(tmp_path, [row, row], form))


@pytest.mark.parametrize("form", FORMS)
def test_a_table_whose_addresses_are_not_understood_is_never_read_in_silence(tmp_path, form):
    row = {"from_addr" if name == "srcaddr" else name: value for name, value in PLAIN.items()}
    asked = ask(write(tmp_path, [row], form))
    (said,) = remarks(asked.account)
    assert said.endswith("no column is srcaddr; not understood: from_addr")


@pytest.mark.parametrize("form", FORMS)
def test_a_record_with_a_time_may_carry_a_count_of_its_owner(tmp_path, form):
    assert got(write(tmp_path, [PLAIN | {"count": "3"}], form)) == [VALUES]


def test_a_header_with_names_that_aws_does_not_have_says_what_it_lacks(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("interface-id src_addr dstaddr action\neni-1 10.0.0.1 10.0.0.2 ACCEPT\n")
    (said,) = remarks(ask(path).account)
    assert said.endswith("no column is srcaddr; not understood: src_addr")


def test_a_header_of_aws_own_names_is_trusted_as_it_is(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("interface-id dstport action\neni-1 22 ACCEPT\n")
    assert remarks(ask(path).account) == []


@pytest.mark.parametrize("form", FORMS)
def test_quiet_intervals_alone_lack_nothing(tmp_path, form):
    row = {name: PLAIN[name] for name in ("interface-id", "start", "end")} | {"status": "NODATA"}
    assert remarks(ask(write(tmp_path, [row], form)).account) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_question_for_what_no_table_has_is_refused(tmp_path, form):
    row = {name: value for name, value in PLAIN.items() if name != "action"}
    found = flows(write(tmp_path, [row], form), progress=False)
    with pytest.raises(UsageError, match="rejected_by_port needs action, which no input has"):
        found.query("rejected_by_port").arrow()


@pytest.mark.parametrize("form", FORMS)
def test_2038_and_later_stay_dates(tmp_path, form):
    asked = ask(write(tmp_path, [PLAIN | {"start": "2147483648", "end": "2147483700"}], form))
    assert asked.rows[0]["start_time"] == datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        {"Records": [{"eventName": "X", "region": "r" * 90}] * 200_000},
        [{"a": "x" * 90}] * 200_000,
        {"events": [{"type": "x" * 90}] * 200_000},
        {"results": [[{"field": "srcAddr", "value": "192.0.2.1"}, {"field": "n", "value": "4"}]]},
    ],
)
def test_json_that_is_no_flow_log_is_refused_whatever_its_size(tmp_path, value):
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(NoInputError, match="no flow log"):
        ask(tmp_path / "a.json")


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_times_of_any_unit_and_zone_are_read(unit, zone, tmp_path):
    moments = {name: pa.array([at], pa.timestamp("us", "UTC")) for name, at in
               (("start", START), ("end", END))}  # fmt: skip
    table = pa.Table.from_pylist([PLAIN]).drop_columns(["start", "end"])
    for name, values in moments.items():
        kind = pa.timestamp(unit, zone)
        table = table.append_column(name, values.cast(pa.timestamp(unit, "UTC")).cast(kind))
    pq.write_table(table, tmp_path / "a.parquet")
    assert got(tmp_path / "a.parquet") == [VALUES]


KINDS: dict[str, dict[str, pa.DataType]] = {
    "categories": {"action": pa.dictionary(pa.int32(), pa.string())},
    "unsigned": {"srcport": pa.uint16(), "protocol": pa.uint8(), "bytes": pa.uint64()},
    "decimals": {"bytes": pa.decimal128(21, 2), "packets": pa.decimal128(20, 0)},
    "with a point": {"bytes": pa.float64(), "dstport": pa.float32()},
    "large texts": {"srcaddr": pa.large_string(), "account-id": pa.string_view()},
    "an account as a number": {"account-id": pa.int64()},
}


@pytest.mark.parametrize("case", KINDS)
def test_columns_of_any_type_that_fits_are_read(case, tmp_path):
    table = pa.Table.from_pylist([PLAIN, PLAIN])
    for name, kind in KINDS[case].items():
        values = table[name].combine_chunks()
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or "decimal" in str(kind)
        values = values.cast(pa.int64()) if number else values
        table = table.set_column(table.column_names.index(name), name, values.cast(kind))
    pq.write_table(table, tmp_path / "a.parquet")
    assert got(tmp_path / "a.parquet") == [VALUES, VALUES]


@pytest.mark.parametrize("who", ["Athena", "Tailpipe", "Splunk", "ECS"])
def test_tabs_may_part_the_columns_of_a_table(who, tmp_path):
    row = {RENAMED[who].get(name, name): value for name, value in PLAIN.items()}
    assert got(write(tmp_path, [row, row], "tabs")) == [VALUES, VALUES]


def test_utf_16_is_named(tmp_path):
    path = write(tmp_path, [PLAIN], "csv")
    path.write_bytes(path.read_text("utf-8-sig").encode("utf-16"))
    with pytest.raises(NoInputError, match="it is UTF-16, as PowerShell writes it"):
        ask(path)
