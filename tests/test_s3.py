"""Inputs on S3: what is listed, what is fetched, and what comes of it when that goes wrong."""

from __future__ import annotations

import doctest
import gzip
import io
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aws import (
    REGION,
    Answer,
    bucket,
    given,
    refusal,
    twisted,
)
from reading import DEFAULT_HEADER, GOOD

import flowlens as fl
from flowlens.api import Flows
from flowlens.cli.main import main
from flowlens.core.errors import NoInputError
from flowlens.inputs.aws import Access, objects, paths, s3
from flowlens.inputs.aws.access import Clients
from flowlens.inputs.aws.paths import Choice, Step, choice, place
from flowlens.reading import peek

ACCOUNT, OTHER = "123456789012", "210987654321"
ORGANIZATION = "o-abcdef1234"
LOG = f"{DEFAULT_HEADER}\n{GOOD}\n".encode()

PLAIN = "AWSLogs/{a}/vpcflowlogs/{r}/{y:04}/{m:02}/{d:02}/"
HIVE = (
    "AWSLogs/aws-account-id={a}/aws-service=vpcflowlogs/aws-region={r}/"
    "year={y:04}/month={m:02}/day={d:02}/"
)
LAYOUTS = {
    "plain": PLAIN,
    "hourly": PLAIN + "{h:02}/",
    "hive": HIVE,
    "hive hourly": HIVE + "hour={h:02}/",
    "organization": PLAIN.replace("AWSLogs/", f"AWSLogs/{ORGANIZATION}/"),
    "organization hive": HIVE.replace("AWSLogs/", f"AWSLogs/{ORGANIZATION}/"),
}


def key(
    layout: str,
    *,
    year: int = 2026,
    month: int = 11,
    day: int = 20,
    account: str = ACCOUNT,
    region: str = REGION,
    flow_log: str = "fl-0ab1",
    suffix: str = ".log.gz",
) -> str:
    folder = LAYOUTS[layout].format(a=account, r=region, y=year, m=month, d=day, h=4)
    stamp = f"{year:04}{month:02}{day:02}T0405Z"
    return f"{folder}{account}_vpcflowlogs_{region}_{flow_log}_{stamp}_1f2e3d{suffix}"


def names(flows: Flows) -> list[str]:
    return [source.name for source in flows.inputs.found.sources]


def records(flows: Flows) -> int:
    return flows.sql("select count(*) as n from flows").arrow()["n"][0].as_py()


def listed(
    bucket_name: str, prefix: str, wanted: Choice, *, page: int = 1000
) -> tuple[list[str], list[str]]:
    """The keys behind a prefix, and the prefixes of the requests that it took."""
    clients, asked = Clients(Access()), []

    def watch(params, **_):
        asked.append(params["Prefix"])
        return {"MaxKeys": page, **params}

    clients.client("s3").meta.events.register("provide-client-params.s3.ListObjectsV2", watch)
    lister = s3.lister(clients, wanted, lambda number: None)
    root = f"s3://{bucket_name}/"
    return [source.name.removeprefix(root) for source in lister(root + prefix)], asked


