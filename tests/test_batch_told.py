"""What a job tells of itself: alerts, hooks, its log and its metrics."""

from __future__ import annotations

import json
import sys

from job_place import fill, line

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
