"""Envelopes: the same records in every form give the same rows, and nothing is lost on the way."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from envelopes import CONTROL, FORMS, HEADED, WITH_CONTROL, events, payloads
from reading import GOOD, Outcome, pipe, read

import flowlens as fl
from flowlens.reading.decompress import Inflated
from flowlens.reading.envelopes import csv, shapes
from flowlens.reading.envelopes.detect import opened
from flowlens.reading.envelopes.repeats import Repeats

QUIET = "2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"
LOST = "2 123456789012 eni-1 - - - - - - - 1418530011 1418530071 - SKIPDATA"
V6 = GOOD.replace("192.0.2.1", "2001:db8::7").replace("REJECT", "ACCEPT")
RECORDS = [GOOD, V6, QUIET, LOST, *(GOOD.replace("4249", str(n)) for n in range(40))]


def outcome(path: Path, data: bytes) -> Outcome:
    path.write_bytes(data)
    return read(path)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_rows_and_counts_of_plain_lines(form, tmp_path):
    plain = outcome(tmp_path / "plain.log", "\n".join(RECORDS).encode())
    found = outcome(tmp_path / "wrapped", FORMS[form](RECORDS))
    assert found.rows == plain.rows
    assert found.malformed == []
    assert found.counts.adds_up
    headers = int(form in HEADED)
    assert (found.counts.headers, found.counts.lines) == (headers, len(RECORDS) + headers)
    assert (found.counts.ok, found.counts.nodata, found.counts.skipdata) == (42, 1, 1)
    (source,) = found.account.sources
    assert (source.truncated, source.unreadable) == ("", "")
    assert source.aside == ({"control messages": 1} if form in WITH_CONTROL else {})


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_gives_what_a_file_gives(form, tmp_path):
    data = FORMS[form](RECORDS)
    file = outcome(tmp_path / "file", data)
    with pipe(tmp_path / "pipe", gzip.compress(data)) as path:
        stream = read(path)
    assert stream.rows == file.rows
    assert stream.counts == file.counts
    assert stream.account.sources[0].envelope.startswith(file.account.sources[0].envelope)


@pytest.mark.parametrize("form", FORMS)
def test_cut_short_it_keeps_whole_units_and_says_so(form, tmp_path):
    data = FORMS[form](RECORDS)
    whole = outcome(tmp_path / "whole", data)
    cut = outcome(tmp_path / "cut", data[: len(data) * 2 // 3])
    assert cut.counts.adds_up
    (source,) = cut.account.sources
    told = source.truncated or source.unreadable or cut.counts.malformed
    assert told or len(cut.rows) == len(whole.rows)
    assert cut.rows == whole.rows[: len(cut.rows)]
    if "base64" not in form and "Kinesis" not in form and "gzip" not in form:
        assert len(cut.rows) > 15


ENVELOPES = {
    "export lines": "export lines",
    "filter-log-events": "pages of events",
    "console CSV": "CSV of events",
    "Insights CSV of fields": "CSV of records",
    "Insights JSON of fields": "rows of Logs Insights",
    "subscription": "subscription payloads",
    "subscription, gzip in gzip": "subscription payloads in gzip",
    "subscription, base64 a line": "subscription payloads in gzip in base64",
    "Lambda events": "subscription payloads",
    "straight to Firehose": "events, one an object",
    "records as objects": "records, one an object",
}


@pytest.mark.parametrize(("form", "envelope"), ENVELOPES.items())
def test_the_envelope_is_named(form, envelope, tmp_path):
    found = outcome(tmp_path / "wrapped", FORMS[form](RECORDS))
    assert found.account.sources[0].envelope == envelope


def test_repeats_are_dropped_and_counted_within_an_input_and_never_across(tmp_path):
    twice = [*events([GOOD] * 3), *events([GOOD] * 3)]
    found = outcome(tmp_path / "a.json", json.dumps({"events": twice}).encode())
    assert (found.counts.lines, found.counts.ok, found.counts.repeats) == (6, 3, 3)
    (tmp_path / "b.json").write_bytes(json.dumps({"events": events([GOOD] * 3)}).encode())
    both = read(tmp_path / "a.json", tmp_path / "b.json")
    assert (both.counts.ok, both.counts.repeats) == (6, 3)
    assert both.counts.adds_up


def test_a_payload_that_was_delivered_twice_counts_once(tmp_path):
    found = outcome(tmp_path / "twice", b"".join(payloads(RECORDS) * 2))
    assert found.counts.repeats == len(RECORDS)
    assert found.counts.records == len(RECORDS)


def test_events_without_an_id_are_no_repeats(tmp_path):
    text = json.dumps({"events": [{"message": GOOD}] * 3})
    assert outcome(tmp_path / "x", text.encode()).counts.ok == 3


def test_events_that_are_read_one_by_one_are_compared_with_those_before_all_at_once(monkeypatch):
    calls = []
    seen = Repeats.seen
    monkeypatch.setattr(Repeats, "seen", lambda *a: calls.append(a) or seen(*a))
    lines = [json.dumps(event) for event in events([GOOD] * 300)]
    lines[50] = lines[50][:-9]
    content = opened(Inflated("", iter(["\n".join([*lines, *lines[:7]]).encode()])))
    (block,) = content.blocks
    assert block.apart.keys() == {50, *range(300, 307)}
    assert len(calls) == 1


def test_malformed_messages_keep_the_number_of_their_event(tmp_path):
    texts = [GOOD, "2 123456789012 eni-1 10.0.0.1239", *[GOOD] * 3, "x", ""]
    found = outcome(tmp_path / "x", json.dumps(events(texts)).encode())
    assert [(line.line, line.reason) for line in found.malformed] == [
        (2, "field_count"),
        (6, "field_count"),
    ]
    assert (found.counts.ok, found.counts.blanks) == (4, 1)


JSON_FAULTS = {
    "an event without a message": (
        '{"events":[{"message":"%s"},{"timestamp":1},{"message":"%s"}]}',
        [(2, "bad_value", "an event without a message")],
        2,
    ),
    "a message that is no text": (
        '{"events":[{"message":"%s"},{"message":7},{"message":"%s"}]}',
        [(2, "bad_value", "an event without a message")],
        2,
    ),
    "a line of something else": (
        '{"message":"%s"}\nnot json at all\n{"message":"%s"}\n',
        [(2, "bad_value", "broken JSON")],
        2,
    ),
    "a line that breaks off": (
        '{"message":"%s"}\n{"message":"2 1234\n{"message":"%s"}\n',
        [(2, "bad_value", "broken JSON")],
        2,
    ),
    "another object between": (
        '{"message":"%s"}\n{"eventName":"ConsoleLogin"}\n{"message":"%s"}\n',
        [(2, "bad_value", "JSON without a record, with the keys eventName")],
        2,
    ),
    "a DATA_MESSAGE without events": (
        '{"messageType":"DATA_MESSAGE","logEvents":[]}{"message":"%s"}{"message":"%s"}',
        [(1, "bad_value", "a DATA_MESSAGE without events")],
        2,
    ),
    "a DATA_MESSAGE without a list": (
        '{"messageType":"DATA_MESSAGE"}{"message":"%s"}{"message":"%s"}',
        [(1, "bad_value", "a DATA_MESSAGE without events")],
        2,
    ),
    "objects that touch a brace in a string": (
        '{"message":"%s"}{"message":"}{"}{"message":"%s"}',
        [(2, "field_count", "1 fields where the layout has 14")],
        2,
    ),
    "bytes that are no UTF-8": (
        '{"message":"%s"}\n{"message":"\udce9"}\n{"message":"%s"}',
        [(2, "bad_encoding", "byte 0xe9")],
        2,
    ),
    "half a surrogate pair": (
        '{"message":"%s"}\n{"message":"\\ud800"}\n{"message":"%s"}',
        [(2, "bad_encoding", "byte 0xed")],
        2,
    ),
    "a DATA_MESSAGE whose events are a number": (
        '{"messageType":"DATA_MESSAGE","events":7}{"message":"%s"}{"message":"%s"}',
        [(1, "bad_value", "a DATA_MESSAGE without events")],
        2,
    ),
    "a page with a broken event": (
        '{"events":[{"message":"%s"},{"message":x},{"message":"%s"}],"nextToken":null}',
        [(2, "bad_value", "broken JSON")],
        2,
    ),
}


@pytest.mark.parametrize("case", JSON_FAULTS)
def test_a_fault_in_json_is_put_aside_and_the_rest_counts(case, tmp_path):
    text, faults, rows = JSON_FAULTS[case]
    data = (text % (GOOD, GOOD)).encode("utf-8", "surrogateescape")
    found = outcome(tmp_path / "x.json", data)
    assert [(line.line, line.reason, line.detail) for line in found.malformed] == faults
    assert len(found.rows) == rows
    assert found.counts.adds_up
    assert found.account.sources[0].truncated == ""


def payload(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


DATA = '{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","message":"%s"}%s'
PARTS = {
    "one that is missing, a line of it": (
        '{"awslogs":{"data":"%s"}}\n{"awslogs":{"date":"%s"}}',
        "]}",
        [(2, "bad_value", "JSON without a record, with the keys awslogs")],
    ),
    "one that is missing, among others": (
        '{"Records":[{"kinesis":{"data":"%s"}},{"kinesis":{"date":"%s"}}]}',
        "]}",
        [(2, "bad_value", "a part without its payload")],
    ),
    "one whose JSON breaks off": (
        '{"awslogs":{"data":"%s"}}',
        ',{"id":"2","mess',
        [(2, "bad_value", "a payload in which the JSON breaks off")],
    ),
}


@pytest.mark.parametrize("case", PARTS)
def test_a_payload_that_is_not_there_whole_is_put_aside_and_the_rest_counts(case, tmp_path):
    text, end, faults = PARTS[case]
    held = payload(DATA % (GOOD, end))
    found = outcome(tmp_path / "x", (text.replace("%s", held)).encode())
    assert [(line.line, line.reason, line.detail) for line in found.malformed] == faults
    assert found.counts.ok == 1
    assert found.account.sources[0].truncated == ""


def test_payloads_in_payloads_are_refused_at_a_depth(tmp_path):
    (tmp_path / "other.log").write_text(GOOD)
    text = json.dumps({"message": GOOD})
    for depth in range(1, 9):
        text = json.dumps({"data": payload(text)})
        (tmp_path / "x.json").write_text(text)
        found = read(tmp_path)
        told = "" if depth <= 6 else "packed more than 6 times in itself; unpack it by hand"
        assert [source.unreadable for source in found.account.sources] == ["", told]
        assert found.counts.ok == (2 if depth <= 6 else 1)


UNREADABLE = {
    "JSON of something else": (b'{"Records":[{"eventName":"x"}]}', "no flow log"),
    "an object of something else": (b'{"a":1,"b":2}', "JSON, but no flow log: with the keys a, b"),
    "an array of numbers": (b"[1,2,3]", "JSON, but no flow log: a int"),
    "no JSON at all": (b"{ this is a poem", "the JSON breaks off before anything is"),
    "base64 of something else": (b"aGVsbG8gd29ybGQsIHRoaXMgaXMgdGV4dAo=", "no flow-log layout"),
    "base64 of other JSON": (b"eyJhIjoxLCJiIjoyLCJjIjozLCJkIjo0fQ==", "no flow log"),
    "a CSV of something else": (b"name,age\nx,7\n", "no flow-log layout fits its first line"),
    "CSV of events of something else": (b"timestamp,message\n1,hello\n", "no flow-log layout"),
    "events of something else": (b'{"events":[{"message":"hello"}]}', "no flow-log layout"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_holds_no_flow_log_is_told_in_one_line_and_the_others_count(case, tmp_path):
    data, told = UNREADABLE[case]
    (tmp_path / "a.log").write_bytes(data)
    (tmp_path / "b.log").write_text(GOOD)
    found = read(tmp_path)
    assert told in found.account.sources[0].unreadable
    assert "\n" not in found.account.sources[0].unreadable
    assert found.counts.records == 1


def test_what_is_packed_in_itself_again_and_again_is_refused_at_a_depth(tmp_path):
    data = GOOD.encode()
    for _ in range(7):
        data = gzip.compress(data)
    (tmp_path / "six.log").write_bytes(gzip.decompress(data))
    assert read(tmp_path / "six.log").counts.ok == 1
    for _ in range(3):
        data = gzip.compress(data)
    (tmp_path / "deep.log").write_bytes(data)
    found = read(tmp_path)
    assert "packed more than" in found.account.sources[0].unreadable
    assert found.counts.ok == 1


def test_a_health_check_alone_is_no_error(tmp_path):
    found = outcome(tmp_path / "x", json.dumps(CONTROL).encode())
    (source,) = found.account.sources
    assert (source.unreadable, found.counts.lines) == ("", 0)
    assert source.aside == {"control messages": 1}


def test_the_test_object_of_an_export_is_passed_over(tmp_path):
    folder = tmp_path / "task" / "eni-1-all"
    folder.mkdir(parents=True)
    (tmp_path / "aws-logs-write-test").write_text("Permission Check Successful")
    (folder / "000000.gz").write_bytes(gzip.compress(FORMS["export lines"](RECORDS)))
    found = read(tmp_path)
    assert found.counts.records == len(RECORDS)
    assert found.account.passed_over == (f"{tmp_path}/aws-logs-write-test",)


def test_a_line_of_an_export_without_its_time_is_malformed(tmp_path):
    lines = [f"2018-09-22T20:28:14.000Z {GOOD}", GOOD, f"yesterday {GOOD}"]
    found = outcome(tmp_path / "x", "\n".join(lines).encode())
    assert [(line.line, line.reason) for line in found.malformed] == [
        (2, "field_count"),
        (3, "bad_value"),
    ]


def test_a_layout_that_is_given_holds_within_an_envelope(tmp_path):
    from flowlens.records.layouts import from_user

    record = "192.0.2.1 10.0.0.5 22 REJECT 1418530010"
    layout = from_user("srcaddr dstaddr dstport action start")
    (tmp_path / "a.log").write_text(f"2018-09-22T20:28:14Z {record}\n")
    (tmp_path / "b.json").write_text(json.dumps({"events": events([record])}))
    found = read(tmp_path, layout=layout)
    assert [row["dstport"] for row in found.rows] == [22, 22]
    assert found.account.columns == set(layout.columns)


ROW_FAULTS = [
    ('{"srcaddr":"10.0.0.1 2","interface_id":"eni-1"}', "bad_address", "srcaddr 10.0.0.1 2"),
    ('{"srcaddr":"x\\ny","interface_id":"eni-1"}', "bad_address", "srcaddr x\ny"),
    ('{"srcaddr":"action","interface_id":"bytes"}', "bad_value", "nothing but names"),
]


@pytest.mark.parametrize(("row", "reason", "detail"), ROW_FAULTS)
def test_a_value_that_would_shift_others_is_malformed_and_shifts_nothing(
    row, reason, detail, tmp_path
):
    good = '{"srcaddr":"192.0.2.1","interface_id":"eni-1"}'
    found = outcome(tmp_path / "x", f"{good}\n{row}\n{good}\n".encode())
    assert [(line.line, line.reason, line.detail) for line in found.malformed] == [
        (2, reason, detail)
    ]
    assert [row["srcaddr"] for row in found.rows] == ["192.0.2.1"] * 2


def test_keys_that_come_later_make_columns_and_those_before_are_null(tmp_path):
    rows = [
        '{"srcaddr":"192.0.2.1","dstport":22,"eni":"e"}',
        '{"dstport":23,"srcaddr":"192.0.2.2","Odd.Key":"a b","eni":"e"}',
    ]
    path = tmp_path / "x"
    path.write_text("\n".join(rows))
    found = read(path, columns=("srcaddr", "dstport", "odd_key"))
    assert found.rows == [
        {"srcaddr": "192.0.2.1", "dstport": 22, "odd_key": None},
        {"srcaddr": "192.0.2.2", "dstport": 23, "odd_key": "a b"},
    ]


def test_rows_with_ever_new_keys_are_put_aside_beyond_a_number_of_columns(tmp_path):
    rows = [{"srcaddr": "192.0.2.1", "start": 1418530010, f"k{n}": n} for n in range(300)]
    found = outcome(tmp_path / "x", "\n".join(map(json.dumps, [*rows, *rows[:9]])).encode())
    assert [line.line for line in found.malformed] == list(range(249, 301))
    assert {line.detail for line in found.malformed} == {
        "more than 250 different keys in one input"
    }
    assert found.counts.ok == 248 + 9


def test_of_objects_with_ever_new_keys_nothing_is_remembered_but_what_is_short(tmp_path):
    shapes._told.cache_clear()
    objects = [{"message": GOOD, f"{n}": n, "x" * 5000: n} for n in range(9)]
    found = outcome(tmp_path / "x", json.dumps([{"a": 1}, *objects]).encode())
    assert (found.counts.ok, found.counts.malformed) == (9, 1)
    assert shapes._told.cache_info().currsize == 1


def test_a_value_that_json_can_not_hold_is_kept_in_words_of_its_own(tmp_path):
    path = tmp_path / "x"
    path.write_text('{"srcaddr":"192.0.2.1","start":"a b","odd":["\\ud800"]}')
    (fault,) = read(path).malformed
    assert fault.text == "192.0.2.1 a b ['\\ud800']"


def test_a_value_that_is_no_text_reads_the_same_whatever_stands_beside_it(tmp_path):
    rows = [
        '{"srcaddr":"192.0.2.1","action":"ACCEPT","odd":["a"],"other":"x"}',
        '{"srcaddr":"192.0.2.1","action":"ACCEPT","odd":["a"],"other":"a b"}',
    ]
    path = tmp_path / "x"
    for lines in (rows[:1], rows):
        path.write_text("\n".join(lines))
        assert {row["odd"] for row in read(path, columns=("odd",)).rows} == {'["a"]'}


CSV_FAULTS = {
    "a row over many lines": (
        '1,"' + "x\n" * 150 + '"\n',
        [
            (2, "bad_value", "broken CSV"),
            *((line, "bad_value", "1 columns where the header has 2") for line in range(3, 152)),
            (152, "bad_value", "broken CSV"),
        ],
    ),
    "too many columns": ("1,2,3\n", [(2, "bad_value", "3 columns where the header has 2")]),
    "a quote that never ends": ('1,"2 123\n', [(2, "bad_value", "broken CSV")]),
    "text behind a quote": ('1,"2"x\n', [(2, "bad_value", "broken CSV")]),
}


@pytest.mark.parametrize("case", CSV_FAULTS)
def test_a_fault_in_csv_is_put_aside_and_the_rest_counts(case, tmp_path):
    line, faults = CSV_FAULTS[case]
    found = outcome(tmp_path / "x", f"timestamp,message\n{line}1,{GOOD}\n1,{GOOD}\n".encode())
    assert [(line.line, line.reason, line.detail) for line in found.malformed] == faults
    assert found.counts.ok == 2


def test_quotes_left_open_do_not_take_in_all_that_follows_again_and_again(monkeypatch):
    taken = 0
    give = csv._Lines.__next__

    def counted(lines):
        nonlocal taken
        taken += 1
        return give(lines)

    monkeypatch.setattr(csv._Lines, "__next__", counted)
    data = b"timestamp,message\n" + b'a","\n' * 2000
    content = opened(Inflated("", iter([data])))
    assert sum(block.text.count(b"\n") for block in content.blocks) == 2001
    assert taken < 2001 * 25


def test_headers_of_csv_files_in_a_row_are_headers(tmp_path):
    data = FORMS["console CSV"](RECORDS) + b"\r\n" + FORMS["console CSV"](RECORDS)
    counts = outcome(tmp_path / "x", data).counts
    assert (counts.headers, counts.blanks, counts.records) == (2, 1, 2 * len(RECORDS))


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_pieces_does_not_matter(form, size):
    data = FORMS[form](RECORDS)
    if data[:2] == b"\x1f\x8b" and form == "subscription, gzip members":
        data = gzip.decompress(data)
    content = opened(Inflated("", _pieces(data, size)))
    text = b"".join(block.text for block in content.blocks).split()
    whole = opened(Inflated("", iter([data])))
    assert text == b"".join(block.text for block in whole.blocks).split()
    assert content.broken == whole.broken == ""


@pytest.mark.parametrize("compressed", [False, True])
def test_keys_that_flowlens_does_not_know_can_be_asked_for(compressed, tmp_path):
    row = {"srcaddr": "192.0.2.1", "action": "ACCEPT", "Cost Centre": "b"}
    data = json.dumps([row, row]).encode()
    (tmp_path / "x").write_bytes(gzip.compress(data) if compressed else data)
    result = fl.read(tmp_path / "x").sql("select cost_centre, count(*) as n from flows group by 1")
    assert result.arrow().to_pylist() == [{"cost_centre": "b", "n": 2}]


def test_events_behind_records_are_judged_under_their_own_layout(tmp_path):
    record = '{"srcaddr":"192.0.2.1","action":"REJECT","dstport":22}'
    event = json.dumps({"message": GOOD})
    found = outcome(tmp_path / "x", "\n".join([record, event, record, event]).encode())
    assert [row["dstport"] for row in found.rows] == [22] * 4
    assert (found.counts.ok, found.counts.malformed) == (4, 0)
