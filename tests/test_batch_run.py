"""Runs of a job: what they read, what they publish and when, and what they leave alone."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from commands import command
from job_place import Place, at, line, place, quiet  # noqa: F401  # a fixture among them
from scan_world import several

import flowlens as fl
from flowlens.batch.job import Job
from flowlens.batch.jobfile import load
from flowlens.batch.plan import plan
from flowlens.batch.store import working
from flowlens.batch.upkeep import prune
from flowlens.inflow import Listener

LOGS = {
    "a.log": [line("23T10:00"), line("23T11:00", port=80), line("24T00:00"), quiet("23T12:00", "NODATA")],
    "b.log": [line("23T23:59"), line("24T10:00", src="192.0.2.9", action="ACCEPT")],
}  # fmt: skip


def fill(place: Place) -> None:
    for name, lines in LOGS.items():
        place.log(name, lines)


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(at(text), UTC)


def answer(place: Place, what: str, *options: object) -> bytes:
    """What a command says of the job's logs by themselves."""
    done = command(*what.split(), place.directory / "logs", "--quiet", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def times(place: Place) -> dict[str, int]:
    """When each published file was written."""
    out = place.directory / "out"
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.glob("*/*")}


def test_the_least_job_publishes_its_query_for_each_day(place):
    fill(place)
    place.job()
    ran = place.run()
    assert ran["published"] == ["2025-11-23", "2025-11-24"]
    assert (ran["new"], ran["records"], ran["exit_code"], ran["nothing_new"]) == (2, 6, 0, False)
    published = place.published()
    assert {*published} == {
        f"2025-11-{day}/{name}" for day in (23, 24) for name in ("rejected_by_port.csv", "run.json")
    }
    for day in (23, 24):
        window = ("--since", f"2025-11-{day}", "--until", f"2025-11-{day + 1}", "-f", "csv")
        expected = answer(place, "query rejected_by_port", *window)
        assert published[f"2025-11-{day}/rejected_by_port.csv"] == expected
        assert expected.count(b"\n") > 1


def test_run_json_says_what_an_interval_stands_on(place):
    fill(place)
    place.job()
    ran = place.run()
    told = place.told("2025-11-23")
    assert told["run"] == ran["run"]
    assert (told["job"], told["interval"], told["records"]) == ("rejects", "2025-11-23", 4)
    assert (told["start"], told["end"]) == ("2025-11-23T00:00:00Z", "2025-11-24T00:00:00Z")
    assert [(item["name"], item["records"]) for item in told["inputs"]] == [
        ("logs/a.log", 3),
        ("logs/b.log", 1),
    ]
    (output,) = told["outputs"]
    content = place.published()["2025-11-23/rejected_by_port.csv"]
    assert (output["bytes"], output["rows"]) == (len(content), 2)


def test_hours_are_published_by_their_hour(place):
    fill(place)
    place.job(interval='"1h"')
    assert place.run()["published"] == [
        "2025-11-23T10", "2025-11-23T11", "2025-11-23T12", "2025-11-23T23", "2025-11-24T00",
        "2025-11-24T10",
    ]  # fmt: skip
    window = ("--since", "2025-11-23T11", "--until", "2025-11-23T12", "-f", "csv")
    expected = answer(place, "query rejected_by_port", *window)
    assert place.published()["2025-11-23T11/rejected_by_port.csv"] == expected
    assert place.rows("2025-11-23T12/rejected_by_port.csv") == []
    assert place.told("2025-11-23T12")["records"] == 1


def test_with_nothing_new_nothing_is_published_and_the_run_says_so(place):
    fill(place)
    place.job()
    place.run()
    before = times(place)
    done = place.batch("run")
    assert b"nothing new" in done.stderr
    told = place.told()
    assert (told["nothing_new"], told["published"], told["unchanged"]) == (True, [], [])
    assert times(place) == before


def test_a_new_object_publishes_its_day_anew_and_no_other(place):
    fill(place)
    place.job()
    place.run()
    before = place.published()
    place.log("c.log", [line("24T12:00", port=443)])
    ran = place.run()
    assert (ran["new"], ran["published"], ran["unchanged"]) == (1, ["2025-11-24"], [])
    after = place.published()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"2025-11-24/rejected_by_port.csv", "2025-11-24/run.json"}
    rows = place.rows("2025-11-24/rejected_by_port.csv")
    assert [(row["dstport"], row["records"]) for row in rows] == [("22", "1"), ("443", "1")]


