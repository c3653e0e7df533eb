"""The report: its numbers add up, every format shows the same ones, and it says what it can't know.

The golden screens are written anew by `FLOWLENS_GOLDEN=write pytest tests/test_report.py`; read
the difference before it is kept.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from flowlens.answers.report.gather import CLASSES, QUERIES, gather
from flowlens.answers.report.model import Report
from flowlens.answers.report.page import page
from flowlens.inputs.find import find
from flowlens.output.formats import Format
from flowlens.pipeline.run import Inputs
from flowlens.records.filter import Filter, build_filter

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures" / "report"
GOLDEN = ROOT / "tests" / "golden" / "report"
NOW = datetime(2026, 11, 23, 3, 2, 10, tzinfo=UTC)
ESCAPES = re.compile("\x1b\\[[0-9;]*m")
TOPS = (
    "refused_by_class",
    "refused_pairs",
    "rejected_by_eni_port",
    "rejected_by_port",
    "rejected_by_source",
)


def report_on(
    *names: str, rows: int = 10, chosen: Filter | None = None, window: str = ""
) -> Report:
    inputs = Inputs(find(names), None, chosen or Filter())
    report = gather(inputs, rows=rows, as_of=NOW, window=window)
    return replace(report, made=replace(report.made, version="0.0.0"))


def report_of(name: str, **options: Any) -> Report:
    return report_on(f"fixtures/report/{name}.log", **options)


def screen(report: Report, width: int | None = None) -> str:
    return page(report, Format.TABLE, width=width)


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def outage() -> Report:
    os.chdir(ROOT)
    return report_of("outage")


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("FLOWLENS_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.log")))
def test_the_screen_is_the_golden_one(name: str) -> None:
    golden(f"{name}.txt", screen(report_of(name)))


def test_the_other_formats_are_the_golden_ones(outage: Report) -> None:
    golden("outage-140.txt", screen(outage, 140))
    golden("outage.md", page(outage, Format.MARKDOWN, width=None))
    golden("outage.json", page(outage, Format.JSON, width=None))


def test_accepts_rejects_and_records_without_action_add_up_to_the_records_with_traffic(
    outage: Report,
) -> None:
    totals = outage.totals
    assert totals.accept + totals.reject + totals.other == outage.read.ok == totals.records


def test_the_classes_add_up_to_the_rejects(outage: Report) -> None:
    for query in ("refused_by_class", "refused_pairs"):
        sums = [outage.parts[f"{query}.{name}"].records for name in CLASSES]
        assert sum(sums) == outage.totals.reject


@pytest.mark.parametrize("rows", [1, 3, 10, 0])
def test_every_top_and_its_others_add_up_to_the_rejects(rows: int) -> None:
    report = report_of("outage", rows=rows)
    for query in TOPS:
        section = report.sections[query]
        shown = sum(row["records"] for row in section.top)
        assert shown + section.other_records == section.records == report.totals.reject
        assert len(section.top) + section.others == section.rows
        if rows == 0:
            assert section.others == section.other_records == 0
        else:
            assert len(section.top) <= rows


def test_the_timeline_holds_every_record_with_traffic(outage: Report) -> None:
    times = outage.timeline
    assert sum(times.reject) == outage.totals.reject
    assert sum(times.accept) == outage.totals.accept


def test_lines_and_records_add_up(outage: Report) -> None:
    read = outage.read
    known = read.records + read.headers + read.blanks + read.malformed + read.repeats
    assert read.lines == known
    assert read.records == read.ok + read.nodata + read.skipdata


def test_the_outage_that_worked_before_comes_first(outage: Report) -> None:
    kinds = [finding.kind for finding in outage.look_first]
    assert kinds == [
        "internal_worked",
        "answered",
        "replies",
        "outbound",
        "step",
        "skipdata",
        "gaps",
        "inbound",
    ]
    first = outage.look_first[0]
    assert (first.facts["srcaddr"], first.facts["dstaddr"]) == ("10.0.3.7", "10.0.9.4")
    assert (first.records, first.facts["dstport"]) == (108, 5432)
    assert "refused at eni-0db10db10db10db10" in first.text


def test_what_the_sender_alone_let_out_did_not_work_before(tmp_path: Path) -> None:
    ends = "10.90.1.10 10.90.9.4 {} 5432 6 3 180 {} {}"
    log = [
        f"2 111122223333 {eni} {ends.format(40_000 + n, start, start + 20)} {action} OK"
        for n, at in enumerate(range(1_764_547_200, 1_764_547_900, 60))
        for eni, start, action in (("eni-aa", at, "ACCEPT"), ("eni-dd", at + 1, "REJECT"))
    ]
    place = tmp_path / "sender.log"
    place.write_text("\n".join(log) + "\n")
    first = report_on(str(place)).look_first[0]
    assert (first.kind, first.facts["worked_before"]) == ("internal", False)
    assert first.text.endswith("12 refused at eni-dd since 00:00, no answer seen before")


def test_the_step_is_found_where_the_outage_begins_and_says_what_drives_it(outage: Report) -> None:
    step = next(finding for finding in outage.look_first if finding.kind == "step")
    assert step.facts["at"] == datetime(2026, 11, 23, 2, 18, tzinfo=UTC)
    assert "10.0.3.7 → 10.0.9.4 5432/tcp" in step.text


def test_the_json_has_its_stable_keys_and_the_screens_numbers(outage: Report) -> None:
    data = json.loads(page(outage, Format.JSON, width=None))
    assert list(data) == [
        "read",
        "log",
        "totals",
        "timeline",
        "look_first",
        "sections",
        "scanners",
        "made",
    ]
    assert {*QUERIES} - {"timeline", "coverage"} == {*data["sections"]}
    assert data["read"]["malformed"] == 1
    assert data["log"]["capture"] == {"all": 3, "rejects": 0, "accepts": 0, "unknown": 1}
    assert data["timeline"]["step"]["at"] == "2026-11-23T02:18:00Z"
    text = screen(outage, 140)
    for row in data["sections"]["rejected_by_port"]["top"]:
        line = next(line for line in text.splitlines() if line.startswith(f"{_port(row)} "))
        assert f" {row['records']:,}" in line
        assert f" {row['percent']:.1f}" in line
        assert f" {row['cumulative_percent']:.1f}" in line


def _port(row: dict[str, Any]) -> str:
    names = {1: "icmp", 6: f"{row['dstport']}/tcp", 17: f"{row['dstport']}/udp"}
    return names[row["protocol"]]


def test_markdown_and_the_wide_screen_hold_the_same_cells(outage: Report) -> None:
    wide = re.findall(r"\S+", screen(outage, 140))
    cells = set(re.findall(r"[\d,]+\.?\d*", page(outage, Format.MARKDOWN, width=None)))
    numbers = {word for word in wide if re.fullmatch(r"[\d,]+\.\d", word)}
    assert numbers
    assert numbers <= cells


@pytest.mark.parametrize("width", [None, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_screen(outage: Report, width: int | None) -> None:
    for line in screen(outage, width).splitlines():
        assert cell_len(line) <= min(width or 80, 140)


def test_colour_changes_no_word(outage: Report) -> None:
    plain = page(outage, Format.TABLE, width=100)
    coloured = page(outage, Format.TABLE, width=100, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert ESCAPES.sub("", coloured) == plain


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("empty", "no record: the input is empty"),
        ("header_only", "no record: 1 header and nothing beneath"),
        ("nodata_only", "no record with traffic: 3 NODATA, 0 SKIPDATA"),
        ("malformed_only", "no record: both lines with content are malformed"),
        ("accepts_few", "none were refused, or the log holds accepts alone"),
        ("accepts_only", "refusals can't be seen in it"),
        ("rejects_only", "REJECT 4 records with traffic, and no ACCEPT at all"),
    ],
)
def test_what_can_not_be_known_is_said(name: str, sentence: str) -> None:
    assert sentence in " ".join(screen(report_of(name)).split())


def test_a_log_of_rejects_alone_says_what_it_can_not_show() -> None:
    report = report_of("rejects_only")
    text = " ".join(screen(report).split())
    assert "the log holds rejects alone: answers, sessions" in text
    assert "whether anyone was answered can't be seen here" in text
    assert "100.0%)" not in text


def test_a_filter_by_content_says_that_the_log_is_judged_from_what_passes() -> None:
    report = report_of("outage", chosen=build_filter(port=22, now=NOW))
    text = " ".join(screen(report).split())
    assert "filtered by content" in text
    assert "pass the filter" in text
    assert not report.log.judged
    assert "NODATA anywhere" not in text


def test_a_filter_on_rejects_is_not_mistaken_for_a_log_of_rejects() -> None:
    text = " ".join(screen(report_of("outage", chosen=build_filter(action="REJECT"))).split())
    assert "REJECT 156 records with traffic, of 294 read" in text
    assert "no ACCEPT" not in text
    assert "the log holds rejects alone" not in text


def test_records_without_an_interface_or_an_action_are_counted_and_said(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_text(
        "version resource-type account-id tgw-id srcaddr dstaddr srcport dstport protocol packets "
        "bytes start end log-status\n"
        "6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.1 50000 443 6 1 40 1795399200 "
        "1795399250 OK\n"
    )
    (tmp_path / "nat.log").write_text(
        "2 111122223333 - 203.0.113.9 10.1.0.1 50000 443 6 1 40 1795399200 1795399250 REJECT OK\n"
    )
    report = report_on(str(tmp_path))
    assert (report.totals.other, report.totals.reject, report.totals.records) == (1, 1, 2)
    text = " ".join(screen(report).split())
    assert "1 transit gateway record with traffic is in no ACCEPT or REJECT number" in text
    assert "no ENI in 1 record with traffic" in text
    assert "no action in" not in text
    for kind in Format.MARKDOWN, Format.JSON:
        assert "None" not in page(report, kind, width=None)
    assert "None" not in text


GATEWAY = (
    "version resource-type account-id tgw-id srcaddr dstaddr srcport dstport protocol packets "
    "bytes start end log-status\n"
)


def test_a_gateways_records_have_no_part_in_a_share_of_the_refused(tmp_path: Path) -> None:
    whole = report_of("outage")
    (tmp_path / "outage.log").write_bytes((FIXTURES / "outage.log").read_bytes())
    later = 1795399200 + 30 * 86_400
    (tmp_path / "tgw.log").write_text(
        GATEWAY
        + "6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.1 5 443 6 1 40 1795399200 "
        + f"{later} OK\n"
        + f"6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.1 5 443 6 1 40 {later} {later} OK\n"
        + f"6 TransitGateway 111122223333 tgw-1 - - - - - - - {later} {later} SKIPDATA\n"
    )
    mixed = report_on(str(tmp_path))
    assert (mixed.totals.accept, mixed.totals.reject) == (whole.totals.accept, whole.totals.reject)
    assert (mixed.totals.other, mixed.totals.gateway) == (2, 2)
    for name in ("enis", "gaps", "refused_by_class", "rejected_by_source", "refused_replies"):
        assert mixed.sections[name] == whole.sections[name]
    data, before = (json.loads(page(report, Format.JSON, width=None)) for report in (mixed, whole))
    assert data["totals"]["reject_percent"] == before["totals"]["reject_percent"]
    assert data["totals"]["transit_gateway"] == data["totals"]["no_action"] == 2
    assert data["log"]["skipdata"]["records"] == before["log"]["skipdata"]["records"] + 1
    text = screen(mixed)
    assert f"REJECT 156 of {whole.totals.acted} records with an action" in text
    assert "2 transit gateway records with traffic are in no ACCEPT or REJECT" in text


def test_the_chart_has_room_for_records_that_no_eni_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outage.log").write_bytes((FIXTURES / "outage.log").read_bytes())
    later = 1795399200 + 30 * 86_400
    (tmp_path / "tgw.log").write_text(
        GATEWAY
        + f"6 TransitGateway 111122223333 tgw-1 10.0.0.1 10.1.0.1 5 443 6 1 40 {later} {later} OK\n"
    )
    monkeypatch.chdir(tmp_path)
    report = report_on(".")
    assert report.last == datetime.fromtimestamp(later, UTC)
    assert all(cell_len(line) <= 80 for line in screen(report).splitlines())


def test_records_of_a_format_without_an_action_are_said_to_have_none(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        "interface-id srcaddr dstaddr dstport protocol start end log-status\n"
        "eni-1 203.0.113.9 10.0.0.5 22 6 1795399200 1795399250 OK\n"
    )
    report = report_on(str(tmp_path))
    assert (report.totals.other, report.totals.gateway) == (1, 0)
    text = " ".join(screen(report).split())
    assert "no action in 1 record with traffic: in no ACCEPT or REJECT number" in text
    assert "1 record with traffic, none with an action" in text
    assert "transit gateway" not in text


def test_what_a_filter_leaves_of_nodata_and_skipdata_is_counted(tmp_path: Path) -> None:
    (tmp_path / "tgw.log").write_text(
        GATEWAY
        + "6 TransitGateway 111122223333 tgw-1 - - - - - - - 1795399200 1795399260 SKIPDATA\n"
        + "6 TransitGateway 111122223333 tgw-1 - - - - - - - 1795399260 1795399320 NODATA\n"
        + "6 TransitGateway 111122223333 tgw-1 - - - - - - - 1795399320 1795399380 NODATA\n"
    )
    since = build_filter(since=datetime.fromtimestamp(1795399200, UTC))
    log = report_on(str(tmp_path), chosen=since).log
    assert (log.nodata, log.skipdata) == (2, 1)


def test_a_log_without_packets_and_bytes_has_a_report(tmp_path: Path) -> None:
    kept = [2, 3, 4, 5, 6, 7, 10, 11, 12, 13]
    lines = [line.split() for line in (FIXTURES / "outage.log").read_text().splitlines()]
    whole = [" ".join(line[place] for place in kept) for line in lines if len(line) == 14]
    (tmp_path / "short.log").write_text("\n".join(whole) + "\n")
    report = report_on(str(tmp_path))
    assert report.totals.reject == 156
    assert "None" not in screen(report, 140)


def test_a_window_that_nothing_passes_says_what_the_data_spans() -> None:
    chosen = build_filter(since="24h", now=datetime(2027, 1, 1, tzinfo=UTC))
    report = report_of("outage", chosen=chosen, window="24h")
    text = " ".join(screen(report).split())
    assert "0 of 294 records pass the window and the filter" in text
    assert "2026-11-23T02:00:00Z to 2026-11-23T02:30:00Z" in text
    assert "24h, counted back from the time of the report" in text


def test_what_passes_a_window_is_counted_by_itself() -> None:
    chosen = build_filter(since="2026-11-23T02:10:00Z", until="2026-11-23T02:20:00Z")
    report = report_of("outage", chosen=chosen)
    assert report.read.records == 294
    assert report.read.selected == report.totals.records + report.log.nodata + report.log.skipdata
    assert report.log.skipdata == 1
    assert report.log.nodata < report.read.nodata


def test_a_source_that_breaks_off_is_named(tmp_path: Path) -> None:
    whole = gzip.compress((FIXTURES / "outage.log").read_bytes())
    (tmp_path / "a.log.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.log").write_bytes((FIXTURES / "accepts_few.log").read_bytes())
    report = report_on(str(tmp_path))
    assert report.read.truncated.count == 1
    text = " ".join(screen(report, 140).split())
    assert "1 truncated input:" in text
    assert "a.log.gz" in text
    assert [finding.kind for finding in report.look_first if finding.kind == "inputs"]


def test_an_input_that_is_not_there_is_named_once() -> None:
    report = report_on("fixtures/report/outage.log", "no/such.log")
    assert report.read.unreadable.count == 1
    text = " ".join(screen(report, 140).split())
    assert text.count("no/such.log") == 2  # what can't be seen, and what to look at
    assert "1 unreadable input: no/such.log" in text


def test_text_of_strangers_does_nothing_on_a_terminal(tmp_path: Path) -> None:
    place = tmp_path / "a\x1b[31m\u202eb.log"
    place.write_bytes((FIXTURES / "outage.log").read_bytes())
    report = report_on(str(place))
    for kind in (Format.TABLE, Format.MARKDOWN, Format.JSON):
        text = page(report, kind, width=None)
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert json.loads(page(report, Format.JSON, width=None))["made"]["inputs"] == str(place)


def test_one_hash_means_the_same_list_of_inputs(outage: Report) -> None:
    assert outage.made.inputs_hash == report_of("outage", rows=3).made.inputs_hash
    assert outage.made.inputs_hash != report_of("rejects_only").made.inputs_hash
    assert re.fullmatch("[0-9a-f]{12}", outage.made.inputs_hash)
