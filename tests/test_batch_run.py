"""Runs of a job: what they read, when they publish, and how they end."""

from __future__ import annotations

import json
import os

import pytest
from job_place import Place, answer, fill, line, moment
from reading import DEFAULT_HEADER

from flowlens.batch.jobfile.loading import load
from flowlens.batch.plan import plan
from flowlens.batch.store.place import working


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
def test_an_interval_whose_record_says_no_more_whose_it_is_stays_as_it_is(here, text):
    here.log("a.log", [line("23T10:00")])
    here.job()
    here.run()
    good, place = here.told("2025-11-23"), here.directory / "out/2025-11-23"
    (place / "run.json").write_text(text)
    (said,) = here.batch("run", "--since", "2025-11-23", code=1).stderr.decode().splitlines()
    assert str(place) in said
    assert (place / "run.json").read_text() == text
    place.rename(here.directory / "aside")
    assert here.run()["published"] == ["2025-11-23"]
    told = here.told("2025-11-23")
    assert {**told, "run": ""} == {**good, "run": ""}


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


def test_an_interval_that_cannot_be_answered_holds_up_no_other(here):
    here.log("a.log", [line("20T07:00")])
    here.log("b.log", [f"{line('21T07:00')} 2"], header=f"{DEFAULT_HEADER} tcp-flags")
    here.job(queries='["half_open"]')
    done = here.batch("run", code=1)
    (said,) = done.stderr.decode().splitlines()
    assert "2025-11-20: not published: half_open needs tcp-flags" in said
    assert here.told()["published"] == ["2025-11-21"]
    here.job()
    assert here.run()["published"] == ["2025-11-20"]


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


def test_a_store_that_is_passed_over_among_the_inputs_is_told(here: Place) -> None:
    here.log("kept.log", [line("23T10:00")])
    here.job(store='"logs/old/"', inputs='["logs/*.log"]')
    here.run()
    here.job(store='"store/"', output='"later/"')
    store = here.directory / "logs/old"
    remark = f"{store}: a store; skipped, name it as an input to read it"
    plan = json.loads(here.batch("plan", "--format", "json").stdout)
    assert (plan["listed"], plan["remarks"]) == (1, [remark])
    assert f"note        {remark}" in here.batch("plan").stdout.decode()
    assert remark in here.batch("run").stderr.decode()
    told = json.loads((here.directory / "later/run.json").read_text())
    assert (told["listed"], told["remarks"]) == (1, [remark])