def test_a_changed_object_replaces_its_records(place):
    fill(place)
    place.job()
    place.run()
    place.log("a.log", [line("25T10:00", port=99)])
    ran = place.run()
    assert (ran["new"], ran["changed"], ran["records"]) == (0, 1, 1)
    assert ran["published"] == ["2025-11-23", "2025-11-24", "2025-11-25"]
    assert place.told("2025-11-23")["records"] == 1
    assert place.rows("2025-11-24/rejected_by_port.csv") == []
    assert [row["dstport"] for row in place.rows("2025-11-25/rejected_by_port.csv")] == ["99"]


def test_an_object_that_only_looks_changed_leaves_the_tables_as_they_are(place):
    fill(place)
    place.job()
    place.run()
    before = place.published()
    os.utime(place.directory / "logs/b.log", (1, 1))
    assert place.run()["changed"] == 1
    after = place.published()
    tables = [name for name in before if name.endswith(".csv")]
    assert [after[name] for name in tables] == [before[name] for name in tables]


def test_a_late_object_publishes_what_comes_after_it_only_where_the_job_looks_back(place):
    days = {f"{day}.log": [line(f"{day}T10:00")] for day in (20, 21, 22)}
    for name, lines in days.items():
        place.log(name, lines)
    for more, expected in ({}, ["2025-11-21"]), (
        {"summaries": '["totals"]'},
        ["2025-11-21", "2025-11-22"],
    ):
        place.job(**more)
        place.run("--since", "2025-11-01")
        late = place.log(f"late-{len(more)}.log", [line("21T11:00")])
        assert place.run()["published"] == expected
        assert late.exists()
    totals = place.rows("2025-11-22/totals.csv")
    assert [row["records"] for row in totals] == ["1", "3", "1"]
    assert [row["records"] for row in place.rows("2025-11-20/totals.csv")] == ["1"]


def test_an_interval_waits_for_late_records_until_it_is_published(place):
    fill(place)
    place.job(lateness='"2h"')
    assert place.run_at("25T01:59")["published"] == ["2025-11-23"]
    waiting = plan(load(place.file), moment("25T01:59"))
    assert (waiting.publish, waiting.waiting) == ((), ("2025-11-24",))
    assert place.run_at("25T01:59")["nothing_new"]
    assert plan(load(place.file), moment("25T02:00")).publish == ("2025-11-24",)
    assert place.run_at("25T02:00")["published"] == ["2025-11-24"]


def test_a_window_publishes_its_intervals_anew_and_no_others(place):
    for day in (20, 21, 22):
        place.log(f"{day}.log", [line(f"{day}T10:00")])
    place.job()
    place.run()
    place.job(formats='["csv", "json"]')
    ran = place.run("--since", "2025-11-21", "--until", "2025-11-22")
    assert ran["published"] == ["2025-11-21"]
    assert [name for name in place.published() if name.endswith(".json")] == [
        "2025-11-20/run.json", "2025-11-21/rejected_by_port.json", "2025-11-21/run.json",
        "2025-11-22/run.json",
    ]  # fmt: skip
    assert place.run("--since", "2025-11-21")["unchanged"] == ["2025-11-21"]
    assert place.run()["nothing_new"]


def test_what_was_removed_from_the_output_is_published_again(place):
    fill(place)
    place.job()
    place.run()
    before = place.published()
    for path in (place.directory / "out/2025-11-23").iterdir():
        path.unlink()
    (place.directory / "out/2025-11-23").rmdir()
    assert place.run()["published"] == ["2025-11-23"]
    after = place.published()
    name = "2025-11-23/rejected_by_port.csv"
    assert after[name] == before[name]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(place):
    fill(place)
    place.job()
    said = place.batch("run", "--dry-run").stdout.decode()
    assert said == place.batch("plan").stdout.decode()
    assert "new         2 objects" in said
    assert "logs/b.log" in said
    assert sorted(path.name for path in place.directory.iterdir()) == ["job.toml", "logs"]


