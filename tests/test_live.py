"""CloudWatch read live: what is asked of the API, at what pace, and what is said beforehand."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from aws import REGION, Answer, Request, client, exception, fake
from reading import DEFAULT_HEADER, GOOD

import flowlens as fl
from flowlens.cli.main import main
from flowlens.core.errors import NoInputError
from flowlens.inputs.aws import Access, cloudwatch, live, pace
from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.live import OVERLAP, Group, opener
from flowlens.inputs.aws.pace import Pace
from flowlens.records.filter import Filter

NOW = datetime.now(UTC).replace(microsecond=0)
BEGIN = NOW - timedelta(hours=5)
GROUP = "/vpc/flow-logs"
INPUT = f"cloudwatch:{GROUP}"


def record(at: datetime, port: int = 22) -> str:
    start = int(at.timestamp())
    times = f" {start} {start + 59} "
    return GOOD.replace(" 22 ", f" {port} ").replace(" 1418530010 1418530070 ", times)


def put(stream: str, events: list[tuple[datetime, str]], group: str = GROUP) -> None:
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": live.milliseconds(at), "message": message}
            for at, message in sorted(events)
        ],
    )


class Clock:
    """Time that passes by sleeping alone, and when it was read at a call."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def unhurried() -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(4, clock=clock, sleep=clock.sleep), clock


@pytest.fixture
def timeless(monkeypatch):
    """Paces that wait in no real time."""
    clock = Clock()
    monkeypatch.setattr(Pace.__init__, "__kwdefaults__", {"clock": clock, "sleep": clock.sleep})
    return clock


def read(group: Group, url: str | None = None, paced: Pace | None = None) -> list[dict]:
    """The pages of a group, as they come out of the stream."""
    clients = Clients(Access(endpoint_url=url))
    with opener(clients, group, paced or unhurried()[0])() as file:
        text = b""
        while piece := file.read(1000):
            text += piece
    return [json.loads(line) for line in text.splitlines()]


def events_of(pages: list[dict]) -> list[dict]:
    return [event for page in pages for event in page["events"]]


class Log:
    """A fake CloudWatch Logs that holds events, and pages them by threes."""

    def __init__(self, events: list[tuple[datetime, str]], **group: object) -> None:
        self.events = [
            {
                "logStreamName": "eni-1-all",
                "timestamp": live.milliseconds(at),
                "message": message,
                "ingestionTime": live.milliseconds(at) + 5,
                "eventId": f"{number:056}",
            }
            for number, (at, message) in enumerate(events)
        ]
        self.group = {"logGroupName": GROUP, "creationTime": 0, "storedBytes": 0, **group}
        self.asked: list[dict] = []
        self.page = 3

    def __call__(self, request: Request) -> Answer:
        asked = json.loads(request.body)
        match request.headers.get("x-amz-target", "").rpartition(".")[2]:
            case "DescribeLogGroups":
                known = self.group["logGroupName"].startswith(asked.get("logGroupNamePrefix", ""))
                return self._json({"logGroups": [self.group] if known else []})
            case "FilterLogEvents":
                self.asked.append(asked)
                return self._events(asked)
        return exception("AccessDeniedException", status=403)

    def _events(self, asked: dict) -> Answer:
        within = [
            event
            for event in self.events
            if asked.get("startTime", 0) <= event["timestamp"] <= asked["endTime"]
        ]
        first = int(asked.get("nextToken", 0))
        part = {"events": within[first : first + self.page]}
        if first + self.page < len(within):
            part["nextToken"] = str(first + self.page)
        return self._json(part)

    @staticmethod
    def _json(content: object) -> Answer:
        return Answer(200, json.dumps(content).encode())


def hourly(hours: int) -> list[tuple[datetime, str]]:
    """A record every ten minutes."""
    times = [BEGIN + timedelta(minutes=10 * number) for number in range(6 * hours)]
    return [(at, record(at)) for at in times]


