"""Jobs over S3 and CloudWatch: what is listed and read again, and what happens when AWS fails."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws import Answer, Fake, Request, bucket, client, exception, fake, refusal, twisted
from commands import command
from job_place import Place, at, line
from reading import DEFAULT_HEADER
from test_live import Clock, Log
from test_s3 import key

from flowlens.batch.jobfile.loading import load
from flowlens.batch.plan import plan
from flowlens.inputs.aws import live, objects
from flowlens.inputs.aws.pace import Pace

BUCKET = "s3://bkt/logs/"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between attempts."""
    monkeypatch.setattr(objects.Store.__init__, "__kwdefaults__", {"sleep": lambda seconds: None})
    clock = Clock()
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", {"clock": clock, "sleep": clock.sleep})


def text(*lines: str) -> bytes:
    return "".join(f"{one}\n" for one in (DEFAULT_HEADER, *lines)).encode()


def of_day(day: int, name: str = "fl-0ab1") -> str:
    return f"logs/{key('plain', year=2025, month=11, day=day, flow_log=name, suffix='.log')}"


def put(name: str, content: bytes) -> None:
    client("s3").put_object(Bucket="bkt", Key=name, Body=content)


def s3_job(here: Place, more: str = "", **keys: str) -> None:
    here.job(more, inputs=f'["{BUCKET}"]', **keys)


def test_objects_of_s3_are_read_once_and_again_when_their_etag_changes(moto, here):
    bucket("bkt", {of_day(day): text(line(f"{day}T10:00")) for day in (21, 22)})
    s3_job(here)
    ran = here.run_at("23T02:00")
    assert (ran["new"], ran["published"]) == (2, ["2025-11-21", "2025-11-22"])
    inputs = here.told("2025-11-22")["inputs"]
    assert [item["name"] for item in inputs] == [f"s3://bkt/{of_day(22)}"]
    assert here.run_at("23T02:10")["nothing_new"]
    put(of_day(22), text(line("22T10:00", port=99)))
    put(of_day(21, "fl-0cd2"), text(line("21T11:00", port=80), line("21T12:00", port=80)))
    ran = here.run_at("23T03:00")
    assert (ran["new"], ran["changed"], ran["records"]) == (1, 1, 3)
    assert [row["dstport"] for row in here.rows("2025-11-22/rejected_by_port.csv")] == ["99"]
    window = ("--since", "2025-11-21", "--until", "2025-11-22", "-f", "csv", "--quiet")
    expected = command("query", "rejected_by_port", BUCKET, *window).stdout
    assert here.published()["2025-11-21/rejected_by_port.csv"] == expected != b""


def test_the_second_run_lists_the_last_days_alone_and_loses_nothing_of_older_ones(moto, here):
    bucket("bkt", {of_day(day): text(line(f"{day:02}T10:00")) for day in (5, 21, 22)})
    s3_job(here)
    assert here.run_at("23T02:00")["listed"] == 3
    before = here.published()
    put(of_day(23), text(line("23T10:00")))
    put(of_day(5, "fl-0cd2"), text(line("05T11:00")))
    ran = here.run_at("24T02:00")
    assert (ran["listed"], ran["new"], ran["changed"], ran["again"]) == (3, 1, 0, 0)
    assert ran["published"] == ["2025-11-23"]
    after = here.published()
    assert {name: after[name] for name in before} == before
    assert len(here.ledger("select * from objects")) == 4
    s3_job(here, lookback='"30d"')
    ran = here.run_at("24T03:00")
    assert (ran["listed"], ran["new"], ran["published"]) == (5, 1, ["2025-11-05"])


def test_a_scheduler_that_was_down_lists_from_its_last_run_on(moto, here):
    bucket("bkt", {of_day(2): text(line("02T10:00"))})
    s3_job(here)
    here.run_at("03T02:00")
    for day in (4, 10, 16):
        put(of_day(day), text(line(f"{day:02}T10:00")))
    ran = here.run_at("20T02:00")
    assert ran["published"] == ["2025-11-04", "2025-11-10", "2025-11-16"]