def test_the_plan_tells_new_changed_and_waiting_apart(place):
    fill(place)
    place.job()
    place.run_at("24T10:00")
    place.log("b.log", [])
    place.log("c.log", [line("24T12:00")])
    told = json.loads(place.batch("plan", "--format", "json").stdout)
    assert told["objects"] == ["logs/b.log", "logs/c.log"]
    assert (told["listed"], told["new"], told["changed"], told["again"]) == (3, 1, 1, 0)
    assert (told["publish"], told["waiting"], told["missing"]) == (["2025-11-24"], [], [])
    assert told["bytes"] == sum(
        (place.directory / "logs" / name).stat().st_size for name in ("b.log", "c.log")
    )


def test_the_status_adds_up(place):
    place.job()
    assert b"nothing yet" in place.batch("status").stdout
    fill(place)
    place.log("bad.log", ["no record", line("23T10:00")])
    (place.directory / "logs/cut.log.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    place.run()
    told = json.loads(place.batch("status", "--format", "json").stdout)
    counts = told["counts"]
    assert (told["objects"], told["records"], told["problems"]) == (4, 7, 1)
    assert (counts["ok"], counts["nodata"], counts["malformed"]) == (6, 1, 1)
    assert counts["lines"] == told["records"] + counts["headers"] + counts["malformed"]
    assert [item["name"] for item in told["unreadable"]] == ["logs/cut.log.gz"]
    assert (told["first"], told["last"], told["published"]) == ("2025-11-23", "2025-11-24", 2)
    assert (told["running"], told["due"], told["open"]) == (False, [], [])
    assert told["last_run"]["run"] == place.told()["run"]
    text = place.batch("status").stdout.decode()
    assert "7 = 6 ok + 1 nodata + 0 skipdata" in text
    assert "logs/cut.log.gz" in text


FORMS = {
    "csv": "csv", "json": "json", "jsonl": "jsonl", "parquet": "parquet", "markdown": "md",
    "html": "html", "table": "txt",
}  # fmt: skip


def test_every_format_holds_what_the_query_gives(place):
    fill(place)
    place.job(formats=json.dumps([*FORMS]), summaries='["totals"]')
    place.run()
    published = place.published()
    window = ("--since", "2025-11-23", "--until", "2025-11-24")
    for form, ending in FORMS.items():
        assert f"2025-11-23/totals.{ending}" in published
        content = published[f"2025-11-23/rejected_by_port.{ending}"]
        if form in ("csv", "json", "jsonl", "markdown"):
            assert content == answer(place, "query rejected_by_port", *window, "-f", form)
    rows = pq.read_table(io.BytesIO(published["2025-11-23/rejected_by_port.parquet"])).to_pylist()
    assert [row["records"] for row in rows] == [2, 1]
    assert json.loads(published["2025-11-23/rejected_by_port.json"]) == rows
    for ending in ("html", "txt"):
        assert b"dstport" in published[f"2025-11-23/rejected_by_port.{ending}"]


OWN = """\
-- Sources by what they send.
--
-- reads: flows
-- param: least bigint = 0 | records | only sources of so many
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- column: srcaddr varchar | | source
-- column: records bigint | records | its records
select srcaddr, count(*) as records from flows
group by srcaddr having count(*) >= $least order by records desc, srcaddr limit $limit
"""


def test_queries_take_their_parameters_and_may_be_ones_own(place):
    fill(place)
    (place.directory / "queries").mkdir()
    (place.directory / "queries/senders.sql").write_text(OWN)
    place.job(
        "[params.senders]\nleast = 2\n[params.rejected_by_port]\nlimit = 1\n",
        queries='["senders", "rejected_by_port"]',
        query_files='"queries/"',
    )
    place.run()
    senders = place.rows("2025-11-23/senders.csv")
    assert senders == [{"srcaddr": "192.0.2.1", "records": "3"}]
    assert len(place.rows("2025-11-23/rejected_by_port.csv")) == 1


def test_another_query_text_or_parameter_is_seen_in_run_json(place):
    fill(place)
    (place.directory / "queries").mkdir()
    own = place.directory / "queries/senders.sql"
    own.write_text(OWN)
    place.job(queries='["senders"]', query_files='"queries/"')
    place.run()
    before = place.told("2025-11-23")["queries"]
    own.write_text(OWN.replace("srcaddr limit", "srcaddr\nlimit"))
    place.run("--since", "2025-11-23")
    assert place.told("2025-11-23")["queries"] != before


# A web server that answers, and a dozen hosts that serve nothing.
SERVED = [
    text
    for number in range(4)
    for client in [f"198.51.100.{number + 1}"]
    for text in (
        line(f"2{number}T08:00", src=client, port=443, packets=9, action="ACCEPT", eni="eni-0"),
        f"2 123456789012 eni-0 10.0.0.5 {client} 443 40000 6 9 900 {at(f'2{number}T08:00')} "
        f"{at(f'2{number}T08:00') + 30} ACCEPT OK",
    )
]


def knocks(source: str, day: str, hosts: range) -> list[str]:
    """A source that is refused by some hosts."""
    return [
        line(at(day) + 60 * host, src=source, dst=f"10.0.1.{host}", port=23, eni=f"eni-{host}")
        for host in hosts
    ]


SCANS = {
    "20.log": [*SERVED[:2], *knocks("203.0.113.7", "20", range(1, 12))],
    "21.log": [*SERVED[2:4], *knocks("203.0.113.7", "21", range(1, 3)),
               *knocks("203.0.113.8", "21", range(1, 3))],
    "22.log": [*SERVED[4:6], *knocks("203.0.113.8", "22", range(3, 12))],
}  # fmt: skip


@pytest.fixture
def scanned(place: Place) -> Place:
    for name, lines in SCANS.items():
        place.log(name, lines)
    return place


def test_scanners_are_those_of_one_detection_over_all_that_came_so_far(scanned):
    scanned.job('[scanners]\ntiers = ["scanner", "likely", "probe"]\n', queries="")
    scanned.run()
    for until, day in (("2025-11-21", 20), ("2025-11-22", 21), ("2025-11-23", 22)):
        found = answer(scanned, "scanners", "--until", until, "--tier", "scanner,likely,probe",
                       "-f", "csv")  # fmt: skip
        expected = list(csv.DictReader(io.StringIO(found.decode())))
        rows = scanned.rows(f"2025-11-{day}/scanners.csv")
        new = {row["srcaddr"] for row in rows if row.pop("new") == "true"}
        for row in [*rows, *expected]:
            row.pop("known")
        assert rows == expected
        assert rows
        assert new == {20: {"203.0.113.7"}, 21: set(), 22: {"203.0.113.8"}}[day]


def test_a_late_scan_is_new_on_its_own_day_and_no_longer_on_the_next(scanned):
    scanned.job("[scanners]\n", queries="")
    scanned.run()
    scanned.log("late.log", knocks("203.0.113.8", "20T12:00", range(1, 12)))
    assert scanned.run()["published"] == ["2025-11-20", "2025-11-21", "2025-11-22"]
    new = {
        day: {r["srcaddr"] for r in scanned.rows(f"2025-11-{day}/scanners.csv") if r["new"] == "true"}
        for day in (20, 21, 22)
    }  # fmt: skip
    assert new == {20: {"203.0.113.7", "203.0.113.8"}, 21: set(), 22: set()}


def test_what_is_published_is_the_same_however_the_objects_came(scanned, tmp_path):
    more = '[scanners]\n[report]\nformats = ["json"]\n'
    keys = {"summaries": '["totals", "ports", "enis"]'}
    scanned.job(more, **keys)
    scanned.run()
    other = Place(tmp_path / "other")
    for name in ("22.log", "20.log", "21.log"):
        path = other.log(name, SCANS[name])
        other.job(more, **keys)
        os.utime(path, ns=(scanned.directory / "logs" / name).stat().st_mtime_ns.__class__ and
                 (0, (scanned.directory / "logs" / name).stat().st_mtime_ns))  # fmt: skip
        other.run()
    assert without_runs(other.published()) == without_runs(scanned.published())


def without_runs(published: dict[str, bytes]) -> dict[str, Any]:
    """What is published, but for the ids of the runs."""
    told = {
        name: {**json.loads(content), "run": ""}
        for name, content in published.items()
        if name.endswith("/run.json")
    }
    return {**published, **told}


def test_the_report_is_that_of_the_same_records(place):
    fill(place)
    place.job('[report]\nformats = ["html", "json", "markdown", "table"]\n')
    place.run()
    window = ("--since", "2025-11-23", "--until", "2025-11-24", "-f", "json")
    expected = json.loads(answer(place, "report", *window))
    told = json.loads(place.published()["2025-11-23/report.json"])
    assert {*told} == {*expected}
    # What was read is told of whole objects, and who made it is a job.
    for part in {*expected} - {"read", "made"}:
        assert told[part] == expected[part], part
    assert (told["read"]["files"], told["read"]["records"], told["read"]["selected"]) == (2, 6, 4)
    html = place.published()["2025-11-23/report.html"].decode()
    assert told["totals"]["headline"] in html
    assert str(place.directory) not in html
    assert {"2025-11-23/report.md", "2025-11-23/report.txt"} <= {*place.published()}


def many(day: int, sources: int) -> list[str]:
    """Records of as many sources, at hours, ports, ENIs and sizes that all differ."""
    return [
        line(
            at(str(day)) + 60 * (7 * n % 1440),
            src=f"198.51.{n // 250}.{n % 250 + 1}",
            port=(22, 80, 443, 40_000, 50_000)[n % 5],
            packets=n % 9 + 1,
            size=40 + n % 700,
            action=("ACCEPT", "REJECT", "REJECT")[n % 3],
            eni=f"eni-{n % 4}",
        )
        for n in range(sources)
    ]


@pytest.mark.parametrize("interval", ["1d", "1h"])
def test_summaries_are_what_sql_over_the_records_gives(place, interval):
    place.log("a.log", [*many(23, 1500), quiet("23T05:00", "NODATA"), quiet("24T05:00", "SKIPDATA")])
    place.log("b.log", [*many(24, 180), "malformed"])
    place.job(
        interval=f'"{interval}"', queries="", summaries='["totals", "ports", "enis"]',
        formats='["parquet"]',
    )  # fmt: skip
    place.run()
    last = sorted(place.published())[-1].split("/")[0]
    totals, ports, enis = (
        pq.read_table(io.BytesIO(place.published()[f"{last}/{name}.parquet"])).to_pylist()
        for name in ("totals", "ports", "enis")
    )
    flows = fl.read(place.directory / "logs")

    def sql(text: str) -> list[dict[str, Any]]:
        return flows.sql(text).arrow().to_pylist()

    unit = "day" if interval == "1d" else "hour"
    expected = sql(f"""
        select date_trunc('{unit}', start_time at time zone 'UTC') at time zone 'UTC' as start_time,
            count(*) filter (where log_status = 'OK') as records,
            count(*) filter (where action = 'ACCEPT') as accepted,
            count(*) filter (where action = 'REJECT') as rejected,
            sum(packets)::bigint as packets, sum(bytes)::bigint as bytes,
            coalesce(sum(bytes) filter (where action = 'REJECT'), 0)::bigint as rejected_bytes,
            count(distinct interface_id) as enis,
            count(*) filter (where log_status = 'NODATA') as nodata,
            count(*) filter (where log_status = 'SKIPDATA') as skipdata,
            count(distinct srcaddr) as sources,
            quantile_disc(bytes, 0.5) as bytes_p50, quantile_disc(bytes, 0.95) as bytes_p95
        from flows group by 1 order by 1""")
    close(totals, expected, within={"sources": 0.05, "bytes_p50": 0.02, "bytes_p95": 0.02})
    assert sum(row["malformed"] for row in totals if row["start_time"] < moment("24")) == 0
    assert {row["malformed"] for row in totals if row["start_time"] >= moment("24T06:00")} <= {1}
    expected = sql(f"""
        select action, protocol, case when dstport < 32768 then dstport end as port,
            count(*) as records, sum(packets)::bigint as packets, sum(bytes)::bigint as bytes,
            count(distinct srcaddr) as sources, min(start_time) as first_seen,
            max(end_time) as last_seen,
            count(distinct date_trunc('{unit}', start_time at time zone 'UTC')) as intervals
        from flows where log_status = 'OK' group by 1, 2, 3 order by records desc, 1, 2, 3""")
    close(ports, expected, within={"sources": 0.05})
    expected = sql("""
        select account_id, interface_id, action, count(*) filter (where log_status = 'OK') as records,
            coalesce(sum(packets), 0)::bigint as packets, coalesce(sum(bytes), 0)::bigint as bytes,
            count(distinct srcaddr) as sources,
            count(*) filter (where log_status = 'NODATA') as nodata,
            count(*) filter (where log_status = 'SKIPDATA') as skipdata
        from flows group by 1, 2, 3 order by records desc, 1, 2, 3""")
    close(enis, expected, within={"sources": 0.05})


def close(rows: list[dict[str, Any]], expected: list[dict[str, Any]], within: dict[str, float]) -> None:
    """Rows are what they should be; what is estimated so nearly, and exactly where it is small."""
    assert len(rows) == len(expected)
    for row, right in zip(rows, expected, strict=True):
        for name, value in right.items():
            if name in within and value and (value >= 200 or name != "sources"):
                # A bucket's bytes are rounded down.
                assert abs(row[name] - value) <= within[name] * value + 1, (name, row, right)
            else:
                assert row[name] == value, (name, row, right)


def test_summaries_go_as_far_back_as_the_job_says(place):
    for day in (20, 21, 22):
        place.log(f"{day}.log", [line(f"{day}T10:00")])
    place.job(queries="", summaries='["totals"]', summary_days="2")
    place.run()
    starts = [row["start_time"][:10] for row in place.rows("2025-11-22/totals.csv")]
    assert starts == ["2025-11-21", "2025-11-22"]


ALERT = """
[[alerts]]
name = "rejects"
sql = "select rejected as value from intervals join current using (start_time)"
message = "{value} rejected in {job}, from {start}"
above = 1
max_age = "10000d"
to = ["stdout", "file"]
[notify.file]
file = "alerts.jsonl"
"""


def test_an_alert_lands_in_a_file_and_on_standard_output_once(place):
    fill(place)
    place.job(ALERT)
    said = place.batch("run").stdout.decode()
    message = "3 rejected in rejects, from 2025-11-23T00:00:00Z"
    assert said.count(message) == 1
    (alert,) = map(json.loads, (place.directory / "alerts.jsonl").read_text().splitlines())
    assert (alert["alert"], alert["value"], alert["message"]) == ("rejects", 3, message)
    assert place.told()["alerts"] == 2
    assert [item["message"] for item in place.told("2025-11-23")["alerts"]] == [message]
    assert place.told("2025-11-24")["alerts"] == []
    place.log("c.log", [line("23T13:00", action="ACCEPT")])
    assert place.batch("run").stdout == b""
    assert len((place.directory / "alerts.jsonl").read_text().splitlines()) == 1


def test_an_alert_looks_at_new_scanners(scanned):
    scanned.job("""
[[alerts]]
name = "telnet"
sql = "select count(distinct srcaddr) as value from scanner_ports where new and dstport = 23"
message = "{value} new scanners on port 23, from {start}"
above = 0
max_age = "10000d"
""")
    said = scanned.batch("run").stdout.decode()
    assert "1 new scanners on port 23, from 2025-11-20" in said
    assert "1 new scanners on port 23, from 2025-11-22" in said
    assert "2025-11-21" not in said


HOOK = """
import json, pathlib, sys
told = json.load(sys.stdin)
there = sorted(path.name for path in pathlib.Path(sys.argv[1]).iterdir())
with open("hooked.jsonl", "a") as file:
    print(json.dumps([told["job"], pathlib.Path(sys.argv[1]).name, there]), file=file)
"""


def test_a_hook_is_run_for_each_interval_that_was_published(place):
    fill(place)
    script = place.directory / "hook.py"
    script.write_text(HOOK)
    place.job(f"[hooks]\npublished = {json.dumps([sys.executable, str(script)])}\n")
    place.run()
    place.run()
    lines = (place.directory / "hooked.jsonl").read_text().splitlines()
    assert [json.loads(text) for text in lines] == [
        ["rejects", day, ["rejected_by_port.csv", "run.json"]]
        for day in ("2025-11-23", "2025-11-24")
    ]


def test_a_hook_that_fails_is_one_line_and_all_else_is_done(place):
    fill(place)
    place.job(f'[hooks]\npublished = {json.dumps([sys.executable, "-c", "exit(7)"])}\n')
    done = place.batch("run", code=1)
    (said,) = done.stderr.decode().splitlines()
    assert "hook" in said
    assert "exits with 7" in said
    assert place.told()["published"] == ["2025-11-23", "2025-11-24"]
    assert place.run()["nothing_new"]


def test_a_run_writes_its_log_and_metrics(place):
    fill(place)
    place.job('[watch]\nlog = "run.jsonl"\nmetrics = "flowlens.prom"\n')
    first = place.run()["run"]
    second = place.run()["run"]
    lines = [json.loads(text) for text in (place.directory / "run.jsonl").read_text().splitlines()]
    events = [item["event"] for item in lines if item["run"] == first]
    assert (events[0], events[-1]) == ("run started", "run ended")
    assert events.count("published") == 2
    assert {item["run"] for item in lines} == {first, second}
    figures = dict(
        text.rsplit(" ", 1)
        for text in (place.directory / "flowlens.prom").read_text().splitlines()
        if not text.startswith("#")
    )
    gauge = {name.split("{")[0].removeprefix("flowlens_"): float(v) for name, v in figures.items()}
    assert (gauge["records_total"], gauge["run_records"], gauge["objects_total"]) == (6, 0, 2)
    assert (gauge["last_run_exit_code"], gauge["intervals_published_total"]) == (0, 2)
    assert gauge["last_success_timestamp_seconds"] <= gauge["last_run_timestamp_seconds"]


def test_a_run_that_fails_tells_the_metrics_and_when_it_last_went_well(place):
    fill(place)
    place.job('[watch]\nmetrics = "flowlens.prom"\n')
    place.run()
    job = place.job(
        '[watch]\nmetrics = "flowlens.prom"\n'
        f'[hooks]\npublished = {json.dumps([sys.executable, "-c", "exit(7)"])}\n'
    )
    assert job.exists()
    place.log("c.log", [line("23T13:00")])
    place.batch("run", code=1)
    text = (place.directory / "flowlens.prom").read_text()
    assert 'last_run_exit_code{job="rejects"} 1\n' in text
    assert "last_success_timestamp_seconds{" in text


def test_a_job_file_that_is_wrong_exits_2_and_touches_nothing(place):
    fill(place)
    place.job(colour='"red"')
    done = place.batch("run", code=2)
    assert b"job.toml:8: colour" in done.stderr
    assert not place.store.exists()


def test_no_input_exits_3_and_the_next_run_heals_it(place):
    place.job()
    done = place.batch("run", code=3)
    (said,) = done.stderr.decode().splitlines()
    assert "logs: no such file or directory" in said
    assert place.told()["exit_code"] == 3
    fill(place)
    assert place.run()["published"] == ["2025-11-23", "2025-11-24"]


def test_an_input_that_is_gone_is_said_and_the_others_are_read(place):
    fill(place)
    place.job(inputs='["logs/", "more.log"]')
    done = place.batch("run", code=1)
    assert b"more.log: no such file" in done.stderr
    assert place.told()["published"] == ["2025-11-23", "2025-11-24"]


def test_an_empty_directory_is_nothing_new_once_something_was_read(place):
    fill(place)
    place.job()
    place.run()
    for path in (place.directory / "logs").iterdir():
        path.unlink()
    assert place.run()["nothing_new"]
    assert place.told("2025-11-23")["records"] == 4


def test_a_second_run_at_the_same_time_exits_75_and_says_so(place):
    fill(place)
    place.job()
    place.run()
    before = place.told()
    with working(load(place.file)):
        done = place.batch("run", code=75)
        assert json.loads(place.batch("status", "-f", "json").stdout)["running"]
        place.batch("plan")
        place.batch("prune", code=75)
        place.batch("rebuild", code=75)
    assert b"another run is at work" in done.stderr
    assert place.told() == before


def test_a_store_is_one_jobs_alone(place):
    fill(place)
    place.job()
    place.run()
    place.job(name='"another"', output='"other/"')
    for what in ("run", "plan", "status", "prune", "rebuild"):
        assert b"the store of another job" in place.batch(what, code=2).stderr
    place.job(interval='"1h"')
    assert b"(interval '1d', here '1h')" in place.batch("run", code=2).stderr


def test_a_run_that_is_interrupted_exits_130_and_the_next_goes_on(place, monkeypatch):
    fill(place)
    place.job()
    monkeypatch.setattr("flowlens.signals.Stop.is_set", lambda self: True, raising=False)
    from flowlens.batch.run import run

    stopped = Listener(stopped=lambda: True)
    with pytest.raises(KeyboardInterrupt):
        run(load(place.file), listener=stopped)
    assert place.told()["exit_code"] == 130
    assert place.run()["published"] == ["2025-11-23", "2025-11-24"]


RETAINED = {"records": "flows", "rollups": "rollups", "state": "state", "outputs": "out"}


def keeps(place: Place, what: str) -> dict[str, set[str]]:
    """Of which days each part of a job has something."""
    places = {**{n: f"store/{d}/**/day=*" for n, d in RETAINED.items()}, "state": "store/state/*",
              "outputs": "out/2*"}  # fmt: skip
    days = {
        name: {
            path.name.removeprefix("day=")
            for path in place.directory.glob(pattern)
            if any(path.iterdir())
        }
        for name, pattern in places.items()
    }
    assert days[what] is not None
    return days


@pytest.mark.parametrize("what", RETAINED)
def test_what_is_not_kept_is_pruned_and_nothing_else(place, what):
    for day in (20, 22):
        place.log(f"{day}.log", [line(f"{day}T10:00")])
    place.job(f'[retention]\n{what} = "3d"\n', summaries='["totals"]', queries="")
    both, last = {"2025-11-20", "2025-11-22"}, {"2025-11-22"}
    place.run_at("23T02:00")
    assert keeps(place, what) == dict.fromkeys(RETAINED, both)
    with working(load(place.file)) as store:
        gone = prune(store, load(place.file), moment("24T00:00"), really=False)
        assert keeps(place, what) == dict.fromkeys(RETAINED, both)
        assert gone
        assert prune(store, load(place.file), moment("24T00:00")) == gone
    assert keeps(place, what) == {**dict.fromkeys(RETAINED, both), what: last}
    assert place.run_at("24T00:00")["nothing_new"]
    assert keeps(place, what) == {**dict.fromkeys(RETAINED, both), what: last}


def test_prune_says_what_would_go_and_lets_it_go(place):
    fill(place)
    place.job()
    place.run()
    place.job('[retention]\nrecords = "30d"\n')
    said = place.batch("prune", "--dry-run").stdout.decode().splitlines()
    assert [path for path in said if not Path(path).exists()] == []
    assert len(said) == 2
    assert place.batch("prune", "--quiet").stderr == b""
    assert [path for path in said if Path(path).exists()] == []
    assert json.loads((place.store / "manifest.json").read_text())["parts"] == []


def test_a_late_object_of_a_pruned_day_changes_nothing_that_is_published(place):
    for day in (20, 22):
        place.log(f"{day}.log", [line(f"{day}T10:00")])
    place.job('[retention]\nrecords = "3d"\n', summaries='["totals"]')
    place.run_at("23T02:00")
    place.run_at("24T02:00")
    before = place.published()
    place.log("late.log", [line("20T11:00", port=80), line("22T11:00", port=80)])
    ran = place.run_at("24T03:00")
    assert (ran["records"], ran["published"]) == (2, ["2025-11-22"])
    after = place.published()
    assert {n for n in after if after[n] != before[n]} == {
        f"2025-11-22/{name}" for name in ("rejected_by_port.csv", "totals.csv", "run.json")
    }
    assert [row["records"] for row in place.rows("2025-11-22/totals.csv")] == ["1", "2"]
    assert keeps(place, "records")["records"] == {"2025-11-22"}


def test_a_ledger_made_anew_from_the_parts_leads_to_the_same(place):
    fill(place)
    place.log("empty.log", [])
    place.job('[report]\nformats = ["json"]\n', summaries='["totals"]')
    place.run()
    before, objects = place.published(), place.ledger("select * from objects order by name")
    (place.store / "ledger.sqlite").unlink()
    done = place.batch("run", code=1)
    assert b"flowlens batch rebuild" in done.stderr
    place.batch("rebuild")
    ran = place.run()
    assert (ran["new"], ran["changed"], ran["published"]) == (1, 0, [])
    assert place.published() == before
    found = place.ledger("select * from objects order by name")
    assert [row[1:] for row in found] == [row[1:] for row in objects]
    place.log("c.log", [line("23T13:00")])
    assert place.run()["published"] == ["2025-11-23", "2025-11-24"]
    assert place.told("2025-11-23")["records"] == 5
