"""What the AWS CLI prints and what streams hand on: texts in arrays, payloads of lines, JSON."""

from __future__ import annotations

import base64
import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from reading import GOOD, Outcome, read

from flowlens.core.errors import NoInputError
from flowlens.reading.decompress import Inflated
from flowlens.reading.envelopes.detect import opened

QUIET = "2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"
ROW = {
    "srcaddr": "192.0.2.1", "dstaddr": "10.0.0.5", "protocol": 6, "packets": 1, "bytes": 60,
    "start": 1418530010, "end": 1418530070, "action": "REJECT",
}  # fmt: skip
JSON_ROW = json.dumps(ROW)


def outcome(place: Path, text: str) -> Outcome:
    path = place / "x"
    path.write_bytes(text.encode())
    return read(path)


def packed(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def kinesis(*data: str) -> str:
    return json.dumps({"Records": [{"kinesis": {"data": text}} for text in data]})


def shard(*data: str) -> str:
    records = [{"SequenceNumber": "1", "Data": text, "PartitionKey": "p"} for text in data]
    return json.dumps({"Records": records, "NextShardIterator": "A"}, indent=4)


PAYLOADS: dict[str, tuple[str, int]] = {
    "a line each": (kinesis(packed(GOOD), packed(QUIET)), 2),
    "lines that end": (kinesis(packed(f"{GOOD}\n"), packed(f"{QUIET}\r\n")), 2),
    "several lines in one": (kinesis(packed(f"{GOOD}\n{QUIET}\n{GOOD}"), packed(QUIET)), 4),
    "lines in gzip": (kinesis(packed(zipped(f"{GOOD}\r\n{QUIET}\r\n"))), 2),
    "lines in gzip in base64 in gzip": (kinesis(packed(zipped(packed(zipped(GOOD))))), 1),
    "lines beside JSON": (
        kinesis(
            packed(GOOD), packed(json.dumps({"message": QUIET})), packed(JSON_ROW), packed(GOOD)
        ),
        4,
    ),
    "a header before them": (kinesis(packed("srcaddr dstaddr\n192.0.2.1 10.0.0.5\n")), 1),
    "pages of get-records": (shard(packed(GOOD)) + "\n" + shard(packed(zipped(QUIET))), 2),
    "pages of which some are empty": (shard() + shard(packed(GOOD)) + shard(), 1),
    "Data alone, in an array": (json.dumps([packed(GOOD), packed(zipped(QUIET))]), 2),
    "Firehose": (json.dumps({"records": [{"recordId": "1", "data": packed(f"{GOOD}\n")}]}), 1),
}


@pytest.mark.parametrize("case", PAYLOADS)
def test_payloads_may_hold_lines(case, tmp_path):
    text, records = PAYLOADS[case]
    found = outcome(tmp_path, text)
    assert (found.counts.records, found.counts.malformed) == (records, 0)
    assert found.counts.lines == records + found.counts.headers
    assert found.account.sources[0].truncated == ""


BROKEN = {
    "no base64": ("!!!!", "broken base64: Only base64 data is allowed", 0),
    "base64 that breaks off": (packed(GOOD)[:-1], "the base64 breaks off", 1),
    "gzip that breaks off": (packed(zipped(f"{GOOD}\n")[:-4]), "the gzip data breaks off", 1),
    "JSON that breaks off": (packed(zipped(JSON_ROW)[:-4]), "the gzip data breaks off", 1),
}


@pytest.mark.parametrize("others", [packed(GOOD), packed(JSON_ROW)])
@pytest.mark.parametrize("case", BROKEN)
def test_a_payload_that_can_not_be_read_whole_is_put_aside_and_the_others_count(
    case, others, tmp_path
):
    text, told, lines = BROKEN[case]
    found = outcome(tmp_path, kinesis(others, text, others))
    assert f"a payload that can't be read whole: {told}" in [
        line.detail for line in found.malformed
    ]
    assert found.counts.records + found.counts.malformed == 3 + lines
    assert found.counts.records >= 2
    assert found.counts.adds_up


ARRAYS: dict[str, tuple[str, int, int]] = {
    "texts": (json.dumps([GOOD, QUIET]), 2, 0),
    "texts over lines": (json.dumps([GOOD, QUIET], indent=4), 2, 0),
    "texts that end in a line end": (json.dumps([f"{GOOD}\n", f"{QUIET}\r\n"]), 2, 0),
    "arrays one after another": (json.dumps([GOOD]) + "\n" + json.dumps([QUIET]), 2, 0),
    "lists of a text": (json.dumps([[GOOD], [QUIET]]), 2, 0),
    "times beside texts": (json.dumps([[1795000000000, GOOD], [1795000000000, QUIET]]), 2, 0),
    "texts that are JSON": (json.dumps([JSON_ROW, GOOD, JSON_ROW]), 3, 0),
    "what is no text": (json.dumps([GOOD, None, 7, QUIET]), 2, 2),
    "a text that is no record": (json.dumps([GOOD, "x", QUIET]), 2, 1),
    "quotes in texts": (json.dumps([GOOD, '","', 'a\\",', QUIET]), 2, 2),
    "a broken element": (f'["{GOOD}", nul, "{QUIET}"]', 2, 1),
    "a quote that is missing": (f'["{GOOD}",\n"{GOOD},\n"{QUIET}",\n"{QUIET}"]', 3, 1),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_may_hold_messages(case, tmp_path):
    text, records, malformed = ARRAYS[case]
    found = outcome(tmp_path, text)
    assert (found.counts.records, found.counts.malformed) == (records, malformed)
    assert found.counts.lines == records + malformed
    assert found.account.sources[0].truncated == ""


@pytest.mark.parametrize("indent", [None, 4])
def test_an_array_of_messages_is_read_as_a_stream(indent):
    texts = [GOOD.replace("4249", str(number)) for number in range(200_000)]
    data = json.dumps(texts, indent=indent).encode()
    pieces = (data[start : start + 9999] for start in range(0, len(data), 9999))
    blocks = [block.text for block in opened(Inflated("", pieces)).blocks]
    assert len(blocks) > 1
    assert b"".join(blocks).decode().splitlines() == texts


@pytest.mark.parametrize("indent", [None, 4])
def test_an_array_of_messages_that_breaks_off_says_so(indent, tmp_path):
    text = json.dumps([GOOD, QUIET, QUIET], indent=indent)
    found = outcome(tmp_path, text[: text.rindex("NODATA")])
    assert (found.counts.records, found.counts.malformed) == (2, 0)
    assert found.account.sources[0].truncated == "the JSON breaks off"


TABS: dict[str, tuple[str, int, int]] = {
    "two": (f"{GOOD}\t{QUIET}\n", 2, 0),
    "a line a page": (f"{GOOD}\n{GOOD}\t{QUIET}\n{QUIET}\n", 4, 0),
    "CRLF": (f"{GOOD}\t{QUIET}\r\n{GOOD}\r\n", 3, 0),
    "blanks around": (f"{GOOD} \t {QUIET}\n", 2, 0),
    "one that is broken": (f"2 x\t{GOOD}\t{QUIET}", 2, 1),
    "a line longer than a line may be": ("\t".join([GOOD] * 3000) + "\n", 3000, 0),
    "tabs within a record": (GOOD.replace(" ", "\t") + "\n", 1, 0),
    "tabs within the beginning": (GOOD.replace(" ", "\t", 3) + f"\n{GOOD}\n", 2, 0),
    "a remark": (f"{GOOD}\tremark\n{GOOD}\n", 1, 1),
}


@pytest.mark.parametrize("case", TABS)
def test_tabs_may_stand_between_messages_and_within_them(case, tmp_path):
    text, records, malformed = TABS[case]
    found = outcome(tmp_path, text)
    assert (found.counts.records, found.counts.malformed) == (records, malformed)
    assert found.counts.adds_up


def page(*messages: Any, ids: str = "123456789") -> str:
    events = [{"message": text, "eventId": name} for text, name in zip(messages, ids, strict=False)]
    return json.dumps({"events": events})


def test_a_message_may_be_the_json_of_a_record(tmp_path):
    other = json.dumps(ROW | {"dstport": 22}, indent=2)
    found = outcome(tmp_path, page(JSON_ROW, GOOD, ROW, f" {other}\n", QUIET))
    assert [(row["srcaddr"], row["dstport"]) for row in found.rows] == [
        ("192.0.2.1", None),
        ("192.0.2.1", 22),
        ("192.0.2.1", None),
        ("192.0.2.1", 22),
        (None, None),
    ]
    assert (found.counts.lines, found.counts.malformed) == (5, 0)


@pytest.mark.parametrize("text", [JSON_ROW[:-9], '{"eventName": "x"}', "{}", '{"a": 1}, {"b": 2}'])
def test_a_message_that_is_other_json_is_malformed(text, tmp_path):
    found = outcome(tmp_path, page(JSON_ROW, text, JSON_ROW))
    assert [(line.line, line.text) for line in found.malformed] == [(2, text)]
    assert found.counts.records == 2


def test_one_id_with_two_messages_is_no_repeat(tmp_path):
    found = outcome(tmp_path, page(GOOD, QUIET, GOOD, JSON_ROW, QUIET, JSON_ROW, ids="1" * 6))
    assert (found.counts.records, found.counts.repeats) == (3, 3)
    assert [row["log_status"] for row in found.rows] == ["OK", "NODATA", "OK"]
    assert found.counts.adds_up


def test_events_and_records_by_turns_stay_in_one_block_and_in_order(tmp_path):
    lines = [json.dumps({"message": GOOD}), JSON_ROW, json.dumps({"message": QUIET}), "{}"]
    text = "\n".join(lines * 500)
    blocks = list(opened(Inflated("", iter([text.encode()]))).blocks)
    assert len(blocks) <= 2
    found = outcome(tmp_path, text)
    assert (found.counts.records, found.counts.malformed) == (1500, 500)
    assert [row["bytes"] for row in found.rows] == [4249, 60, None] * 500
    assert [line.line for line in found.malformed] == list(range(4, 2001, 4))
    assert all(after.line - line.line == 4 for line, after in pairwise(found.malformed))


TWO_NAMES = json.dumps({"src_ip": "192.0.2.1", "source_ip": "192.0.2.1", "start": 1418530010})
BEGINNINGS = {
    "a message with two names for a field": json.dumps({"message": TWO_NAMES}),
    "a message of names alone": json.dumps({"message": "x y z"}),
    "an event without a message": json.dumps({"timestamp": 1}),
    "an event that is no JSON": '{"message": }',
    "an event that breaks off": '{"message": "2 1234',
    "another object": json.dumps({"a": 1}),
    "a record with two names for a field": TWO_NAMES,
}


@pytest.mark.parametrize("others", ['{"message": "' + GOOD + '"}', JSON_ROW])
@pytest.mark.parametrize("case", BEGINNINGS)
def test_what_begins_with_something_broken_is_read_from_there_on(case, others, tmp_path):
    found = outcome(tmp_path, "\n".join([BEGINNINGS[case], others, others]))
    assert (found.counts.records, found.counts.malformed) == (2, 1)
    assert [line.line for line in found.malformed] == [1]


def test_what_has_two_names_for_a_field_in_every_record_is_refused(tmp_path):
    with pytest.raises(NoInputError, match="'src_ip' and 'source_ip' are one field, srcaddr"):
        outcome(tmp_path, page(TWO_NAMES, TWO_NAMES))


def test_messages_that_are_no_records_behind_rows_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("flowlens.reading.envelopes.units.BLOCK", 500)
    texts = [JSON_ROW] * 9 + [json.dumps({"message": "x y z"})] * 999 + [JSON_ROW] * 9
    found = outcome(tmp_path, "\n".join(texts))
    assert (found.counts.records, found.counts.malformed) == (18, 999)


def test_a_repeat_of_what_has_two_names_for_a_field_is_a_repeat(tmp_path):
    found = outcome(tmp_path, page(TWO_NAMES, GOOD, TWO_NAMES, ids="121"))
    assert (found.counts.records, found.counts.malformed, found.counts.repeats) == (1, 1, 1)
