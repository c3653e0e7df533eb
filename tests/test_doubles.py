"""Two flow logs over the same ENIs: it is said, and `dedupe` counts once what both hold."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from commands import command
from reading import DEFAULT_HEADER

import flowlens as fl
from flowlens.pipeline import doubles

ALL, BOTH = "fl-0aaaaaaaaaaaaaaa1", "fl-0bbbbbbbbbbbbbbb2"
START = 1_764_547_200
RICH = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes"
RICH += " start end action log-status vpc-id"


def record(
    number: int = 0, *, eni: str = "eni-1", action: str = "REJECT", start: int = START,
    seconds: int = 30, version: int = 2,
) -> str:  # fmt: skip
    flow = f"203.0.113.{number} 10.20.1.5 51000 22 6 3 180"
    return f"{version} 111122223333 {eni} {flow} {start} {start + seconds} {action} OK"


def quiet(eni: str = "eni-1") -> str:
    return f"2 111122223333 {eni} - - - - - - - {START + 60} {START + 90} - NODATA"


def deliver(
    place: Path, log: str, *lines: str, header: str = DEFAULT_HEADER, at: str = "20251201T0005Z"
) -> Path:
    """An object as AWS names it."""
    place.mkdir(exist_ok=True)
    path = place / f"111122223333_vpcflowlogs_us-east-1_{log}_{at}_{len(list(place.iterdir()))}.log"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def as_parquet(path: Path) -> None:
    frame = fl.read(path).sql("select * from flows").polars()
    frame.write_parquet(path.with_suffix(".log.parquet"))
    path.unlink()


def as_gzip(path: Path) -> None:
    path.with_suffix(".log.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def kept(place: Path, **options) -> tuple[int, int, int]:
    """Records of an answer, and what the account says of records and repeats."""
    flows = fl.read(place, dedupe=True, **options)
    answer = flows.sql("select count(*) as n from flows")
    total = answer.account.total
    assert total.adds_up
    assert all(source.counts.adds_up for source in answer.account.sources)
    return answer.arrow()["n"][0].as_py(), total.records, total.repeats


@pytest.mark.parametrize("second", [None, as_gzip, as_parquet])
@pytest.mark.parametrize("first", [None, as_parquet])
def test_what_two_flow_logs_hold_counts_once(first, second, tmp_path):
    lines = [record(1), record(2, action="ACCEPT"), quiet()]
    for log, turned in ((ALL, first), (BOTH, second)):
        path = deliver(tmp_path / "in", log, *lines)
        if turned:
            turned(path)
    assert kept(tmp_path / "in") == (3, 3, 3)
    assert fl.read(tmp_path / "in").arrow().num_rows == 6


FIRST = [record(1), record(2, action="ACCEPT")]
CASES = {
    "one logs rejects alone": (FIRST, [record(1)], (2, 2, 1), 1),
    "one logs accepts alone, one rejects": ([FIRST[0]], [FIRST[1]], (2, 2, 0), None),
    "what one holds twice stays twice": ([record(1)] * 2, [record(1)] * 2, (2, 2, 2), 2),
    "and twice in one, once in the other": ([record(1)] * 2, [record(1)], (2, 2, 1), 1),
    "another aggregation interval": (
        [record(1), record(1, start=START + 60)], [record(1, seconds=600)], (3, 3, 0), 0),
    "other ENIs": ([record(1)], [record(1, eni="eni-2")], (2, 2, 0), None),
    "another hour": ([record(1)], [record(1, start=START + 3600)], (2, 2, 0), None),
    "they overlap in part": (
        [record(1), record(2)], [record(2), record(3)], (3, 3, 1), 1),
    "one ENI of two": (
        [record(1), record(1, eni="eni-2")], [record(1), record(1, eni="eni-3")], (3, 3, 1), 1),
    "nothing but silence": ([quiet()], [quiet()], (1, 1, 1), 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_only_what_is_the_same_counts_once(case, tmp_path):
    first, second, expected, same = CASES[case]
    deliver(tmp_path / "in", ALL, *first)
    deliver(tmp_path / "in", BOTH, *second)
    assert kept(tmp_path / "in") == expected
    found = fl.read(tmp_path / "in").check().account.overlap
    assert (None if found is None else found.same) == same


def test_check_and_the_report_say_what_it_does_to_sums(tmp_path):
    for log in (ALL, BOTH):
        deliver(tmp_path / "in", log, record(1), record(2), quiet())
    said = f"2 flow logs ({ALL}, {BOTH}) log the same ENIs (eni-1): 3 of 6 records compared repeat"
    for format in ("table", "markdown", "json"):
        for name in ("check", "report"):
            out = command(name, tmp_path / "in", "-f", format).stdout.decode()
            if (name, format) == ("check", "json"):
                assert json.loads(out)["overlap"] == {
                    "flow_logs": [ALL, BOTH], "enis": 1, "records_compared": 6, "repeats": 3,
                }  # fmt: skip
            else:
                assert said in " ".join(out.replace("\\", "").split())
            deduped = command(name, tmp_path / "in", "-f", format, "--dedupe").stdout.decode()
            assert "log the same ENIs" not in deduped
    assert "3 repeated records counted once" in deduped


def test_records_that_cannot_be_matched_are_said_with_dedupe_too(tmp_path):
    deliver(tmp_path / "in", ALL, record(1))
    deliver(tmp_path / "in", BOTH, record(1, seconds=600))
    for options in ((), ("--dedupe",)):
        out = command("check", tmp_path / "in", *options).stdout.decode()
        assert "none is the same" in " ".join(out.split())


def test_the_fuller_of_two_records_is_kept_in_its_place(tmp_path):
    plain = [record(1), record(2)]
    rich = [f"{line} vpc-1" for line in (record(1, version=3), record(2, version=3))]
    deliver(tmp_path / "in", ALL, *plain, record(3))
    deliver(tmp_path / "in", BOTH, *rich, header=RICH)
    rows = fl.read(tmp_path / "in", dedupe=True).sql("select srcaddr, vpc_id from flows").arrow()
    assert rows.to_pylist() == [
        {"srcaddr": "203.0.113.3", "vpc_id": None},
        {"srcaddr": "203.0.113.1", "vpc_id": "vpc-1"},
        {"srcaddr": "203.0.113.2", "vpc_id": "vpc-1"},
    ]


def test_a_flow_log_of_itself_repeats_nothing(tmp_path):
    """Objects of one flow log, and what has no id in its name, are taken as they are."""
    for name in ("a", "b"):
        deliver(tmp_path / "in", ALL, record(1), at=f"20251201T000{ord(name) - 96}Z")
    (tmp_path / "in/export.log").write_text(f"{DEFAULT_HEADER}\n{record(1)}\n")
    assert kept(tmp_path / "in") == (3, 3, 0)
    assert fl.read(tmp_path / "in").check().account.overlap is None


def test_window_filters_and_every_question_hold_after_it(tmp_path):
    lines = [record(number, action="ACCEPT" if number % 2 else "REJECT") for number in range(40)]
    for log in (ALL, BOTH, "fl-0ccc"):
        deliver(tmp_path / "in", log, *lines, "broken", record(99, eni=f"eni-{log}"))
    asked = (tmp_path / "in", "--dedupe", "-f", "csv")
    done = command("query", "action_totals", *asked, "--ip", "203.0.113.0/29", "--quarantine",
                   tmp_path / "bad.jsonl")  # fmt: skip
    assert done.stdout.splitlines()[1:] == [b"ACCEPT,4,12,720,1,4", b"REJECT,4,12,720,1,4"]
    assert len((tmp_path / "bad.jsonl").read_text().splitlines()) == 3
    assert b"3 of 129 lines malformed" in done.stderr
    assert command("check", tmp_path / "in", "--dedupe", "--strict").returncode == 4
    assert kept(tmp_path / "in") == (43, 43, 80)
    assert kept(tmp_path / "in", where="bytes > 1000")[0] == 0
    command("convert", tmp_path / "in", "--dedupe", "-q", "-o", tmp_path / "out")
    assert fl.read(tmp_path / "out").arrow().num_rows == 43
    assert command("scanners", tmp_path / "in", "--dedupe", "-q").returncode == 0
    assert command("show", "203.0.113.1", tmp_path / "in", "--dedupe", "-q").returncode == 0


def test_of_many_objects_some_hours_are_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(doubles, "COMPARED", 8)
    for hour in range(6):
        for log in (ALL, BOTH):
            if (log, hour) != (BOTH, 0):
                deliver(tmp_path / "in", log, record(hour), record(hour + 9),
                        at=f"20251201T0{hour}05Z")  # fmt: skip
    found = fl.read(tmp_path / "in").check().account.overlap
    assert found is not None
    assert (found.logs, found.records, found.same) == ((ALL, BOTH), 8, 4)


def test_what_stands_in_a_line_is_harmless_on_the_page(tmp_path):
    for log in (ALL, BOTH):
        deliver(tmp_path / "in", log, record(1, eni="eni-<b>|"))
    html = fl.read(tmp_path / "in").check()._repr_html_()
    assert "log the same ENIs (eni-&lt;b&gt;|)" in html
    page = command("check", tmp_path / "in", "-f", "markdown").stdout.decode()
    assert "log the same ENIs (eni-\\<b\\>" in page
