"""Runs of a job: what they read, what they publish and when, and what they leave alone."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commands import command
from job_place import Place, at, line, quiet
from reading import DEFAULT_HEADER

import flowlens as fl
from flowlens.batch.jobfile.loading import load
from flowlens.batch.plan import plan
from flowlens.batch.store.place import working
from flowlens.batch.upkeep import prune

LOGS = {
    "a.log": [line("23T10:00"), line("23T11:00", port=80), line("24T00:00"),
              quiet("23T12:00", "NODATA")],
    "b.log": [line("23T23:59"), line("24T10:00", src="192.0.2.9", action="ACCEPT")],
}  # fmt: skip


def fill(here: Place) -> None:
    for name, lines in LOGS.items():
        here.log(name, lines)


def moment(text: str) -> datetime:
    return datetime.fromtimestamp(at(text), UTC)


def answer(here: Place, what: str, *options: object) -> bytes:
    """What a command says of the job's logs by themselves."""
    done = command(*what.split(), here.directory / "logs", "--quiet", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def times(here: Place) -> dict[str, int]:
    """When each published file was written."""
    out = here.directory / "out"
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.glob("*/*")}


def test_the_least_job_publishes_its_query_for_each_day(here):
    fill(here)
    here.job()
    ran = here.run()
    assert ran["published"] == ["2025-11-23", "2025-11-24"]
    assert (ran["new"], ran["records"], ran["exit_code"], ran["nothing_new"]) == (2, 6, 0, False)
    published = here.published()
    assert {*published} == {
        f"2025-11-{day}/{name}" for day in (23, 24) for name in ("rejected_by_port.csv", "run.json")
    }
    for day in (23, 24):
        window = ("--since", f"2025-11-{day}", "--until", f"2025-11-{day + 1}", "-f", "csv")
        expected = answer(here, "query rejected_by_port", *window)
        assert published[f"2025-11-{day}/rejected_by_port.csv"] == expected
        assert expected.count(b"\n") > 1


def test_run_json_says_what_an_interval_stands_on(here):
    fill(here)
    here.job()
    ran = here.run()
    told = here.told("2025-11-23")
    assert told["run"] == ran["run"]
    assert (told["job"], told["interval"], told["records"]) == ("rejects", "2025-11-23", 4)
    assert (told["start"], told["end"]) == ("2025-11-23T00:00:00Z", "2025-11-24T00:00:00Z")
    assert [(item["name"], item["records"]) for item in told["inputs"]] == [
        ("logs/a.log", 3),
        ("logs/b.log", 1),
    ]
    (output,) = told["outputs"]
    content = here.published()["2025-11-23/rejected_by_port.csv"]
    assert (output["bytes"], output["rows"]) == (len(content), 2)


def test_hours_are_published_by_their_hour(here):
    fill(here)
    here.job(interval='"1h"')
    assert here.run()["published"] == [
        "2025-11-23T10", "2025-11-23T11", "2025-11-23T12", "2025-11-23T23", "2025-11-24T00",
        "2025-11-24T10",
    ]  # fmt: skip
    window = ("--since", "2025-11-23T11", "--until", "2025-11-23T12", "-f", "csv")
    expected = answer(here, "query rejected_by_port", *window)
    assert here.published()["2025-11-23T11/rejected_by_port.csv"] == expected
    assert here.rows("2025-11-23T12/rejected_by_port.csv") == []
    assert here.told("2025-11-23T12")["records"] == 1


def test_with_nothing_new_nothing_is_published_and_the_run_says_so(here):
    fill(here)
    here.job()
    here.run()
    before = times(here)
    done = here.batch("run")
    assert b"nothing new" in done.stderr
    told = here.told()
    assert (told["nothing_new"], told["published"], told["unchanged"]) == (True, [], [])
    assert times(here) == before


