"""Which layout a source has: given, of a default format, or behind what is printed before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import records
from commands import command
from reading import DEFAULT_HEADER, GOOD, Outcome, read

import flowlens as fl
from flowlens.core.errors import NoInputError, UsageError
from flowlens.records.layouts import DEFAULT, TRANSIT_GATEWAY, from_user

QUIET = "2 123456789012 eni-1 - - - - - - - 1418530010 1418530070 - NODATA"
GATEWAY, *_, GATEWAY_QUIET = records.lines(records.transit(1), records.TRANSIT_GATEWAY)[:23]
BAD = GOOD.replace("10.0.0.5", "10.0.0.1239")
TIME = "2018-09-22T20:28:14"


def outcome(place: Path, text: str, **question: object) -> Outcome:
    path = place / "x"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read(path, **question)


NO_JSON = {
    "a bracket": "[",
    "a bracket and more": "[2018-09-22] start",
    "a brace": "{",
    "a name in braces": "{version} {account-id}",
    "an array of numbers": "[1,2,3]",
    "an object of something else": '{"level": "info", "text": "log opened"}',
    "an array of something else": '[{"a": 1}]',
    "a broken event": '{"message": "2 1234',
    "an empty array": "[]",
}


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("case", NO_JSON)
def test_with_a_layout_a_line_that_begins_like_json_is_a_line_wherever_it_stands(
    case, step, tmp_path
):
    layout = from_user(DEFAULT_HEADER)
    lines = [NO_JSON[case], GOOD, QUIET]
    for number, start in enumerate(range(0, 3, step)):
        (tmp_path / f"{number}.log").write_text("\n".join(lines[start : start + step]))
    found = read(tmp_path, layout=layout)
    assert (found.counts.lines, found.counts.malformed, found.counts.records) == (3, 1, 2)
    assert [line.text for line in found.malformed] == lines[:1]
    assert [source.unreadable for source in found.account.sources] == [""] * (3 // step)


RECORD = "192.0.2.1 10.0.0.5 22 REJECT 1418530010"
EVENT = {"message": RECORD, "eventId": "1"}
WITH_A_LAYOUT = {
    "events": json.dumps({"events": [EVENT]}),
    "events that are printed over lines": "\n \n" + json.dumps({"events": [EVENT]}, indent=4),
    "a health check first": json.dumps({"messageType": "CONTROL_MESSAGE"}) + json.dumps(EVENT),
    "a page that is longer than what is looked at": json.dumps({"events": [EVENT] * 3000}),
    "an array of texts": json.dumps([RECORD]),
    "tabs between": f"{RECORD}\t{RECORD}\n",
    "a time and a stream": f"{TIME}+00:00 eni-1-all {RECORD}\n",
    "a time": f"{TIME} {RECORD}\n",
}


@pytest.mark.parametrize("case", WITH_A_LAYOUT)
def test_with_a_layout_what_holds_records_is_opened_as_before(case, tmp_path):
    layout = from_user("srcaddr dstaddr dstport action start")
    found = outcome(tmp_path, WITH_A_LAYOUT[case], layout=layout)
    assert {row["dstport"] for row in found.rows} == {22}
    assert found.counts.malformed == 0


@pytest.mark.parametrize(
    "text", ["${srcaddr} ${start}", "$${srcaddr} $${start}", "$$${srcaddr},start"]
)
def test_a_layout_may_be_written_as_terraform_escapes_it(text):
    assert from_user(text).columns == ("srcaddr", "start_time")


@pytest.mark.parametrize("text", ["$${src addr}", "$$ ${srcaddr}", "${srcaddr"])
def test_a_layout_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--layout"):
        from_user(text)


def test_the_default_formats_are_those_of_aws():
    assert len(DEFAULT.columns) == 14
    assert TRANSIT_GATEWAY.columns == from_user(" ".join(records.TRANSIT_GATEWAY)).columns


MIXED = {
    "transit gateways alone": ([GATEWAY, GATEWAY_QUIET], 0, 2),
    "transit gateways among VPCs": ([GOOD, GATEWAY, QUIET, GATEWAY_QUIET, GOOD], 3, 2),
    "VPCs behind transit gateways": ([GATEWAY, QUIET, GOOD, GATEWAY_QUIET], 2, 2),
    "many": ([GATEWAY, GOOD, GOOD] * 400, 800, 400),
    "VPCs long before": ([GOOD] * 300 + [GATEWAY] * 3, 300, 3),
    "untidy": ([f" {GATEWAY}\r", GOOD.replace(" ", "  "), GATEWAY.replace(" ", "\t")], 1, 2),
}


@pytest.mark.parametrize("before", ["", f"{TIME}.000Z ", f"{TIME}+00:00 tgw-attach-1-all "])
@pytest.mark.parametrize("case", MIXED)
def test_transit_gateways_and_vpcs_in_their_default_formats_need_no_header(case, before, tmp_path):
    lines, vpcs, gateways = MIXED[case]
    text = "".join(f"{before}{line}\n" for line in lines)
    found = outcome(tmp_path, text, columns=("resource_type", "tgw_id", "start_time", "version"))
    assert found.counts.malformed == 0
    assert found.counts.records == len(found.rows) == vpcs + gateways
    told = [row["tgw_id"] is not None for row in found.rows]
    assert told == ["TransitGateway" in line for line in lines]
    assert [row["version"] for row in found.rows] == [6 if gateway else 2 for gateway in told]
    assert "tgw_id" in found.account.columns
    assert not any(name.startswith("@") for name in found.account.columns)


def test_a_broken_line_is_judged_under_the_format_that_it_begins_as(tmp_path):
    cut = GATEWAY.removesuffix(" -")
    found = outcome(tmp_path, "\n".join([GOOD, cut, GATEWAY, BAD, "x"]))
    assert [line.detail for line in found.malformed] == [
        "35 fields where the layout has 36",
        "dstaddr 10.0.0.1239",
        "1 fields where the layout has 14",
    ]
    assert found.counts.records == 2


def test_a_layout_that_is_given_has_no_other_beside_it(tmp_path):
    found = outcome(tmp_path, f"{GOOD}\n{GATEWAY}\n", layout=from_user(DEFAULT_HEADER))
    assert [line.line for line in found.malformed] == [2]


def test_what_a_transit_gateway_lost_can_be_asked_for_and_converted_without_a_header(tmp_path):
    path = tmp_path / "tgw.log"
    path.write_text(f"{GOOD}\n{GATEWAY}\n")
    assert fl.read(path).query("tgw_drops").arrow().num_rows == 1
    assert command("convert", path, "-o", tmp_path / "out", "--quiet").returncode == 0
    rows = fl.read(tmp_path / "out").sql("select tgw_id from flows order by 1").arrow()
    assert rows["tgw_id"].null_count == 1


TAIL = {
    "detailed": f"{TIME}.123456+00:00 eni-1-all ",
    "detailed, whole seconds": f"{TIME}+00:00 eni-1-all ",
    "detailed, elsewhere": f"{TIME}.5-08:00 eni-1-all ",
    "short": f"{TIME} ",
    "an export": f"{TIME}.000Z ",
}


@pytest.mark.parametrize("case", TAIL)
def test_what_stands_before_each_record_is_passed_over(case, tmp_path):
    before = TAIL[case]
    found = outcome(tmp_path, f"{before}{GOOD}\r\n\n{before}{QUIET}\r\n{before}{BAD}\n{GOOD}\n")
    plain = outcome(tmp_path, f"{GOOD}\n{QUIET}\n")
    assert found.rows == plain.rows
    assert [(line.line, line.reason) for line in found.malformed] == [
        (4, "bad_address"),
        (5, "bad_value" if "stream" in before else "field_count"),
    ]
    assert found.counts.blanks == 1


NEARLY = {
    "an address": (BAD, "dstaddr 10.0.0.1239 (bad_address)"),
    "a port": (GOOD.replace(" 22 ", " 99999 "), "dstport 99999 (out_of_range)"),
    "an action": (GOOD.replace("REJECT", "DROP"), "action DROP (bad_value)"),
    "a time": (GOOD.replace("1418530010", "yesterday"), "start yesterday (bad_integer)"),
    "a status": (GOOD.replace(" OK", " FINE"), "log-status FINE (bad_value)"),
    "nothing": (GOOD.replace("REJECT", "-"), "action is missing (bad_value)"),
    "bytes": (f"{GOOD}\udce9", "byte 0xe9 (bad_encoding)"),
    "a transit gateway's": (
        GATEWAY.replace("10.1.1.1 ", "10.1.1 "),
        "srcaddr 10.1.1 (bad_address)",
    ),
    "behind a time": (f"{TIME}Z {BAD}", "dstaddr 10.0.0.1239 (bad_address)"),
}


@pytest.mark.parametrize("case", NEARLY)
def test_a_file_whose_only_line_has_a_bad_value_says_which(case, tmp_path):
    line, told = NEARLY[case]
    with pytest.raises(NoInputError, match="but for a value") as caught:
        outcome(tmp_path, f"{line}\n")
    assert f"but for a value: {told}; if it has other fields" in str(caught.value)


@pytest.mark.parametrize(
    "line", ["Dear diary", " ".join("abcdefghijklm7"), " ".join(sorted(GOOD.split()))]
)
def test_a_line_that_is_nothing_like_a_record_is_shown_as_it_is(line, tmp_path):
    with pytest.raises(NoInputError, match="no flow-log layout fits its first line"):
        outcome(tmp_path, line)
