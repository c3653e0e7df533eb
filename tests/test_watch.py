"""What a run leaves behind for whoever watches it: a log of JSON lines, and metrics."""

from __future__ import annotations

import doctest
import json
import os
import stat
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowlens.batch import jsonline
from flowlens.batch.watch import metrics
from flowlens.batch.watch.log import Log
from flowlens.batch.watch.metrics import Metrics
from flowlens.batch.watch.quarantine import Quarantine
from flowlens.core.errors import ExitCode, FlowlensError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

FULL = Metrics(
    job="rejects",
    records=2**53 + 1,
    malformed=7,
    objects=1_000_000,
    objects_unreadable=1,
    lag_seconds=5400.5,
    run_duration_seconds=0.25,
    run_records=0,
    last_success_timestamp_seconds=1_795_435_200.0,
    last_run_timestamp_seconds=1_795_438_800.0,
    last_run_exit_code=ExitCode.FAILED,
    intervals_published=12,
    alerts_pending=3,
)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("module", [jsonline, metrics])
def test_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_a_log_has_the_time_the_run_the_event_and_the_facts(tmp_path):
    path = tmp_path / "run.jsonl"
    log = Log(path, "r1")
    log.say("begins")
    log.say(
        "read",
        object=tmp_path / "a.log",
        records=3,
        took=timedelta(seconds=1.5),
        until=NOON,
        day=date(2026, 11, 23),
        share=float("inf"),
        total=Decimal("9007199254740993"),
        reasons={"field_count": 1},
        intervals=("a", None, True),
        code=ExitCode.LOCKED,
    )
    first, second = lines(path)
    moment = datetime.fromisoformat(first.pop("time"))
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert moment.tzinfo == UTC
    assert first == {"run": "r1", "event": "begins"}
    del second["time"]
    assert second == {
        "run": "r1",
        "event": "read",
        "object": str(tmp_path / "a.log"),
        "records": 3,
        "took": 1.5,
        "until": "2026-11-23T12:00:00Z",
        "day": "2026-11-23",
        "share": None,
        "total": 9007199254740993,
        "reasons": {"field_count": 1},
        "intervals": ["a", None, True],
        "code": 75,
    }


def test_facts_take_no_place_of_the_head(tmp_path):
    path = tmp_path / "run.jsonl"
    Log(path, "r1").say("read", run="other", time="never")
    (line,) = lines(path)
    assert line["run"] == "r1"
    assert line["time"] != "never"
    assert list(line) == ["time", "run", "event"]


def test_hostile_texts_stay_on_their_line_and_come_back_exactly(tmp_path):
    path = tmp_path / "run.jsonl"
    hostile = 'a"b\n\x1b[31m\u202e\udc80 é \u2028'
    Log(path, "r1").say("read", name=hostile, **{hostile: 1})
    raw = path.read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == 1
    (line,) = lines(path)
    assert line["name"] == hostile
    assert line[hostile] == 1