def test_a_new_object_publishes_its_day_anew_and_no_other(here):
    fill(here)
    here.job()
    here.run()
    before = here.published()
    here.log("c.log", [line("24T12:00", port=443)])
    ran = here.run()
    assert (ran["new"], ran["published"], ran["unchanged"]) == (1, ["2025-11-24"], [])
    after = here.published()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"2025-11-24/rejected_by_port.csv", "2025-11-24/run.json"}
    rows = here.rows("2025-11-24/rejected_by_port.csv")
    assert [(row["dstport"], row["records"]) for row in rows] == [("22", "1"), ("443", "1")]


def test_a_changed_object_replaces_its_records(here):
    fill(here)
    here.job()
    here.run()
    here.log("a.log", [line("25T10:00", port=99)])
    ran = here.run()
    assert (ran["new"], ran["changed"], ran["records"]) == (0, 1, 1)
    assert ran["published"] == ["2025-11-23", "2025-11-24", "2025-11-25"]
    assert here.told("2025-11-23")["records"] == 1
    assert here.rows("2025-11-24/rejected_by_port.csv") == []
    assert [row["dstport"] for row in here.rows("2025-11-25/rejected_by_port.csv")] == ["99"]


def test_an_object_that_only_looks_changed_leaves_the_tables_as_they_are(here):
    fill(here)
    here.job()
    here.run()
    before = here.published()
    os.utime(here.directory / "logs/b.log", (1, 1))
    assert here.run()["changed"] == 1
    after = here.published()
    tables = [name for name in before if name.endswith(".csv")]
    assert [after[name] for name in tables] == [before[name] for name in tables]


def test_a_late_object_publishes_what_comes_after_it_only_where_the_job_looks_back(here):
    days = {f"{day}.log": [line(f"{day}T10:00")] for day in (20, 21, 22)}
    for name, lines in days.items():
        here.log(name, lines)
    here.job()
    here.run()
    for more, expected in (
        ({}, ["2025-11-21"]),
        ({"summaries": '["totals"]'}, ["2025-11-21", "2025-11-22"]),
    ):
        here.job(**more)
        here.log(f"late-{len(more)}.log", [line("21T11:00")])
        assert here.run()["published"] == expected
    totals = here.rows("2025-11-22/totals.csv")
    assert [row["records"] for row in totals] == ["1", "3", "1"]


def test_an_interval_waits_for_late_records_until_it_is_published(here):
    fill(here)
    here.job(lateness='"2h"')
    assert here.run_at("25T01:59")["published"] == ["2025-11-23"]
    waiting = plan(load(here.file), moment("25T01:59"))
    assert (waiting.publish, waiting.open) == ((), ("2025-11-24",))
    assert here.run_at("25T01:59")["nothing_new"]
    assert plan(load(here.file), moment("25T02:00")).publish == ("2025-11-24",)
    assert here.run_at("25T02:00")["published"] == ["2025-11-24"]