def test_a_window_lists_its_days_whatever_their_age(moto, here):
    bucket("bkt", {of_day(22): text(line("22T10:00"))})
    s3_job(here)
    here.run_at("23T02:00")
    for day in (5, 8):
        put(of_day(day), text(line(f"{day:02}T10:00")))
    days = datetime(2025, 11, 5, tzinfo=UTC), datetime(2025, 11, 6, tzinfo=UTC)
    ran = here.run_at("23T03:00", days)
    assert ran["published"] == ["2025-11-05"]
    assert here.run_at("23T04:00")["nothing_new"]


@pytest.fixture
def closed() -> Iterator[str]:
    """Where nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_s3_that_is_not_there_is_one_line_and_the_next_run_heals_it(moto, here, closed):
    bucket("bkt", {of_day(21): text(line("21T10:00"))})
    s3_job(here)
    here.run()
    before = here.published()
    put(of_day(22), text(line("22T10:00")))
    s3_job(here, f'[aws]\nendpoint_url = "{closed}"\n')
    done = here.batch("run", code=3)
    assert done.stderr.count(b"\n") == 1
    assert b"can't be reached" in done.stderr
    assert (here.told()["exit_code"], here.told()["published"]) == (3, [])
    assert here.published() == before
    s3_job(here, lookback='"1000d"')
    assert here.run()["published"] == ["2025-11-22"]


def test_what_can_not_be_listed_is_said_while_all_else_is_done(moto, here, closed):
    here.log("a.log", [line("21T10:00")])
    here.job(
        f'[aws]\nendpoint_url = "{closed}"\n', inputs=f'["logs/", "{BUCKET}"]', lookback='"1000d"'
    )
    done = here.batch("run", code=1)
    assert b"all else is done" in done.stderr
    assert here.told()["published"] == ["2025-11-21"]
    bucket("bkt", {of_day(5): text(line("05T10:00"))})
    here.job(inputs=f'["logs/", "{BUCKET}"]')
    assert here.run()["published"] == ["2025-11-05"]


Failing = Callable[[Request, int], Answer | None]


def over(
    here: Place, now: str, content: dict[str, bytes], failing: Failing | None = None
) -> tuple[dict[str, Any], Fake]:
    """A run over a fake S3 whose first object fails."""
    with twisted(content, {min(content): failing} if failing else {}) as s3:
        s3_job(here, f'[aws]\nendpoint_url = "{s3.url}"\n')
        return here.run_at(now), s3


FAILING = {
    "denied": lambda request, count: refusal(403, "AccessDenied"),
    "hangs up": lambda request, count: Answer(0),
    "fails": lambda request, count: refusal(500, "InternalError"),
}


@pytest.mark.parametrize("failure", FAILING)
def test_an_object_that_could_not_be_read_is_read_by_the_next_run(credentials, here, failure):
    content = {of_day(day): text(line(f"{day}T10:00")) for day in (21, 22)}
    ran, _ = over(here, "23T02:00", content, FAILING[failure])
    assert (ran["unreadable"], ran["published"]) == ([f"s3://bkt/{of_day(21)}"], ["2025-11-22"])
    ran, s3 = over(here, "23T03:00", content)
    assert (ran["again"], ran["published"]) == (1, ["2025-11-21"])
    assert not s3.asked(of_day(22))


def test_an_object_that_fails_for_longer_than_the_lookback_is_not_lost(credentials, here):
    content = {of_day(day): text(line(f"{day:02}T10:00")) for day in (5, 22)}
    over(here, "23T02:00", content, FAILING["denied"])
    over(here, "24T02:00", content, FAILING["denied"])
    ran, _ = over(here, "25T02:00", content)
    assert (ran["again"], ran["published"]) == (1, ["2025-11-05"])


def test_a_changed_object_that_can_not_be_read_keeps_what_it_gave(credentials, here):
    content = {of_day(day): text(line(f"{day}T10:00")) for day in (21, 22)}
    over(here, "23T02:00", content)
    before = here.published()
    content[of_day(21)] = text(line("21T11:00"), line("21T12:00"))
    ran, _ = over(here, "23T03:00", content, FAILING["denied"])
    assert here.published() == before
    assert ran["records"] == 0
    ran, _ = over(here, "23T04:00", content)
    assert ran["published"] == ["2025-11-21"]
    assert here.told("2025-11-21")["records"] == 2


def test_a_lost_part_of_old_objects_is_made_anew_from_them(moto, here):
    bucket("bkt", {of_day(day): text(line(f"{day:02}T10:00")) for day in (5, 22)})
    s3_job(here)
    here.run_at("23T02:00")
    here.run_at("24T02:00")
    before = here.published()
    (part,) = here.store.glob("flows/day=2025-11-05/*")
    part.unlink()
    ran = here.run_at("25T02:00")
    assert (len(ran["lost_parts"]), ran["again"], ran["records"]) == (1, 1, 1)
    assert here.published() == before
    assert len([*here.store.glob("flows/day=2025-11-05/*")]) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(403, "AccessDenied"), "s3:ListBucket"),
        (refusal(404, "NoSuchBucket"), "no such bucket"),
        (refusal(503, "SlowDown"), "throttles"),
    ],
)
def test_a_bucket_that_may_not_be_listed_is_one_line(credentials, here, answer, words):
    with fake(lambda request: answer) as s3:
        s3_job(here, f'[aws]\nendpoint_url = "{s3.url}"\n')
        done = here.batch("run", code=3)
    assert done.stderr.count(b"\n") == 1
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


GROUP = "cloudwatch:/vpc/flow-logs"
LOG_GROUP = "/vpc/flow-logs"


def event(moment: str, *, after: int = 0, port: int = 22) -> tuple[datetime, str]:
    """An event, some seconds after the start of its record."""
    start = datetime.fromtimestamp(at(moment), UTC)
    return start + timedelta(seconds=after), line(moment, port=port)


class Group(Log):
    """A log group whose events may come in the course of a test; all of them are one page."""

    def __init__(self) -> None:
        super().__init__([])
        self.page = 1000

    def add(self, *events: tuple[datetime, str]) -> None:
        known = len(self.events)
        self.events += [
            {**event, "eventId": f"{known + number:056}"}
            for number, event in enumerate(Log([*events]).events)
        ]

    def hours(self) -> set[str]:
        """The hours whose events were asked for since the last time."""
        starts = {
            datetime.fromtimestamp(ask["startTime"] / 1000, UTC) + live.MARGIN
            for ask in self.asked
            if "nextToken" not in ask
        }
        self.asked.clear()
        return {f"{start:%dT%H}" for start in starts}


@pytest.fixture
def group(credentials) -> Iterator[Group]:
    log = Group()
    with fake(log) as logs:
        credentials.setenv("AWS_ENDPOINT_URL", logs.url)
        yield log


def cloudwatch_job(here: Place, **keys: str) -> None:
    usual = {
        "inputs": f'["{GROUP}"]',
        "interval": '"1h"',
        "lookback": '"3h"',
        "layout": f'"{DEFAULT_HEADER}"',
    }
    here.job(**{**usual, **keys})


def test_the_first_run_reaches_back_as_far_as_the_lookback(group, here):
    group.add(event("23T05:59"), event("23T07:10"), event("23T08:10"), event("23T10:10"))
    cloudwatch_job(here)
    ran = here.run_at("23T10:30")
    assert ran["published"] == ["2025-11-23T07", "2025-11-23T08"]
    assert group.hours() == {"23T07", "23T08", "23T09", "23T10"}
    assert ran["records"] == 3


def test_an_open_hour_is_read_again_and_a_settled_one_is_not(group, here):
    group.add(event("23T09:10"), event("23T08:10"))
    cloudwatch_job(here)
    assert here.run_at("23T10:30")["published"] == ["2025-11-23T08"]
    group.hours()
    group.add(event("23T09:50", port=80), event("23T08:50", port=80))
    ran = here.run_at("23T11:00")
    assert group.hours() == {"23T09", "23T10"}
    assert ran["published"] == ["2025-11-23T09"]
    rows = here.rows("2025-11-23T09/rejected_by_port.csv")
    assert [row["dstport"] for row in rows] == ["22", "80"]
    assert here.run_at("23T11:30")["published"] == []
    assert group.hours() == {"23T10", "23T11"}
    assert here.told("2025-11-23T08")["records"] == 1


def test_every_record_counts_once_for_the_hour_in_which_it_starts(group, here):
    group.add(
        *(event(f"23T08:{minute:02}", after=600, port=minute + 1) for minute in range(60)),
        *(event(f"23T09:{minute:02}", after=600, port=minute + 1) for minute in range(60)),
    )
    cloudwatch_job(here)
    here.run_at("23T10:05")
    here.run_at("23T10:30")
    here.run_at("23T11:30")
    ok, lines = "sum(ok)", "sum(lines - blanks - headers - malformed - repeats)"
    assert here.ledger(f"select {ok}, {lines} from objects") == [(120, 120)]
    assert here.ledger("select sum(rows) from parts") == [(120,)]
    for hour in ("08", "09"):
        assert here.told(f"2025-11-23T{hour}")["records"] == 60
        rows = here.rows(f"2025-11-23T{hour}/rejected_by_port.csv")
        assert {row["records"] for row in rows} == {"1"}
        assert len(rows) == 60


def test_a_scheduler_that_was_down_for_long_reads_all_that_it_missed(group, here):
    group.add(event("23T01:10"))
    cloudwatch_job(here)
    here.run_at("23T02:30")
    group.add(*(event(f"23T{hour:02}:10") for hour in range(2, 8)))
    ran = here.run_at("23T09:00")
    assert ran["published"] == [f"2025-11-23T{hour:02}" for hour in range(1, 8)]
    assert here.ledger("select sum(rows) from parts") == [(7,)]


def test_an_hour_that_can_not_be_asked_for_is_read_by_the_next_run(group, here, monkeypatch):
    group.add(event("23T08:10"), event("23T09:10"))
    cloudwatch_job(here)
    refused = live.milliseconds(datetime.fromtimestamp(at("23T08"), UTC) - live.MARGIN)

    def events(self: Group, asked: dict[str, Any]) -> Answer:
        if asked["startTime"] == refused:
            return exception("ExpiredTokenException")
        return Log._events(self, asked)

    with monkeypatch.context() as patch:
        patch.setattr(Group, "_events", events)
        ran = here.run_at("23T11:30")
        assert ran["unreadable"] == [f"{GROUP}#2025-11-23T08"]
        assert ran["published"] == ["2025-11-23T09"]
        assert here.run_at("23T15:30")["again"] == 1
    assert here.run_at("23T19:30")["published"] == ["2025-11-23T08"]


def test_a_log_group_that_is_not_there_is_one_line_and_exits_3(moto, here):
    cloudwatch_job(here)
    done = here.batch("run", code=3)
    assert done.stderr.count(b"\n") == 1
    assert b"no such log group" in done.stderr
    client("logs").create_log_group(logGroupName=LOG_GROUP)
    assert here.run()["exit_code"] == 0


def test_a_log_group_whose_records_have_no_start_is_refused(group, here):
    cloudwatch_job(here, layout='"${srcaddr} ${dstport} ${action}"')
    done = here.batch("run", code=3)
    assert b"its records have no start" in done.stderr


def test_the_plan_asks_for_no_events(group, here):
    group.add(event("23T09:10"))
    cloudwatch_job(here)
    found = plan(load(here.file), datetime.fromtimestamp(at("23T10:30"), UTC))
    assert [item.name for item in found.news.new] == [
        f"{GROUP}#2025-11-23T{hour:02}" for hour in (7, 8, 9, 10)
    ]
    assert group.asked == []


def test_hours_and_objects_go_together_in_one_job(moto, here):
    now = datetime.now(UTC).replace(microsecond=0)
    logs = client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP)
    logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="eni-1-all")
    start = int((now - timedelta(hours=2, minutes=30)).timestamp())
    logs.put_log_events(
        logGroupName=LOG_GROUP, logStreamName="eni-1-all",
        logEvents=[{"timestamp": start * 1000, "message": line(start)}],
    )  # fmt: skip
    here.log("a.log", [line(start, port=80)])
    cloudwatch_job(here, inputs=f'["logs/", "{GROUP}"]')
    (published,) = here.run()["published"]
    rows = here.rows(f"{published}/rejected_by_port.csv")
    assert [row["dstport"] for row in rows] == ["22", "80"]
