"""What the AWS CLI, jq and dumps of streams print around records is read as a person expects."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
from reading import GOOD, Outcome, read

from flowlens.core.errors import NoInputError
from flowlens.reading.envelopes import printed

QUIET = "2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"
ROW = {
    "srcaddr": "192.0.2.1", "dstaddr": "10.0.0.5", "protocol": 6, "packets": 1, "bytes": 4249,
    "start": 1418530010, "end": 1418530070, "action": "REJECT",
}  # fmt: skip
OCSF = {
    "class_uid": 4001, "action": "Denied", "traffic": {"packets": 1, "bytes": 4249},
    "src_endpoint": {"ip": "192.0.2.7"}, "dst_endpoint": {"ip": "10.0.0.9"},
    "connection_info": {"protocol_num": 6}, "start_time": 1418530010000, "end_time": 1418530070000,
}  # fmt: skip
TIME, STREAM = "2014-12-14T04:06:50.123000+00:00", "eni-1-all"
GREEN, CYAN, RESET = "\x1b[32m", "\x1b[36m", "\x1b[0m"
WIDE = json.dumps(ROW, indent=4)


def lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


def packed(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def zipped(text: str) -> str:
    return packed(gzip.compress(text.encode(), mtime=0))


def table(*messages: str) -> str:
    rows = [f"EVENTS\t{10**56 + i}\t1\t{STREAM}\t{text}\t1" for i, text in enumerate(messages)]
    return lines(*rows, f"SEARCHEDLOGSTREAMS\t{STREAM}\tTrue")


def page(*messages: str) -> str:
    return lines("b/36/s\tf/36/s", *[f"EVENTS\t1418530100000\t{text}\t1" for text in messages])


PRINTED: dict[str, str] = {
    "tail in colours": lines(
        *[f"{GREEN}{TIME}{RESET} {CYAN}{STREAM}{RESET} {text}" for text in (GOOD, QUIET)]
    ),
    "short tail in colours": lines(*[f"{GREEN}{TIME}{RESET} {text}" for text in (GOOD, QUIET)]),
    "what grep marked": lines(GOOD.replace("OK", "\x1b[01;31m\x1b[KOK\x1b[m\x1b[K"), QUIET),
    "JSON of tail": lines(*[f"{TIME} {STREAM}\n{text}\n" for text in (WIDE, '{"message": "x"}')]),
    "JSON of tail on the line": lines(f"{TIME} {STREAM} {WIDE}", f"{TIME} {STREAM} {QUIET}"),
    "JSON of short tail": lines(f"{TIME} {json.dumps(ROW)}", f"{TIME} {QUIET}"),
    "JSON of tail in colours": lines(
        f"{GREEN}{TIME}{RESET} {CYAN}{STREAM}{RESET}",
        WIDE,
        f"{GREEN}{TIME}{RESET} {STREAM} {QUIET}",
    ),
    "base64 a line": lines(packed(GOOD), packed(QUIET)),
    "base64 of lines that end": lines(packed(GOOD + "\n"), packed(QUIET + "\n")),
    "gzip in base64 a line": lines(zipped(GOOD), zipped(QUIET)),
    "base64 over lines": base64.encodebytes(lines(GOOD, QUIET).encode()).decode(),
    "base64 in one": packed(lines(GOOD, QUIET)),
    "a text a line": lines(json.dumps(GOOD), json.dumps(QUIET)),
    "a text a line, CRLF": lines(json.dumps(GOOD), json.dumps(QUIET)).replace("\n", "\r\n"),
    "texts of JSON": lines(json.dumps(json.dumps(ROW)), json.dumps(QUIET)),
    "texts in base64": lines(json.dumps(packed(GOOD)), json.dumps(packed(QUIET))),
    "filter-log-events as text": table(GOOD, QUIET),
    "get-log-events as text": page(GOOD, QUIET),
    "records of events": json.dumps({"Records": [{"message": GOOD}, {"message": QUIET}]}),
    "records of texts": json.dumps({"Records": [GOOD, QUIET]}),
    "events of texts": json.dumps({"events": [GOOD, QUIET]}, indent=2),
    "OCSF in events": json.dumps({"events": [OCSF, {"message": QUIET}]}),
    "OCSF in Records": json.dumps({"Records": [OCSF, ROW | {"bytes": None, "srcaddr": None}]}),
    "records in records": json.dumps({"records": [ROW, {"message": QUIET}]}),
}
OTHERS = {"JSON of tail": [4249]}


def outcome(place: Path, text: str) -> Outcome:
    path = place / "x"
    path.write_bytes(text.encode())
    return read(path)


@pytest.mark.parametrize("case", PRINTED)
def test_what_is_printed_around_records_is_no_hindrance(case, tmp_path):
    found = outcome(tmp_path, PRINTED[case])
    assert [row["bytes"] for row in found.rows] == OTHERS.get(case, [4249, None])
    assert found.counts.malformed == 2 - found.counts.records
    assert found.counts.adds_up


def test_an_event_of_a_table_that_comes_again_is_a_repeat_and_other_lines_are_malformed(tmp_path):
    found = outcome(tmp_path, table(GOOD, QUIET) + table(GOOD, "x") + "something else\n")
    assert (found.counts.records, found.counts.repeats, found.counts.malformed) == (2, 1, 2)


def test_a_colour_behind_the_first_line_is_a_malformed_line(tmp_path):
    found = outcome(tmp_path, lines(GOOD, f"{GREEN}{GOOD}"))
    assert (found.counts.records, found.counts.malformed) == (1, 1)


def test_colours_are_taken_off_wherever_a_piece_is_cut():
    text = PRINTED["tail in colours"].encode()
    whole = b"".join(printed.plain([text]))
    assert b"\x1b" not in whole
    for cut in range(len(text)):
        assert b"".join(printed.plain([text[:cut], text[cut:]])) == whole


def test_arrays_within_arrays_are_opened_so_far_and_no_further(tmp_path):
    value = ROW
    for _ in range(300):
        value = {"Records": [ROW, value]}
    with pytest.raises(NoInputError, match="packed more than 6 times"):
        outcome(tmp_path, json.dumps(value))