@pytest.mark.parametrize("above", ["", "logs/", "a/b/c d/é/"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found_below_any_prefix_and_only_its_days_are_listed(moto, layout, above):
    days = [(2025, 11, 20), (2026, 10, 20), *((2026, 11, day) for day in range(16, 25))]
    keys = [above + key(layout, year=y, month=m, day=d) for y, m, d in days]
    bucket("bkt", dict.fromkeys(keys, b"x"))
    window = choice(
        datetime(2026, 11, 19, 12, tzinfo=UTC),
        datetime(2026, 11, 21, tzinfo=UTC),
    )
    found, asked = listed("bkt", "", window)
    assert found == [above + key(layout, day=day) for day in range(18, 22)]
    dated = [paths.place(prefix).dates for prefix in asked]
    assert {dates for dates in dated if len(dates) == 3} == {(2026, 11, d) for d in range(18, 22)}
    assert {dates for dates in dated if len(dates) == 2} == {(2026, 11)}
    assert {dates for dates in dated if len(dates) == 1} == {(2026,)}


def test_account_and_region_narrow_what_is_listed(moto):
    every = [
        (layout, account, region)
        for layout in ("plain", "hive", "organization")
        for account in (ACCOUNT, OTHER)
        for region in (REGION, "us-gov-west-1")
    ]
    keys = {(lay, a, r): key(lay, account=a, region=r) for lay, a, r in every}
    bucket("bkt", dict.fromkeys(keys.values(), b"x"))
    for wanted in (
        Choice(accounts=(OTHER,)),
        Choice(accounts=(OTHER, ACCOUNT)),
        Choice(region="us-gov-west-1"),
    ):
        found, asked = listed("bkt", "", wanted)
        fits = [
            name
            for (_, account, region), name in keys.items()
            if account in (wanted.accounts or (account,)) and wanted.region in (None, region)
        ]
        assert found == sorted(fits)
        for at in map(place, asked):
            assert at.account in (None, *wanted.accounts) or not wanted.accounts
            assert wanted.region in (None, at.region) or at.region is None


def test_other_services_are_not_listed_and_are_named_where_nothing_else_is(moto):
    trail = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/20/a.json.gz"
    balancer = f"AWSLogs/{ACCOUNT}/elasticloadbalancing/{REGION}/2026/11/20/b.log.gz"
    bucket("bkt", {trail: b"x", balancer: b"x", key("plain"): b"x"})
    found, asked = listed("bkt", "", Choice())
    assert found == [key("plain")]
    assert not [prefix for prefix in asked if "CloudTrail" in prefix or "elastic" in prefix]
    bucket("trails", {trail: b"x", balancer: b"x"})
    with pytest.raises(NoInputError, match="services delivered, CloudTrail, elasticloadbalancing"):
        listed("trails", "", Choice())
    assert listed("trails", f"AWSLogs/{ACCOUNT}/CloudTrail/", Choice())[0] == [trail]


def test_what_lies_outside_the_layouts_is_never_left_out(moto):
    outside = [
        "000000.gz",
        "AWSLogs/readme.txt",
        "exports/0f1e/eni-0a1-all/000000.gz",
        "exports/2020/01/01/000000.gz",
        f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/2026/13/01/a.log",
        f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/custom/a.log",
        f"AWSLogs/{ACCOUNT}/vpcflowlogs/here/a.log",
        "AWSLogs/custom/2020/a.log",
    ]
    bucket("bkt", dict.fromkeys([*outside, key("plain", year=2020)], b"x"))
    found, _ = listed("bkt", "", Choice(first=datetime(2026, 11, 1).date(), region=REGION))
    assert found == sorted(outside)


@pytest.mark.parametrize(("breadth", "looks"), [(0, 300), (1, 300), (100, 0), (100, 2)])
def test_a_wide_bucket_is_listed_whole_with_the_same_outcome(moto, monkeypatch, breadth, looks):
    keys = [
        f"{above}{name}"
        for above in ("", "x/y/", "x/z/")
        for name in (key("plain"), key("hive", year=2020), "exports/a/b.gz", "AWSLogs/1/CloudTrail")
    ]
    keys.append(f"AWSLogs/{ACCOUNT}/CloudTrail/a.json")
    bucket("bkt", dict.fromkeys(keys, b"x"))
    wanted = Choice(first=datetime(2026, 1, 1).date())
    looked, _ = listed("bkt", "", wanted)
    monkeypatch.setattr(s3, "BREADTH", breadth)
    monkeypatch.setattr(s3, "LOOKS", looks)
    assert listed("bkt", "", wanted)[0] == looked
    assert [name for name in looked if "2020" in name or "json" in name] == []
    assert len(looked) == 9


def test_a_prefix_is_an_object_or_a_folder_or_the_beginning_of_their_names(moto):
    keys = ["logs/a.log", "logs-old/b.log", "one.log", "one.log.bak", "days/10/a", "days/11/a"]
    bucket("bkt", dict.fromkeys(keys, b"x"))
    for prefix, expected in {
        "logs": ["logs/a.log"],
        "logs/": ["logs/a.log"],
        "logs/a.log": ["logs/a.log"],
        "one.log": ["one.log"],
        "one": ["one.log", "one.log.bak"],
        "days/1": ["days/10/a", "days/11/a"],
        "": sorted(keys),
    }.items():
        assert listed("bkt", prefix, Choice())[0] == expected
    with pytest.raises(NoInputError, match="nothing is there; the bucket has days/10/, days/11/"):
        listed("bkt", "days/2", Choice())
    with pytest.raises(NoInputError, match=r"the bucket has days/, logs-old/, logs/, one.log"):
        listed("bkt", "nowhere/at/all/", Choice())
    bucket("empty", {})
    with pytest.raises(NoInputError, match="the bucket holds no objects"):
        listed("empty", "x", Choice())


@pytest.mark.parametrize("folder", ["x/", f"AWSLogs/{ACCOUNT}/"])
def test_a_listing_of_many_pages_is_read_to_its_end(moto, folder):
    keys = [f"{folder}vpcflowlogs/{number:02}/a" for number in range(20)]
    bucket("bkt", dict.fromkeys(keys, b""))
    found, asked = listed("bkt", "", Choice(region=REGION), page=3)
    assert found == keys
    assert len(asked) > 7


def test_folder_markers_and_hidden_objects_are_no_sources(moto):
    place = bucket(
        "bkt",
        {"x/": b"", "x/.DS_Store": b"x", "x/.trash/a.log": LOG, "x/aws-logs-write-test": b"x",
         "x/a.log": LOG, "x/empty.log": b""},
    )  # fmt: skip
    flows = fl.read(f"{place}/x")
    assert names(flows) == [f"{place}/x/a.log", f"{place}/x/empty.log"]
    assert flows.inputs.found.passed_over == (f"{place}/x/aws-logs-write-test",)
    assert records(flows) == 1
    bucket("hidden", {".a": b"x", ".b/c": b"x"})
    with pytest.raises(fl.FlowlensError, match="it holds hidden objects, 2"):
        fl.read("s3://hidden")


def test_hostile_keys_are_read_and_shown_escaped(moto, capfd):
    keys = [
        "a//b",
        "\x1b[31mred",
        "ü 日本",
        "*?[a]",
        "a+b c%2Fd",
        "&<>",
    ]
    place = bucket("bkt", dict.fromkeys(keys, LOG))
    assert records(fl.read(place)) == len(keys)
    assert main(["check", place]) == 0
    shown = capfd.readouterr()
    assert "\x1b" not in shown.out + shown.err


@pytest.mark.parametrize("name", ["../../etc/passwd", "x\ny", "./a"])
def test_a_key_that_no_file_could_have_is_asked_for_as_it_is(credentials, name):
    with twisted({name: LOG}, {}) as s3_fake:
        assert records(fl.read("s3://bkt/", endpoint_url=s3_fake.url)) == 1
    assert s3_fake.asked(quote(name))


@pytest.mark.parametrize("layout", ["plain", "hive hourly"])
def test_s3_gives_what_the_same_files_give(moto, tmp_path, layout, capfdbinary):
    demo = Path(__file__).parents[1] / "fixtures/demo"
    files = sorted(file for file in demo.rglob("*") if file.is_file())
    folder = key(layout, day=23).rpartition("/")[0]
    content = {f"p/{folder}/{file.name}": file.read_bytes() for file in files}
    place = bucket("bkt", content)
    window = ("--since", "2026-11-23T02:30:00Z", "--region", REGION)
    for command in (("query", "rejected_by_source", "-f", "csv"), ("sql", "select * from flows")):
        assert main([*command, str(demo), "--quiet", *window]) == 0
        expected = capfdbinary.readouterr().out
        assert main([*command, f"{place}/p", "--quiet", *window]) == 0
        assert capfdbinary.readouterr().out == expected != b""


def test_a_remote_name_is_no_path(moto, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = bucket("bkt", {"a.log": LOG})
    target = tmp_path / "s3:/bkt/a.log"
    target.parent.mkdir(parents=True)
    target.touch()
    words = ["sql", "select srcaddr from flows", f"{place}/a.log", "-f", "table"]
    assert main([*words, "-o", str(target)]) == 0
    assert b"192.0.2.1" in target.read_bytes()


def test_a_large_object_comes_in_pieces_of_which_few_are_held(moto, monkeypatch):
    monkeypatch.setattr(objects, "WHOLE", 100)
    monkeypatch.setattr(objects, "FIRST", 100)
    monkeypatch.setattr(objects, "PIECE", 1000)
    content = bytes(number % 251 for number in range(50_123))
    (source,) = fl.read(f"{bucket('bkt', {'a': content})}/a").inputs.found.sources
    with source.opener() as file:
        read, most = io.BytesIO(), 0
        while piece := file.read(777):
            read.write(piece)
            most = max(most, len(file._coming))
    assert read.getvalue() == content
    assert most == objects.AHEAD
    with source.opener() as file:
        file.seek(-5, io.SEEK_END)
        assert file.read() == content[-5:]
        assert (file.tell(), file.seek(3), file.read(4)) == (len(content), 3, content[3:7])
        file.seek(0)
        assert file.read() == content


@pytest.mark.parametrize("whole", [1 << 20, 10])
def test_parquet_is_read_through_the_opener(moto, monkeypatch, whole):
    monkeypatch.setattr(objects, "WHOLE", whole)
    monkeypatch.setattr(objects, "FIRST", 10)
    monkeypatch.setattr(objects, "PIECE", 512)
    table = pa.table({"srcaddr": [f"192.0.2.{n % 256}" for n in range(5000)], "n": range(5000)})
    made = io.BytesIO()
    pq.write_table(table, made, row_group_size=1000)
    name = f"{bucket('bkt', {'a.log.parquet': made.getvalue()})}/a.log.parquet"
    (source,) = fl.read(name).inputs.found.sources
    with source.opener() as file:
        parquet = pq.ParquetFile(file)
        assert parquet.read_row_group(3, columns=["n"]).column("n").to_pylist()[0] == 3000
        assert parquet.read().equals(table)


def _breaking(sent: int, times: int):
    """A body that breaks off after so many bytes, so many times."""

    def twist(request, count):
        answer = given(request, BODY)
        return Answer(answer.status, answer.body, answer.headers, sent) if count <= times else None

    return twist


LINES = b"".join(GOOD.replace(" 20 ", f" {n} ").encode() + b"\n" for n in range(1, 12_001))
BODY = DEFAULT_HEADER.encode() + b"\n" + LINES


@pytest.fixture
def hasty(monkeypatch):
    """No pauses between attempts."""
    monkeypatch.setattr(objects.Store.__init__, "__kwdefaults__", {"sleep": lambda seconds: None})


@pytest.mark.parametrize("whole", [8 << 20, 1000])
def test_a_body_that_breaks_off_goes_on_where_it_broke(credentials, hasty, monkeypatch, whole):
    monkeypatch.setattr(objects, "WHOLE", whole)
    with twisted({"a.log": BODY}, {"a.log": _breaking(400_000, 2)}) as s3_fake:
        flows = fl.read("s3://bkt/a.log", endpoint_url=s3_fake.url)
        assert records(flows) == 12_000
    gets = [request for request in s3_fake.requests if "list-type" not in request.path]
    starts = [int(got.headers.get("range", "bytes=0-")[6:].split("-")[0]) for got in gets]
    assert starts[:3] == [0, 400_000, 800_000]
    assert {got.headers["if-match"] for got in gets} == {'"e"'}


VANISHED = "the object is gone"
TROUBLES = {
    "vanished": (lambda request, count: refusal(404, "NoSuchKey"), VANISHED),
    "denied": (lambda request, count: refusal(403, "AccessDenied"), "s3:GetObject"),
    "changed": (lambda request, count: refusal(412, "PreconditionFailed"), "changed while"),
    "archived": (lambda request, count: refusal(403, "InvalidObjectState"), "restore it first"),
    "throttled": (lambda request, count: refusal(503, "SlowDown"), "throttles"),
    "failing": (lambda request, count: refusal(500, "InternalError"), "AWS fails"),
    "broken": (_breaking(1000, 99), "breaks off"),
    "senseless": (lambda request, count: Answer(200, b"x" * 10_000_000), "more than was asked"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_object_that_fails_is_named_and_the_others_count(credentials, hasty, trouble):
    twist, words = TROUBLES[trouble]
    content = {"a.log": LOG, "b.log": BODY, "c.log": LOG}
    with twisted(content, {"b.log": twist}) as s3_fake:
        account = fl.read("s3://bkt/", endpoint_url=s3_fake.url).check().account
    (failed,) = account.unreadable
    assert failed.name == "s3://bkt/b.log"
    assert words in failed.unreadable
    assert "\n" not in failed.unreadable
    assert account.total.records == 2
    assert account.total.adds_up


def test_a_large_object_that_breaks_off_for_good_gives_its_lines_before(
    credentials, hasty, monkeypatch
):
    monkeypatch.setattr(objects, "WHOLE", 1000)
    content = BODY * 12  # more than a block, so that a layout is known when it breaks
    assert len(content) > 10 << 20

    def twist(request, count):
        start = int(request.headers["range"][6:].split("-")[0])
        return refusal(404, "NoSuchKey") if start else None

    with twisted({"b.log": content}, {"b.log": twist}) as s3_fake:
        monkeypatch.setattr(objects, "FIRST", 9 << 20)
        flows = fl.read("s3://bkt/b.log", endpoint_url=s3_fake.url)
        account = flows.check().account
    (broken,) = account.sources
    assert VANISHED in broken.truncated
    assert broken.counts.records > 0


def test_after_an_expired_token_nothing_more_is_asked(credentials):
    expired = lambda request, count: refusal(400, "ExpiredToken")  # noqa: E731
    content = {f"{number}.log": LOG for number in range(300)}
    with twisted(content, dict.fromkeys(content, expired)) as s3_fake:
        flows = fl.read("s3://bkt/", endpoint_url=s3_fake.url)
        with pytest.raises(NoInputError, match="credentials have expired"):
            flows.sql("select * from flows limit 1").arrow()
    assert len(s3_fake.requests) < 100


def test_the_requester_pays_where_that_was_agreed_to(credentials):
    with twisted({"a.log": LOG}, {}) as s3_fake:
        records(fl.read("s3://bkt/", endpoint_url=s3_fake.url, requester_pays=True))
        assert {got.headers.get("x-amz-request-payer") for got in s3_fake.requests} == {"requester"}
        s3_fake.requests.clear()
        records(fl.read("s3://bkt/", endpoint_url=s3_fake.url))
        assert {got.headers.get("x-amz-request-payer") for got in s3_fake.requests} == {None}


def test_a_role_is_assumed_with_its_external_id(credentials):
    assumed = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
        "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>t0ken</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"
    twist = {"": lambda request, count: Answer(200, assumed.encode())}
    with twisted({"a.log": LOG, "": b""}, twist) as aws:
        credentials.setenv("AWS_ENDPOINT_URL", aws.url)
        assert records(fl.read("s3://bkt/", role_arn=role, external_id="number 7")) == 1
    (sts,) = [request for request in aws.requests if request.method == "POST"]
    assert b"ExternalId=number+7" in sts.body
    assert b"role%2Freader" in sts.body
    for request in aws.requests:
        if request.method == "GET":
            assert "Credential=ASIAROLE/" in request.headers["authorization"]
            assert request.headers["x-amz-security-token"] == "t0ken"


def test_what_is_fetched_ahead_is_bounded_and_given_back(moto, monkeypatch):
    monkeypatch.setattr(objects, "HELD", 3 * len(LOG))
    place = bucket("bkt", {f"{number}.log": LOG for number in range(5)})
    sources = fl.read(place).inputs.found.sources
    for _ in range(2):
        for source in sources:
            source.ahead()
            source.ahead()
        held = sources[0].opener.__self__._store._held
        assert held == 3 * len(LOG)
        for source in sources:
            with source.opener() as file:
                assert file.read() == LOG
    assert sources[0].opener.__self__._store._held == 0


def test_one_object_of_a_flow_log_tells_the_columns_of_all(moto, monkeypatch):
    header = DEFAULT_HEADER.encode() + b" colour-of-packet\n"
    line = GOOD.encode() + b" blue\n"
    first = {key("plain", day=day): gzip.compress(header + line) for day in range(1, 6)}
    second = {key("plain", day=day, flow_log="fl-0cd2"): gzip.compress(LOG) for day in (1, 2)}
    place = bucket("bkt", {**first, **second, "own.log": LOG})
    flows = fl.read(place)
    opened = Counter()
    looked_at = peek._beginning
    monkeypatch.setattr(
        peek, "_beginning", lambda source: opened.update([source.name]) or looked_at(source)
    )
    colours = flows.sql("select colour_of_packet as c from flows").arrow()["c"].to_pylist()
    assert Counter(colours) == {"blue": 5, None: 3}
    assert len(opened) == 3


@pytest.mark.parametrize(
    ("folder", "wanted", "step"),
    [
        ("", Choice(), Step.LOOK),
        ("anything/", Choice(), Step.LOOK),
        ("AWSLogs/", Choice(), Step.LOOK),
        (f"AWSLogs/{ORGANIZATION}/", Choice(), Step.LOOK),
        (f"AWSLogs/{ACCOUNT}/", Choice(), Step.LOOK),
        (f"AWSLogs/{ACCOUNT}/", Choice(accounts=(OTHER,)), Step.LEAVE),
        (f"AWSLogs/{ACCOUNT}/Config/", Choice(), Step.LEAVE),
        (f"AWSLogs/aws-account-id={ACCOUNT}/aws-service=elb/", Choice(), Step.LEAVE),
        (f"AWSLogs/{ACCOUNT}/vpcflowlogs/", Choice(), Step.WHOLE),
        (f"AWSLogs/{ACCOUNT}/vpcflowlogs/", Choice(region=REGION), Step.LOOK),
        (f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/", Choice(region="x"), Step.LEAVE),
        (f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/", Choice(region=REGION), Step.WHOLE),
        ("AWSLogs/somebody/", Choice(accounts=(OTHER,)), Step.WHOLE),
    ],
)
def test_a_folder_is_looked_at_listed_whole_or_left_out(folder, wanted, step):
    assert wanted.step(place(folder)) is step


@pytest.mark.parametrize(
    ("folder", "step"),
    [
        ("2025/", Step.LEAVE),
        ("2026/", Step.LOOK),
        ("2027/", Step.WHOLE),
        ("2028/", Step.LOOK),
        ("2028/02/", Step.WHOLE),
        ("2028/03/", Step.LOOK),
        ("2028/03/15/", Step.WHOLE),
        ("2028/03/16/", Step.LEAVE),
        ("2028/02/30/", Step.WHOLE),
        ("year=2026/month=02/", Step.LEAVE),
        ("year=2026/month=03/day=15/hour=02/", Step.WHOLE),
    ],
)
def test_a_window_decides_by_year_month_and_day(folder, step):
    window = Choice(datetime(2026, 3, 15).date(), datetime(2028, 3, 15).date())
    assert window.step(place(f"AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{folder}")) is step


def test_windows_at_the_ends_of_time_are_days_as_well():
    ends = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)
    whole = choice(*ends)
    assert (str(whole.first), str(whole.last)) == ("0001-01-01", "9999-12-31")
    assert choice(None, ends[0]).last is not None


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(paths).attempted > 5
    assert doctest.testmod(paths).failed == 0


def test_boto3_is_imported_for_remote_inputs_alone(tmp_path):
    (tmp_path / "a.log").write_bytes(LOG)
    code = (
        "import sys\nfrom flowlens.cli.main import main\n"
        f"main(['report', '--help']); main(['query', 'enis', {str(tmp_path)!r}])\n"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