def test_runs_share_a_log_without_mixing_their_lines(tmp_path):
    path = tmp_path / "run.jsonl"

    def run(name: str) -> None:
        log = Log(path, name)
        for number in range(100):
            log.say("read", number=number, text="x" * 500)

    threads = [threading.Thread(target=run, args=(f"r{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("r0", "r1", "r2", "r3"):
        assert [one["number"] for one in lines(path) if one["run"] == name] == list(range(100))


def test_a_line_that_broke_off_is_ended_before_the_next(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text('{"time": "2026')
    Log(path, "r2").say("begins")
    broken, whole = path.read_text().splitlines()
    assert broken == '{"time": "2026'
    assert json.loads(whole)["run"] == "r2"


@pytest.mark.parametrize("place", ["missing/run.jsonl", "."])
def test_a_log_that_cannot_be_written_is_said_once_and_fails_nothing(tmp_path, capsys, place):
    log = Log(tmp_path / place, "r1")
    log.say("begins")
    log.say("ends")
    out, err = capsys.readouterr()
    assert not out
    (line,) = err.splitlines()
    assert str(tmp_path / place) in line
    assert "goes on without its log" in line


def test_a_full_disk_costs_the_log_alone(tmp_path, monkeypatch):
    said: list[str] = []
    log = Log(tmp_path / "log", "r1", warn=said.append)
    monkeypatch.setattr(jsonline.os, "write", lambda descriptor, content: 0)
    log.say("begins")
    log.say("ends")
    assert len(said) == 1
    assert "No space left" in said[0]


@pytest.mark.parametrize("what", ["fifo", "/dev/null", "/dev/full", "/dev/zero"])
def test_a_log_or_a_quarantine_that_is_no_regular_file_is_refused_and_never_waited_for(
    what, tmp_path
):
    place = tmp_path / what
    if what == "fifo":
        os.mkfifo(place)
    said: list[str] = []
    log = Log(place, "r1", warn=said.append)
    log.say("begins")
    log.say("ends")
    quarantine = Quarantine(place, warn=said.append)
    for _ in "ab":
        with quarantine.collecting():
            pass
    assert len(said) == 2
    assert f"{place}: no regular file; the run goes on without its log" in said[0]
    assert f"{place}: no regular file; the run goes on without its quarantine" in said[1]


def test_no_log_is_kept_where_none_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Log(None, "r1").say("begins")
    assert not list(tmp_path.iterdir())


def test_metrics_are_what_prometheus_reads(tmp_path):
    path = tmp_path / "flowlens.prom"
    metrics.write(path, FULL)
    families = list(text_string_to_metric_families(path.read_text()))
    read = {}
    for family in families:
        (sample,) = family.samples
        assert sample.labels == {"job": "rejects"}
        assert family.documentation.endswith(".")
        assert family.type == ("counter" if sample.name.endswith("_total") else "gauge")
        read[sample.name] = sample.value
    assert read == {
        "flowlens_records": 2**53 + 1,
        "flowlens_malformed": 7,
        "flowlens_objects": 1_000_000,
        "flowlens_objects_unreadable": 1,
        "flowlens_lag_seconds": 5400.5,
        "flowlens_run_duration_seconds": 0.25,
        "flowlens_run_records": 0,
        "flowlens_last_success_timestamp_seconds": 1_795_435_200,
        "flowlens_last_run_timestamp_seconds": 1_795_438_800,
        "flowlens_last_run_exit_code": 1,
        "flowlens_intervals_published": 12,
        "flowlens_alerts_pending": 3,
    }


def test_what_has_no_value_yet_has_no_line():
    text = metrics.text(Metrics(job="rejects", last_run_exit_code=1))
    assert "last_run_exit_code" in text
    assert "last_success" not in text
    assert "None" not in text


def test_a_label_is_read_back_as_it_was():
    hostile = 'a"b\\n\\c\nd{e="f"} 1'
    (family,) = text_string_to_metric_families(metrics.text(Metrics(job=hostile, alerts_pending=1)))
    (sample,) = family.samples
    assert sample.labels == {"job": hostile}


def test_metrics_are_replaced_whole_and_stay_readable_for_others(tmp_path):
    path = tmp_path / "flowlens.prom"
    path.write_text("old\n")
    path.chmod(0o644)
    before = path.stat().st_ino
    metrics.write(path, FULL)
    status = path.stat()
    assert status.st_ino != before
    assert stat.S_IMODE(status.st_mode) == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["flowlens.prom"]


@pytest.mark.parametrize("place", ["missing/flowlens.prom", "."])
def test_metrics_that_cannot_be_written_are_one_line(tmp_path, place):
    with pytest.raises(FlowlensError) as caught:
        metrics.write(tmp_path / place, FULL)
    assert str(tmp_path / place) in str(caught.value)
    assert "[watch]" in str(caught.value)
    assert "with -o" not in str(caught.value)
    assert str(caught.value).count(str(tmp_path)) == 1