def test_a_window_publishes_its_intervals_anew_and_no_others(here):
    for day in (20, 21, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job()
    here.run()
    here.job(formats='["csv", "json"]')
    ran = here.run("--since", "2025-11-21", "--until", "2025-11-22")
    assert ran["published"] == ["2025-11-21"]
    assert [name for name in here.published() if name.endswith(".json")] == [
        "2025-11-20/run.json", "2025-11-21/rejected_by_port.json", "2025-11-21/run.json",
        "2025-11-22/run.json",
    ]  # fmt: skip
    assert here.run("--since", "2025-11-21")["unchanged"] == ["2025-11-21"]
    assert here.run()["nothing_new"]


def test_what_was_removed_from_the_output_is_published_again(here):
    fill(here)
    here.job()
    here.run()
    before = here.published()
    for path in (here.directory / "out/2025-11-23").iterdir():
        path.unlink()
    (here.directory / "out/2025-11-23").rmdir()
    assert here.run()["published"] == ["2025-11-23"]
    after = here.published()
    name = "2025-11-23/rejected_by_port.csv"
    assert after[name] == before[name]


@pytest.mark.parametrize("text", ["", "[1]", '{"outputs": [1]}', '{"outputs": 7}'])
def test_a_record_of_an_interval_that_is_damaged_is_written_anew(here, text):
    here.log("a.log", [line("23T10:00")])
    here.job()
    here.run()
    good = here.told("2025-11-23")
    (here.directory / "out/2025-11-23/run.json").write_text(text)
    assert here.run("--since", "2025-11-23")["published"] == ["2025-11-23"]
    assert {**here.told("2025-11-23"), "run": ""} == {**good, "run": ""}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(here):
    fill(here)
    here.job()
    said = here.batch("run", "--dry-run").stdout.decode()
    assert said == here.batch("plan").stdout.decode()
    assert "new         2 objects" in said
    assert "logs/b.log" in said
    assert sorted(path.name for path in here.directory.iterdir()) == ["job.toml", "logs"]


def test_the_plan_tells_new_changed_and_waiting_apart(here):
    fill(here)
    here.job()
    here.run_at("24T10:00")
    here.log("b.log", [])
    here.log("c.log", [line("24T12:00")])
    told = json.loads(here.batch("plan", "--format", "json").stdout)
    assert told["objects"] == ["logs/b.log", "logs/c.log"]
    assert (told["listed"], told["new"], told["changed"], told["again"]) == (3, 1, 1, 0)
    assert (told["publish"], told["open"], told["missing"]) == (["2025-11-24"], [], [])
    assert told["bytes"] == sum(
        (here.directory / "logs" / name).stat().st_size for name in ("b.log", "c.log")
    )


def test_the_status_adds_up(here):
    here.job()
    assert b"nothing yet" in here.batch("status").stdout
    fill(here)
    here.log("bad.log", ["no record", line("23T10:00")])
    (here.directory / "logs/cut.log.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    here.run()
    told = json.loads(here.batch("status", "--format", "json").stdout)
    counts = told["counts"]
    assert (told["objects"], told["records"], told["problems"]) == (4, 7, 1)
    assert (counts["ok"], counts["nodata"], counts["malformed"]) == (6, 1, 1)
    assert counts["lines"] == told["records"] + counts["headers"] + counts["malformed"]
    assert [item["name"] for item in told["unreadable"]] == ["logs/cut.log.gz"]
    assert (told["first"], told["last"], told["published"]) == ("2025-11-23", "2025-11-24", 2)
    assert (told["running"], told["due"], told["open"]) == (False, [], [])
    assert told["last_run"]["run"] == here.told()["run"]
    text = here.batch("status").stdout.decode()
    assert "7 = 6 ok + 1 nodata + 0 skipdata" in text
    assert "logs/cut.log.gz" in text


FORMS = {
    "csv": "csv", "json": "json", "jsonl": "jsonl", "parquet": "parquet", "markdown": "md",
    "html": "html", "table": "txt",
}  # fmt: skip


def test_every_format_holds_what_the_query_gives(here):
    fill(here)
    here.job(formats=json.dumps([*FORMS]), summaries='["totals"]')
    here.run()
    published = here.published()
    window = ("--since", "2025-11-23", "--until", "2025-11-24")
    for form, ending in FORMS.items():
        assert f"2025-11-23/totals.{ending}" in published
        content = published[f"2025-11-23/rejected_by_port.{ending}"]
        if form in ("csv", "json", "jsonl", "markdown"):
            assert content == answer(here, "query rejected_by_port", *window, "-f", form)
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


def test_queries_take_their_parameters_and_may_be_ones_own(here):
    fill(here)
    (here.directory / "queries").mkdir()
    (here.directory / "queries/senders.sql").write_text(OWN)
    here.job(
        "[params.senders]\nleast = 2\n[params.rejected_by_port]\nlimit = 1\n",
        queries='["senders", "rejected_by_port"]',
        query_files='"queries/"',
    )
    here.run()
    senders = here.rows("2025-11-23/senders.csv")
    assert senders == [{"srcaddr": "192.0.2.1", "records": "3"}]
    assert len(here.rows("2025-11-23/rejected_by_port.csv")) == 1


def test_another_query_text_or_parameter_is_seen_in_run_json(here):
    fill(here)
    (here.directory / "queries").mkdir()
    own = here.directory / "queries/senders.sql"
    own.write_text(OWN)
    here.job(queries='["senders"]', query_files='"queries/"')
    here.run()
    before = here.told("2025-11-23")["queries"]
    own.write_text(OWN.replace("srcaddr limit", "srcaddr\nlimit"))
    here.run("--since", "2025-11-23")
    assert here.told("2025-11-23")["queries"] != before


def alive(day: str) -> list[str]:
    """Hosts that are of use to somebody, and so are no part of a log of rejects alone."""
    return [
        line(f"{day}T00:00", src=f"10.0.1.{host}", dst="198.51.100.9", port=443, action="ACCEPT",
             eni=f"eni-{host}")
        for host in range(1, 8)
    ]  # fmt: skip


def knocks(source: str, day: str, hosts: range) -> list[str]:
    """A source that is refused by some hosts."""
    return [
        line(at(day) + 60 * host, src=source, dst=f"10.0.1.{host}", port=23, eni=f"eni-{host}")
        for host in hosts
    ]


SCANS = {
    "20.log": [*alive("20"), *knocks("203.0.113.7", "20", range(1, 8))],
    "21.log": [*alive("21"), *knocks("203.0.113.7", "21", range(1, 3)),
               *knocks("198.51.100.77", "21", range(1, 3))],
    "22.log": [*alive("22"), *knocks("198.51.100.77", "22", range(3, 8))],
}  # fmt: skip


@pytest.fixture
def scanned(here: Place) -> Place:
    for name, lines in SCANS.items():
        here.log(name, lines)
    return here


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
        assert new == {20: {"203.0.113.7"}, 21: set(), 22: {"198.51.100.77"}}[day]


def test_a_late_scan_is_new_on_its_own_day_and_no_longer_on_the_next(scanned):
    scanned.job("[scanners]\n", queries="")
    scanned.run()
    scanned.log("late.log", knocks("198.51.100.77", "20T12:00", range(1, 8)))
    assert scanned.run()["published"] == ["2025-11-20", "2025-11-21", "2025-11-22"]
    new = {
        day: {
            row["srcaddr"]
            for row in scanned.rows(f"2025-11-{day}/scanners.csv")
            if row["new"] == "true"
        }
        for day in (20, 21, 22)
    }
    assert new == {20: {"203.0.113.7", "198.51.100.77"}, 21: set(), 22: set()}


def test_what_is_published_is_the_same_however_the_objects_came(scanned, tmp_path):
    more = "[scanners]\n"
    keys = {"summaries": '["totals", "ports", "enis"]'}
    (scanned.directory / "logs/22.log").unlink()
    scanned.job(more, **keys)
    scanned.run()
    other = Place(tmp_path / "other")
    for name in ("21.log", "20.log"):
        path = other.log(name, SCANS[name])
        other.job(more, **keys)
        as_there = (scanned.directory / "logs" / name).stat()
        os.utime(path, ns=(as_there.st_atime_ns, as_there.st_mtime_ns))
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


def test_the_report_is_that_of_the_same_records(here):
    fill(here)
    here.job('[report]\nformats = ["html", "json", "markdown", "table"]\n')
    here.run()
    window = ("--since", "2025-11-23", "--until", "2025-11-24", "-f", "json")
    expected = json.loads(answer(here, "report", *window))
    told = json.loads(here.published()["2025-11-23/report.json"])
    assert {*told} == {*expected}
    # What was read is told of whole objects, and who made it is a job.
    for part in {*expected} - {"read", "made"}:
        assert told[part] == expected[part], part
    assert (told["read"]["files"], told["read"]["records"], told["read"]["selected"]) == (2, 6, 4)
    html = here.published()["2025-11-23/report.html"].decode()
    assert told["totals"]["headline"] in html
    assert str(here.directory) not in html
    assert {"2025-11-23/report.md", "2025-11-23/report.txt"} <= {*here.published()}


def many(day: int, sources: int) -> list[str]:
    """Records of as many sources, at hours, ports, ENIs and sizes that all differ."""
    return [
        line(
            at(str(day)) + 60 * (7 * n % 120),
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
def test_summaries_are_what_sql_over_the_records_gives(here, interval):
    here.log("a.log", [*many(23, 1500), quiet("23T01:10", "NODATA"), quiet("24T01:10", "SKIPDATA")])
    here.log("b.log", [*many(24, 180), "malformed"])
    here.job(
        interval=f'"{interval}"', queries="", summaries='["totals", "ports", "enis"]',
        formats='["parquet"]',
    )  # fmt: skip
    here.run()
    last = sorted(here.published())[-1].split("/")[0]
    totals, ports, enis = (
        pq.read_table(io.BytesIO(here.published()[f"{last}/{name}.parquet"])).to_pylist()
        for name in ("totals", "ports", "enis")
    )
    flows = fl.read(here.directory / "logs")

    def sql(text: str) -> list[dict[str, Any]]:
        return flows.sql(text).arrow().to_pylist()

    unit = "day" if interval == "1d" else "hour"
    expected = sql(f"""
        select date_trunc('{unit}', start_time at time zone 'UTC') at time zone 'UTC' as start_time,
            count(*) filter (where log_status = 'OK') as records,
            count(*) filter (where action = 'ACCEPT') as accepted,
            count(*) filter (where action = 'REJECT') as rejected,
            coalesce(sum(packets), 0)::bigint as packets,
            coalesce(sum(bytes), 0)::bigint as bytes,
            coalesce(sum(bytes) filter (where action = 'REJECT'), 0)::bigint as rejected_bytes,
            count(distinct interface_id) as enis,
            count(*) filter (where log_status = 'NODATA') as nodata,
            count(*) filter (where log_status = 'SKIPDATA') as skipdata,
            count(distinct srcaddr) as sources,
            quantile_disc(bytes, 0.5) as bytes_p50, quantile_disc(bytes, 0.95) as bytes_p95
        from flows group by 1 order by 1""")
    close(totals, expected, within={"sources": 0.05, "bytes_p50": 0.02, "bytes_p95": 0.02})
    malformed = {(row["start_time"] >= moment("24"), row["malformed"]) for row in totals}
    assert malformed == {(False, 0), (True, 1)}
    expected = sql(f"""
        select action, protocol, case when dstport < 32768 then dstport end as port,
            count(*) as records, sum(packets)::bigint as packets, sum(bytes)::bigint as bytes,
            count(distinct srcaddr) as sources, min(start_time) as first_seen,
            max(end_time) as last_seen,
            count(distinct date_trunc('{unit}', start_time at time zone 'UTC')) as intervals
        from flows where log_status = 'OK' group by 1, 2, 3 order by records desc, 1, 2, 3""")
    close(ports, expected, within={"sources": 0.05})
    expected = sql("""
        select account_id, interface_id, action,
            count(*) filter (where log_status = 'OK') as records,
            coalesce(sum(packets), 0)::bigint as packets, coalesce(sum(bytes), 0)::bigint as bytes,
            count(distinct srcaddr) as sources,
            count(*) filter (where log_status = 'NODATA') as nodata,
            count(*) filter (where log_status = 'SKIPDATA') as skipdata
        from flows group by 1, 2, 3 order by records desc, 1, 2, 3""")
    close(enis, expected, within={"sources": 0.05})


def close(
    rows: list[dict[str, Any]], expected: list[dict[str, Any]], within: dict[str, float]
) -> None:
    """Rows are what they should be; what is estimated so nearly, and exactly where it is small."""
    assert len(rows) == len(expected)
    for row, right in zip(rows, expected, strict=True):
        for name, value in right.items():
            if name in within and value and (value >= 200 or name != "sources"):
                # A bucket's bytes are rounded down.
                assert abs(row[name] - value) <= within[name] * value + 1, (name, row, right)
            else:
                assert row[name] == value, (name, row, right)


def test_summaries_go_as_far_back_as_the_job_says(here):
    for day in (20, 21, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job(queries="", summaries='["totals"]', summary_days="2")
    here.run()
    starts = [row["start_time"][:10] for row in here.rows("2025-11-22/totals.csv")]
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


def test_an_alert_lands_in_a_file_and_on_standard_output_once(here):
    fill(here)
    here.job(ALERT)
    said = here.batch("run").stdout.decode()
    message = "3 rejected in rejects, from 2025-11-23T00:00:00Z"
    assert said.count(message) == 1
    (alert,) = map(json.loads, (here.directory / "alerts.jsonl").read_text().splitlines())
    assert (alert["alert"], alert["value"], alert["message"]) == ("rejects", 3, message)
    assert here.told()["alerts"] == 2
    assert [item["message"] for item in here.told("2025-11-23")["alerts"]] == [message]
    assert here.told("2025-11-24")["alerts"] == []
    here.log("c.log", [line("23T13:00", action="ACCEPT")])
    assert here.batch("run").stdout == b""
    assert len((here.directory / "alerts.jsonl").read_text().splitlines()) == 1


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


def test_a_hook_is_run_for_each_interval_that_was_published(here):
    fill(here)
    script = here.directory / "hook.py"
    script.write_text(HOOK)
    here.job(f"[hooks]\npublished = {json.dumps([sys.executable, str(script)])}\n")
    here.run()
    here.run()
    lines = (here.directory / "hooked.jsonl").read_text().splitlines()
    assert [json.loads(text) for text in lines] == [
        ["rejects", day, ["rejected_by_port.csv", "run.json"]]
        for day in ("2025-11-23", "2025-11-24")
    ]


def test_a_hook_that_fails_is_one_line_and_all_else_is_done(here):
    fill(here)
    here.job(f"[hooks]\npublished = {json.dumps([sys.executable, '-c', 'exit(7)'])}\n")
    done = here.batch("run", code=1)
    (said,) = done.stderr.decode().splitlines()
    assert "hook" in said
    assert "exits with 7" in said
    assert here.told()["published"] == ["2025-11-23", "2025-11-24"]
    again = here.run(code=1)
    assert again["nothing_new"], "it is tried again, and nothing else is done"


def test_an_interval_that_cannot_be_answered_holds_up_no_other(here):
    here.log("a.log", [line("20T07:00")])
    here.log("b.log", [f"{line('21T07:00')} 2"], header=f"{DEFAULT_HEADER} tcp-flags")
    here.job(queries='["half_open"]')
    done = here.batch("run", code=2)
    (said,) = done.stderr.decode().splitlines()
    assert "2025-11-20: half_open needs tcp-flags" in said
    assert here.told()["published"] == ["2025-11-21"]
    here.job()
    assert here.run()["published"] == ["2025-11-20"]


def test_a_part_whose_bytes_are_damaged_is_read_again(here):
    here.log("a.log", [line("20T07:00", src=f"192.0.2.{n}") for n in range(200)])
    here.job()
    here.run()
    before = (here.directory / "out/2025-11-20/rejected_by_port.csv").read_bytes()
    (part,) = here.store.glob("flows/day=2025-11-20/*.parquet")
    data = bytearray(part.read_bytes())
    pages = pq.read_metadata(part).row_group(0).column(13)
    end = pages.data_page_offset + pages.total_compressed_size
    data[4:end] = bytes(end - 4)
    part.write_bytes(data)
    shutil.rmtree(here.directory / "out/2025-11-20")
    (said,) = here.batch("run", code=1).stderr.decode().splitlines()
    assert "the part was damaged and is removed; the next run reads its objects again" in said
    assert here.run()["published"] == ["2025-11-20"]
    assert (here.directory / "out/2025-11-20/rejected_by_port.csv").read_bytes() == before


def test_a_run_writes_its_log_and_metrics(here):
    fill(here)
    here.job('[watch]\nlog = "run.jsonl"\nmetrics = "flowlens.prom"\n')
    first = here.run()["run"]
    second = here.run()["run"]
    lines = [json.loads(text) for text in (here.directory / "run.jsonl").read_text().splitlines()]
    events = [item["event"] for item in lines if item["run"] == first]
    assert (events[0], events[-1]) == ("run started", "run ended")
    assert events.count("published") == 2
    assert {item["run"] for item in lines} == {first, second}
    figures = dict(
        text.rsplit(" ", 1)
        for text in (here.directory / "flowlens.prom").read_text().splitlines()
        if not text.startswith("#")
    )
    gauge = {name.split("{")[0].removeprefix("flowlens_"): float(v) for name, v in figures.items()}
    assert (gauge["records"], gauge["run_records"], gauge["objects"]) == (6, 0, 2)
    assert (gauge["last_run_exit_code"], gauge["intervals_published"]) == (0, 2)
    assert gauge["last_success_timestamp_seconds"] <= gauge["last_run_timestamp_seconds"]


def test_a_run_that_fails_tells_the_metrics_and_when_it_last_went_well(here):
    fill(here)
    here.job('[watch]\nmetrics = "flowlens.prom"\n')
    here.run()
    job = here.job(
        '[watch]\nmetrics = "flowlens.prom"\n'
        f"[hooks]\npublished = {json.dumps([sys.executable, '-c', 'exit(7)'])}\n"
    )
    assert job.exists()
    here.log("c.log", [line("23T13:00")])
    here.batch("run", code=1)
    text = (here.directory / "flowlens.prom").read_text()
    assert 'last_run_exit_code{job="rejects"} 1\n' in text
    assert "last_success_timestamp_seconds{" in text


def test_a_job_file_that_is_wrong_exits_2_and_touches_nothing(here):
    fill(here)
    here.job(colour='"red"')
    done = here.batch("run", code=2)
    assert b"job.toml:8: colour" in done.stderr
    assert not here.store.exists()


def test_no_input_exits_3_and_the_next_run_heals_it(here):
    here.job()
    done = here.batch("run", code=3)
    (said,) = done.stderr.decode().splitlines()
    assert "logs: no such file or directory" in said
    assert here.told()["exit_code"] == 3
    fill(here)
    assert here.run()["published"] == ["2025-11-23", "2025-11-24"]


def test_an_input_that_is_gone_is_said_and_the_others_are_read(here):
    fill(here)
    here.job(inputs='["logs/", "more.log"]')
    done = here.batch("run", code=1)
    assert b"more.log: no such file" in done.stderr
    assert here.told()["published"] == ["2025-11-23", "2025-11-24"]


def test_an_empty_directory_is_nothing_new_once_something_was_read(here):
    fill(here)
    here.job()
    here.run()
    for path in (here.directory / "logs").iterdir():
        path.unlink()
    assert here.run()["nothing_new"]
    assert here.told("2025-11-23")["records"] == 4


def test_a_second_run_at_the_same_time_exits_75_and_says_so(here):
    fill(here)
    here.job()
    here.run()
    before = here.told()
    with working(load(here.file)):
        done = here.batch("run", code=75)
        assert json.loads(here.batch("status", "-f", "json").stdout)["running"]
        here.batch("plan")
        here.batch("prune", code=75)
        here.batch("rebuild", code=75)
    assert b"another run is at work" in done.stderr
    assert here.told() == before


def test_a_store_is_one_jobs_alone(here):
    fill(here)
    here.job()
    here.run()
    here.job(name='"another"', output='"other/"')
    for what in ("run", "plan", "status", "prune", "rebuild"):
        assert b"the store of another job" in here.batch(what, code=2).stderr
    here.job(interval='"1h"')
    assert b"(interval '1d', here '1h')" in here.batch("run", code=2).stderr


def test_a_run_that_is_interrupted_exits_130_and_the_next_goes_on(here, monkeypatch):
    fill(here)
    here.job()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("flowlens.batch.run.summarise", interrupted)
        ran = here.run(code=130)
    assert (ran["exit_code"], ran["records"], ran["published"]) == (130, 6, [])
    assert here.run()["published"] == ["2025-11-23", "2025-11-24"]


RETAINED = {"records": "flows", "rollups": "rollups", "state": "state", "outputs": "out"}


def keeps(here: Place, what: str) -> dict[str, set[str]]:
    """Of which days each part of a job has something."""
    places = {**{n: f"store/{d}/**/day=*" for n, d in RETAINED.items()}, "state": "store/state/*",
              "outputs": "out/2*"}  # fmt: skip
    days = {
        name: {
            path.name.removeprefix("day=")
            for path in here.directory.glob(pattern)
            if any(path.iterdir())
        }
        for name, pattern in places.items()
    }
    assert days[what] is not None
    return days


@pytest.mark.parametrize("what", RETAINED)
def test_what_is_not_kept_is_pruned_and_nothing_else(here, what):
    for day in (20, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job(f'[retention]\n{what} = "3d"\n', summaries='["totals"]', queries="")
    both, last = {"2025-11-20", "2025-11-22"}, {"2025-11-22"}
    here.run_at("23T02:00")
    assert keeps(here, what) == dict.fromkeys(RETAINED, both)
    with working(load(here.file)) as store:
        gone = prune(store, load(here.file), moment("24T00:00"), really=False)
        assert keeps(here, what) == dict.fromkeys(RETAINED, both)
        assert gone
        assert prune(store, load(here.file), moment("24T00:00")) == gone
    assert keeps(here, what) == {**dict.fromkeys(RETAINED, both), what: last}
    assert here.run_at("24T00:00")["nothing_new"]
    assert keeps(here, what) == {**dict.fromkeys(RETAINED, both), what: last}


def test_prune_says_what_would_go_and_lets_it_go(here):
    fill(here)
    here.job()
    here.run()
    here.job('[retention]\nrecords = "30d"\n')
    said = here.batch("prune", "--dry-run").stdout.decode().splitlines()
    assert [path for path in said if not Path(path).exists()] == []
    assert len(said) == 2
    assert here.batch("prune", "--quiet").stderr == b""
    assert [path for path in said if Path(path).exists()] == []
    assert json.loads((here.store / "manifest.json").read_text())["parts"] == []


def test_a_late_object_of_a_pruned_day_changes_nothing_that_is_published(here):
    for day in (20, 22):
        here.log(f"{day}.log", [line(f"{day}T10:00")])
    here.job('[retention]\nrecords = "3d"\n', summaries='["totals"]')
    here.run_at("23T02:00")
    here.run_at("24T02:00")
    before = here.published()
    here.log("late.log", [line("20T11:00", port=80), line("22T11:00", port=80)])
    ran = here.run_at("24T03:00")
    assert (ran["records"], ran["published"]) == (2, ["2025-11-22"])
    after = here.published()
    assert {n for n in after if after[n] != before[n]} == {
        f"2025-11-22/{name}" for name in ("rejected_by_port.csv", "totals.csv", "run.json")
    }
    assert [row["records"] for row in here.rows("2025-11-22/totals.csv")] == ["1", "2"]
    assert keeps(here, "records")["records"] == {"2025-11-22"}


def test_a_ledger_made_anew_from_the_parts_leads_to_the_same(here):
    fill(here)
    here.log("empty.log", [])
    here.job()
    here.run()
    before, objects = here.published(), here.ledger("select * from objects order by name")
    (here.store / "ledger.sqlite").unlink()
    done = here.batch("run", code=1)
    assert b"flowlens batch rebuild" in done.stderr
    here.batch("rebuild")
    ran = here.run()
    assert (ran["new"], ran["changed"], ran["published"]) == (1, 0, [])
    assert here.published() == before
    found = here.ledger("select * from objects order by name")
    assert [row[1:] for row in found] == [row[1:] for row in objects]
    here.log("c.log", [line("23T13:00")])
    assert here.run()["published"] == ["2025-11-23"]
    assert here.told("2025-11-23")["records"] == 5
