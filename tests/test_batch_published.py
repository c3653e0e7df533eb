"""What is published of an interval: formats, queries, scanners, the report, summaries."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import Any

import pyarrow.parquet as pq
import pytest
from job_place import SCANS, Place, answer, at, fill, knocks, line, moment, quiet

import flowlens as fl

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
    """What is published, but for the ids of the runs and the store."""
    told = {
        name: {**json.loads(content), "run": "", "store": ""}
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