def test_the_stream_holds_what_the_api_gives(moto):
    put("eni-1-all", [(BEGIN, "one"), (BEGIN + timedelta(hours=2), 'tw"o\n')])
    put("eni-2-all", [(BEGIN, "three")])
    events = events_of(read(Group(GROUP, "", BEGIN, NOW)))
    assert sorted(event["message"] for event in events) == ["one", "three", 'tw"o\n']
    for event in events:
        assert set(event) == {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"}


def test_streams_are_asked_for_by_the_beginning_of_their_names(credentials):
    log = Log(hourly(1))
    with fake(log) as logs:
        read(Group(GROUP, "eni-1", BEGIN, NOW), logs.url)
    assert {ask["logStreamNamePrefix"] for ask in log.asked} == {"eni-1"}


def test_windows_of_an_hour_overlap_and_leave_nothing_out(credentials, monkeypatch):
    monkeypatch.setattr(live, "_FEW", 0)
    log = Log(hourly(5))
    with fake(log) as logs:
        events = events_of(read(Group(GROUP, "", BEGIN, NOW), logs.url))
    assert {event["eventId"] for event in events} == {event["eventId"] for event in log.events}
    assert len(events) > len(log.events)
    windows = [(ask["startTime"], ask["endTime"]) for ask in log.asked if "nextToken" not in ask]
    assert windows[0][0] == live.milliseconds(BEGIN)
    assert windows[-1][1] == live.milliseconds(NOW)
    assert len(windows) == 5
    for (_, end), (start, _) in pairwise(windows):
        assert end - start == OVERLAP.total_seconds() * 1000


def test_where_there_is_little_windows_grow(credentials):
    log = Log([])
    with fake(log) as logs:
        assert read(Group(GROUP, "", NOW - timedelta(days=30), NOW), logs.url) == []
    assert len(log.asked) < 20


def test_without_a_beginning_all_is_asked_for_at_once(credentials):
    log = Log(hourly(2))
    with fake(log) as logs:
        assert len(events_of(read(Group(GROUP, "", None, NOW), logs.url))) == 12
    assert not [ask for ask in log.asked if "startTime" in ask]
    assert len(log.asked) == 4


def test_empty_pages_are_no_end_and_a_page_again_and_again_is_one(credentials):
    pages = iter(
        [{"events": [], "nextToken": "1"}, {"events": [{"message": "x"}], "nextToken": "2"},
         {"events": []}]
    )  # fmt: skip
    with fake(lambda request: Log._json(next(pages))) as logs:
        group = Group(GROUP, "", None, NOW)
        assert events_of(read(group, logs.url)) == [{"message": "x"}]
    with fake(lambda request: Log._json({"events": [], "nextToken": "1"})) as logs:
        with pytest.raises(OSError, match="same page again"):
            read(group, logs.url)
        assert len(logs.requests) == 2


def test_no_more_than_four_calls_a_second_whoever_makes_them():
    paced, clock = unhurried()
    calls: list[float] = []
    for number in range(40):
        paced.call(lambda: calls.append(clock.now), Access())
        clock.now += (0.0, 0.05, 0.3)[number % 3]
    for call in calls:
        assert sum(call <= other < call + 1 for other in calls) <= 4
    assert calls[-1] < 20


def test_throttling_is_waited_out_longer_and_longer(credentials):
    log = Log(hourly(1))
    refused = iter([True] * 3 + [False] * 99)

    def answer(request: Request) -> Answer:
        return exception("ThrottlingException") if next(refused) else log(request)

    paced, clock = unhurried()
    with fake(answer) as logs:
        events = events_of(read(Group(GROUP, "", None, NOW), logs.url, paced))
    assert len(events) == 6
    assert [seconds for seconds in clock.slept if seconds >= 1] == [1, 2, 4]


def test_throttling_without_end_is_one_line(credentials):
    with fake(lambda request: exception("ThrottlingException", "Rate exceeded")) as logs:
        with pytest.raises(OSError, match=r"throttles the requests .*Rate exceeded.* --since"):
            read(Group(GROUP, "", None, NOW), logs.url)
        assert len(logs.requests) == pace.ATTEMPTS


def test_what_no_patience_helps_is_not_tried_again(credentials):
    with fake(lambda request: exception("ExpiredTokenException")) as logs:
        with pytest.raises(OSError, match="credentials have expired"):
            read(Group(GROUP, "", None, NOW), logs.url)
        assert len(logs.requests) == 1


def test_a_window_is_asked_for_with_a_margin(credentials, timeless):
    log = Log(hourly(5))
    since, until = BEGIN + timedelta(hours=1), BEGIN + timedelta(hours=2)
    with fake(log) as logs:
        flows = fl.read(INPUT, since=since, until=until, endpoint_url=logs.url, layout="version")
        (source,) = flows.inputs.found.sources
        with source.opener() as file:
            while file.read(1 << 20):
                pass
    margin = timedelta(minutes=15)
    assert log.asked[0]["startTime"] == live.milliseconds(since - margin)
    assert max(ask["endTime"] for ask in log.asked) == live.milliseconds(until + margin)


def test_nothing_is_asked_for_that_is_older_than_what_the_group_keeps(credentials, timeless):
    created = live.milliseconds(NOW - timedelta(days=400))
    log = Log([], creationTime=created, retentionInDays=30)
    with fake(log) as logs:
        (source,) = fl.read(
            INPUT, since="500d", endpoint_url=logs.url, layout="version"
        ).inputs.found.sources
        source.opener().read(10)
    oldest = NOW - timedelta(days=45)
    assert log.asked[0]["startTime"] >= live.milliseconds(oldest)


def flow_log(text: str, group: str = GROUP) -> str:
    """A flow log to the group; its id."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName=group,
        DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/flow",
        LogFormat=text,
    )
    assert made["Unsuccessful"] == []
    return made["FlowLogIds"][0]


SHORT = "${start} ${srcaddr} ${dstport} ${action}"


def short(at: datetime, port: int) -> str:
    return f"{int(at.timestamp())} 192.0.2.7 {port} REJECT"


def test_the_layout_comes_from_the_flow_log(moto, timeless):
    put("eni-1-all", [(BEGIN, short(BEGIN, 22)), (BEGIN, short(BEGIN, 23))])
    flow_log(SHORT)
    flow_log("${version} ${account-id}", "another")
    with pytest.warns(UserWarning, match="no --since"):
        flows = fl.read(INPUT)
    (source,) = flows.inputs.found.sources
    assert source.layout.columns == ("start_time", "srcaddr", "dstport", "action")
    rows = flows.sql("select dstport from flows order by dstport").arrow()
    assert rows["dstport"].to_pylist() == [22, 23]


def test_a_layout_that_the_user_gives_goes_before(moto, timeless):
    put("eni-1-all", [(BEGIN, short(BEGIN, 22))])
    flow_log(SHORT)
    flows = fl.read(INPUT, since="1d", layout="${start} ${dstaddr} ${srcport} ${action}")
    assert flows.inputs.found.sources[0].layout is None
    assert flows.sql("select srcport from flows").arrow()["srcport"].to_pylist() == [22]


def test_flow_logs_of_several_formats_give_no_layout_and_a_warning(moto, timeless):
    put("eni-1-all", [(BEGIN, record(BEGIN))])
    ids = [flow_log(SHORT), flow_log("${srcaddr} ${action}")]
    with pytest.warns(UserWarning, match="flow logs of 2 formats") as said:
        flows = fl.read(INPUT, since="1d")
    assert all(name in str(said[0].message) for name in ids)
    assert flows.inputs.found.sources[0].layout is None
    assert flows.check().account.total.records == 1


def test_records_are_read_filtered_and_repeats_counted(moto, timeless, capfd):
    times = [BEGIN + timedelta(minutes=7 * number) for number in range(30)]
    put("eni-1-all", [(at, record(at, port)) for port, at in enumerate(times)])
    window = ("--since", times[5].isoformat(), "--until", times[20].isoformat())
    assert main(["check", INPUT, "-f", "json", *window]) == 0
    checked = json.loads(capfd.readouterr().out)
    assert checked["selected"] == 15
    assert checked["lines"] == checked["records"] + checked["repeats"]
    assert main(["sql", "select dstport from flows", INPUT, "-f", "csv", *window]) == 0
    ports = capfd.readouterr().out.split()[1:]
    assert sorted(map(int, ports)) == list(range(5, 20))


@pytest.mark.parametrize(
    ("gigabytes", "since", "words"),
    [
        (100, "12h", ["about 400,000,000 records (51,0", "40,000 a second", "2 h 51 min"]),
        (100, None, ["about 800,000,000 records", "export task to S3", "s3://BUCKET/PREFIX"]),
        (0.1, None, ["no --since", "about 800,000 records (100.0 MB)"]),
        (0.1, "12h", []),
    ],
)
def test_a_window_that_is_too_large_is_said_with_numbers(
    credentials, timeless, gigabytes, since, words, capfd
):
    created = live.milliseconds(datetime.now(UTC) - timedelta(days=1))
    log = Log([], creationTime=created, storedBytes=int(gigabytes * 1e9))
    given = ["--layout", "version", *(("--since", since) if since else ())]
    with fake(log) as logs:
        assert main(["check", INPUT, "--endpoint-url", logs.url, *given]) == 0
        lines = capfd.readouterr().err.splitlines()
        assert len(lines) == bool(words)
        assert all(word in lines[0] for word in words)
        assert main(["check", INPUT, "--endpoint-url", logs.url, *given, "--quiet"]) == 0
        assert capfd.readouterr().err == ""


def test_a_group_that_is_not_there_is_said_with_its_like(moto):
    put("eni-1-all", [(BEGIN, "x")])
    with pytest.raises(NoInputError, match=rf"no such log group in {REGION}; did you mean {GROUP}"):
        fl.read("cloudwatch:/vpc/flow-log")
    with pytest.raises(NoInputError, match=r"no stream's name begins with 'eni-2'; .*eni-1-all"):
        fl.read(f"{INPUT}:eni-2")
    with pytest.raises(NoInputError, match="names no log group"):
        fl.read("cloudwatch:")
    arn = f"arn:aws:logs:{REGION}:123456789012:log-group:{GROUP}:*"
    with pytest.raises(NoInputError, match=f"instead of its ARN: cloudwatch:{GROUP}$"):
        fl.read(f"cloudwatch:{arn}")


def test_who_may_only_read_events_reads_them(credentials, timeless):
    log = Log(hourly(1))

    def answer(request: Request) -> Answer:
        if request.headers.get("x-amz-target", "").endswith("FilterLogEvents"):
            return log(request)
        return exception("AccessDeniedException", status=403)

    with fake(answer) as logs:
        credentials.setenv("AWS_ENDPOINT_URL", logs.url)
        flows = fl.read(f"{INPUT}:eni-1", since=BEGIN - timedelta(hours=1))
        assert flows.inputs.found.sources[0].layout is None
        assert flows.check().account.total.records == 6


def test_a_span_at_the_ends_of_time_is_one():
    ends = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    since, until = cloudwatch._span(Filter(*ends), None, NOW)
    assert live.milliseconds(since) == 0
    assert until == NOW


def test_the_examples_in_the_docstrings_hold():
    for module, least in ((live, 1), (cloudwatch, 3)):
        outcome = doctest.testmod(module)
        assert outcome.attempted >= least
        assert outcome.failed == 0


def test_a_read_that_is_refused_midway_counts_what_came(credentials, timeless):
    log = Log([(BEGIN, record(BEGIN))] * 30)

    def answer(request: Request) -> Answer:
        if json.loads(request.body or b"{}").get("nextToken") == "27":
            return exception("ExpiredTokenException", "The security token has expired")
        return log(request)

    with fake(answer) as logs:
        flows = fl.read(INPUT, since="1d", endpoint_url=logs.url, layout=DEFAULT_HEADER)
        account = flows.check().account
    (source,) = account.sources
    assert "credentials have expired" in source.truncated
    assert source.counts.records == 27
