"""Job files: what they make, what is wrong with them by line and key, and the template."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from flowlens.answers.scanners.result import TIERS
from flowlens.batch.job import Aws, Hooks, Job, MailPart, Notify, Rdns, ReportPart, Retention, Watch
from flowlens.batch.jobfile import keys
from flowlens.batch.jobfile.keylines import key_lines
from flowlens.batch.jobfile.loading import load
from flowlens.batch.jobfile.problems import JobError
from flowlens.batch.jobfile.template import template, write
from flowlens.batch.jobtypes import Tier
from flowlens.core.errors import ExitCode, UsageError
from flowlens.naming.dns.settings import Mode
from flowlens.output.formats import Format

LEAST = """\
name = "rejects"
inputs = ["logs/"]
store = "store/"
output = "out/"
interval = "1d"
"""
QUERY = """\
-- A query of one's own.
--
-- reads: flows
-- param: limit bigint = 0 | rows | rows to give; 0 gives all
-- param: least bigint = 0 | rows | rows at least
-- column: records bigint | records | flow-log records
select count(*) as records from flows where packets >= $least limit $limit
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(text: str) -> Job:
    path = Path("job.toml")
    path.write_text(text, encoding="utf-8")
    return load(path)


def problems(text: str | bytes) -> list[str]:
    path = Path("job.toml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(JobError) as caught:
        load(path)
    return list(caught.value.problems)


def problem(text: str) -> str:
    """The only one of the least job with more lines, which begin with line 6."""
    (one,) = problems(LEAST + text)
    return one


def test_the_least_job_has_defaults_for_all_else(tmp_path: Path) -> None:
    job = made(LEAST)
    assert job == Job(
        path=tmp_path / "job.toml",
        name="rejects",
        inputs=(f"{tmp_path}/logs",),
        store=tmp_path / "store",
        output=tmp_path / "out",
        interval=timedelta(days=1),
    )
    assert (job.lateness, job.lookback) == (timedelta(hours=1), timedelta(days=2))
    assert (job.formats, job.summary_days, job.report) == ((Format.CSV,), 30, None)


def test_a_whole_job_is_made_of_its_parts(tmp_path: Path) -> None:
    job = made(
        LEAST.replace('"1d"', '"1h"')
        + """\
lateness = "0s"
queries = ["rejected_by_port", "timeline"]
formats = ["csv", "parquet"]
[params]
timeline.bucket_seconds = 60
rejected_by_port = { limit = 5 }
[report]
[mail]
formats = ["html"]
[rdns]
mode = "cache"
rate = 50
[aws]
region = "eu-west-1"
[retention]
records = "2w"
[[alerts]]
name = "one"
sql = "select 1 as value"
message = "{value} {{seen}}"
above = 3
to = ["stdout", "chat"]
[[alerts]]
name = "two"
sql = "select 1 as value"
message = "m"
below = -0.5
every = "2h"
[notify]
chat.webhook_env = "CHAT"
pager = { command = ["./page", "", "--now"] }
[hooks]
published = ["copy"]
[watch]
log = "../run.jsonl"
"""
    )
    assert job.interval == timedelta(hours=1)
    assert not job.lateness
    assert job.formats == (Format.CSV, Format.PARQUET)
    assert {name: dict(values) for name, values in job.params.items()} == {
        "timeline": {"bucket_seconds": "60"},
        "rejected_by_port": {"limit": "5"},
    }
    assert (job.report, job.mail, job.scanners) == (ReportPart(), MailPart(("html",)), None)
    assert (job.rdns, job.aws) == (Rdns(Mode.CACHE, 50.0), Aws("eu-west-1"))
    assert job.retention == Retention(records=timedelta(weeks=2))
    one, two = job.alerts
    assert (one.above, one.below, one.every, one.to) == (
        3.0,
        None,
        timedelta(hours=1),
        ("stdout", "chat"),
    )
    assert (two.above, two.below, two.every) == (None, -0.5, timedelta(hours=2))
    assert dict(job.notify) == {
        "chat": Notify("chat", keys.Kind.WEBHOOK, "$CHAT"),
        "pager": Notify("pager", keys.Kind.COMMAND, (f"{tmp_path}/page", "", "--now")),
    }
    assert job.hooks == Hooks(("copy",))
    assert job.watch == Watch(log=tmp_path / "../run.jsonl")


def test_every_problem_is_told_in_the_order_of_lines() -> None:
    found = problems(
        """\
name = "rejects"
inputs = ["-", "logs/"]
store = "logs/store"
intervall = "1d"
formats = [
    "cvs", # no such
    "json",
]
queries = ["", "rejected_by_prot"]
[aws]
secret_access_key = "AKIA"
"""
    )
    assert found == [
        'job.toml:1: output: is missing; write output = "out/"',
        'job.toml:1: interval: is missing; write interval = "1d"',
        "job.toml:2: inputs: '-': a run can't read standard input again; name files",
        "job.toml:3: store: lies in the input 'logs'; name a directory apart",
        "job.toml:4: intervall: no such key; did you mean interval?",
        "job.toml:6: formats: 'cvs' is no format; did you mean csv?",
        "job.toml:9: queries: is blank; leave the key out, or give it a value",
        "job.toml:9: queries: no query 'rejected_by_prot'; did you mean rejected_by_port or "
        "rejected_by_eni_port or rejected_by_eni?",
        "job.toml:11: aws.secret_access_key: no secrets in a job file; set it in the environment, "
        "or let AWS's own chain find it",
    ]


def test_the_error_is_one_line_that_holds_all_problems() -> None:
    with pytest.raises(JobError) as caught:
        made(LEAST.replace("interval", "intervall"))
    assert caught.value.exit_code is ExitCode.USAGE
    assert str(caught.value) == f"job.toml: 2 problems: {'; '.join(caught.value.problems)}"
    with pytest.raises(JobError) as caught:
        made(LEAST + "x = 1")
    assert str(caught.value) == caught.value.problems[0]


ALERT = '[[alerts]]\nname = "a"\nsql = "s"\nmessage = "m"\nabove = 1\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("queries = 'timeline'", "6: queries: 'timeline' is no list; write [\"timeline\"]"),
        ("queries = [7]", "6: queries: 7 is no text; put one in quotes"),
        ("formats = []", "6: formats: is an empty list; name at least one"),
        ("formats = ['csv', 'csv']", "6: formats: 'csv' stands there twice; once is enough"),
        ("summaries = ['port']", "6: summaries: 'port' is no summary; did you mean ports?"),
        ("summary_days = true", "6: summary_days: true is no whole number"),
        ("summary_days = 0", "6: summary_days: 0 is out of range; give 1 to 3,660"),
        ("lateness = '1y'", '6: lateness: \'1y\' is no span of time; write "90s", "30m",'),
        ("lookback = '0d'", "6: lookback: '0d' is no time at all; give more"),
        ("lookback = '999999w'", "6: lookback: '999999w' is over 100 years; give less"),
        ("lookback = 2", "6: lookback: 2 is no span of time"),
        ("layout = '${srcadr}'", "6: layout: 'srcadr' isn't a known field; did you mean srcaddr"),
        ("query_files = 'none'", "6: query_files: no such directory; name one with a NAME.sql"),
        ("queries = ['enis']\nsummaries = ['enis']", "6: queries: 'enis' is the name of another"),
        (
            f"query_files = '{'q' * 300}'",
            f"6: query_files: '{'q' * 59}…': File name too long; name",
        ),
        ("region = 'eu-west-1'", "6: region: no such key here; it belongs in [aws]"),
        ("report = 'html'", "6: report: 'html' is no table; write [report] above its keys"),
        ("[report]\nlayout = 'x'", "7: report.layout: no such key here; it belongs at the top"),
        ("[report]\nformats = ['csv']", "7: report.formats: 'csv' is no format of the report; "),
        ("[report]\nrows = -1", "7: report.rows: -1 is out of range"),
        ("[scanners]\nown = ['10.0.0.1/8']", "7: scanners.own: '10.0.0.1/8' has host bits set;"),
        ("[scanners]\ntiers = ['scaner']", "7: scanners.tiers: 'scaner' is no tier; did you"),
        ("[scanners]\nallow = ['no.txt']", "7: scanners.allow: "),
        ("[rdns]\nmode = 'of'", "7: rdns.mode: 'of' is no mode; did you mean off?"),
        ("[rdns]\nrate = 0", "7: rdns.rate: give queries a second, 0.1 or more"),
        ("[rdns]\nrate = '5'", "7: rdns.rate: '5' is no number; write one without quotes"),
        ("[rdns]\nbudget = inf", "7: rdns.budget: inf is no finite number"),
        ("[rdns]\nbudget = -1", "7: rdns.budget: give seconds, 0 or more"),
        ("[rdns]\nresolvers = ['a:b:c']", "7: rdns.resolvers: write HOST, HOST:PORT or [IPv6]"),
        ("[aws]\nrequester_pays = 1", "7: aws.requester_pays: 1 is neither true nor false"),
        ("[aws]\nrole_arn = 'me'", "7: aws.role_arn: no role's ARN; write arn:aws:iam::"),
        ("[aws]\nendpoint_url = 'ftp://x'", "7: aws.endpoint_url: is no http or https URL"),
        ("[aws]\nendpoint_url = 'http://u:pw@x'", "7: aws.endpoint_url: holds a user's name or"),
        ("[aws]\nexternal_id = 'x'", "7: aws.external_id: no secrets in a job file; set it in the"),
        ("[retention]\nrecords = '24h'", "7: retention.records: is shorter than interval and"),
        ("[hooks]\npublished = 'a b'", "7: hooks.published: no shell runs commands here; write"),
        ("[hooks]\npublished = []", "7: hooks.published: is an empty list"),
        ("[watch]\nlog = 'logs/x'", "7: watch.log: lies in the input 'logs'; name a file"),
        ("[watch]\nlog = 'store/x'", "7: watch.log: lies in the store; name a file elsewhere"),
        ("[watch]\nlog = '~/x'", "7: watch.log: '~/x': no home is looked up here"),
        ("[watch]\nlog = 's3://b/x'", "7: watch.log: 's3://b/x' is no path"),
        ("[params]\ntimeline = 1", "7: params.timeline: 1 is no table; write [params.NAME]"),
        ("[params.timeline]", "6: params.timeline: is not in queries; add it there"),
        ("alerts = 1", "6: alerts: is no array of tables; write [[alerts]] above the keys"),
        (ALERT.replace("above = 1", ""), "6: alerts: has neither above nor below; give a number"),
        (ALERT.replace("name = 'a'", "").replace('name = "a"', ""), "6: alerts.name: is missing;"),
        (ALERT + ALERT, "12: alerts.name: 'a' is another alert's; rename one"),
        (ALERT + "abov = 1", "11: alerts.abov: no such key; did you mean above?"),
        (ALERT + "to = ['chat']", "11: alerts.to: no destination 'chat'; there are: stdout"),
        (ALERT.replace('"m"', '"{value:>3}"'), "9: alerts.message: has a brace that is no {col"),
        (ALERT.replace('"m"', '"{a.b}"'), "9: alerts.message: has a brace that is no {column}"),
        (ALERT.replace('"m"', '"{}"'), "9: alerts.message: has a brace that is no {column}"),
        (ALERT.replace('"m"', '"50 }"'), "9: alerts.message: has a brace that is no {column}"),
        (ALERT.replace('"s"', '" "'), "8: alerts.sql: is blank; leave the key out, or give it"),
        (ALERT.replace("= 1", "= nan"), "10: alerts.above: nan is no finite number"),
        ("[notify.stdout]\nfile = 'x'", "6: notify.stdout: is always there; name this one other"),
        ("[notify.Chat]\nfile = 'x'", "6: notify.Chat: 'Chat' is no name"),
        ("[notify.x]", "6: notify.x: doesn't say where to; give one of file, command, webhook"),
        (
            "[notify.x]\nfile = 'x'\nsns = 'arn:aws:sns:eu-west-1:123456789012:t'",
            "6: notify.x: is ",
        ),
        ("[notify.x]\nsns = 'topic'", "7: notify.x.sns: 'topic' is no ARN of a standard topic"),
        ("[notify.x]\nwebhook = 'https://u:p@h/x'", "7: notify.x.webhook: holds a user's name or"),
        ("[notify.x]\nwebhook = 'chat.example'", "7: notify.x.webhook: is no http or https URL;"),
        ("[notify.x]\nwebhook_env = '$CHAT'", "7: notify.x.webhook_env: is no name of an envir"),
        ("[notify.x]\nfile = 'logs/a'", "7: notify.x.file: lies in the input "),
        ("[notify]\nchat_token = 'x'", "7: notify.chat_token: no secrets in a job file; set it"),
        ("password = 'x'", "6: password: no secrets in a job file; set it in the environment"),
        ("'a b' = 1", "6: 'a b': no such key; there are: "),
    ],
)
def test_each_problem_is_told_with_its_line_and_key(text: str, said: str) -> None:
    assert problem(text).startswith(f"job.toml:{said}")


def test_no_secret_is_shown() -> None:
    for text in (
        "aws_secret_access_key = 'hunter2'",
        "[notify.x]\nwebhook = 'https://u:hunter2@h/x'",
        "[notify.x]\nwebhook = 'hunter2'",
        "[notify.x]\nwebhook_env = 'https://hunter2'",
        "[aws]\nendpoint_url = 'https://u:hunter2@h'",
    ):
        assert "hunter2" not in problem(text)
    (said,) = problems(LEAST.replace('"logs/"', '"ftp://u:hunter2@h/x"'))
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("name", "a/b", "1: name: 'a/b' is no name"),
        ("name", "a" * 65, "1: name: "),
        ("inputs", "https://h/x", "2: inputs: is no place to read from; write s3://BUCKET"),
        ("inputs", "s3://", "2: inputs: is no place to read from"),
        ("inputs", "cloudwatch:", "2: inputs: is no place to read from"),
        ("inputs", "store", "2: inputs: would read the job's own store; leave it out"),
        ("inputs", "store/*.parquet", "2: inputs: would read the job's own store; leave it out"),
        ("inputs", "out/*/ports.csv", "2: inputs: would read the job's own output; leave it out"),
        ("store", "logs", "2: inputs: would read the job's own store"),
        ("store", "logs/a/../s", "3: store: lies in the input"),
        ("store", "out/store", "3: store: lies in the output; name a directory apart from it"),
        ("store", "job.toml", "3: store: 'job.toml' is a file; name a directory"),
        ("output", "store/out", "4: output: lies in the store; name a directory apart from it"),
        ("output", "logs/out", "4: output: lies in the input"),
        ("interval", "24h", '5: interval: is neither a day nor an hour; write "1d" or "1h"'),
    ],
)
def test_what_every_job_has_is_looked_at(key: str, value: str, said: str) -> None:
    text = re.sub(rf'^{key} = (\[?)".*"', rf'{key} = \1"{value}"', LEAST, flags=re.MULTILINE)
    (one,) = problems(text)
    assert one.startswith(f"job.toml:{said}")


@pytest.mark.parametrize(
    ("pattern", "reads"),
    [
        ("*", True),
        ("**", True),
        ("**/*.parquet", True),
        ("**/*.gz", False),
        ("st[o]re/*.parquet", True),
        ("*/*.gz", False),
        ("[!s]*/**", False),
        ("**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/**/x", False),
    ],
)
def test_a_glob_may_not_reach_the_store(pattern: str, reads: bool) -> None:
    text = LEAST.replace("logs/", f"data/{pattern}").replace('"store/"', '"data/store"')
    if reads:
        (said,) = problems(text)
        assert said.startswith("job.toml:3: store: lies in the input ")
    else:
        made(text)


def test_a_link_hides_no_input_from_the_store(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "elsewhere").symlink_to("logs")
    (said,) = problems(LEAST.replace('"store/"', '"elsewhere/store"'))
    assert said.startswith("job.toml:3: store: lies in the input ")


def test_relative_globs_hold_in_a_directory_whose_name_looks_like_one(tmp_path: Path) -> None:
    place = tmp_path / "a[1]"
    place.mkdir()
    (place / "b[1]").touch()
    path = place / "job.toml"
    path.write_text(LEAST.replace('"logs/"', '"*.gz", "b[1]", "s3://b/p/*", "/x/*"'))
    assert load(path).inputs == (
        f"{tmp_path}/a[[]1]/*.gz",
        f"{place}/b[1]",
        "s3://b/p/*",
        "/x/*",
    )


def test_own_queries_are_known_with_their_parameters() -> None:
    Path("q").mkdir()
    Path("q/mine.sql").write_text(QUERY)
    text = LEAST + "query_files = 'q'\nqueries = ['mine', 'timeline']\n"
    job = made(text + "[params.mine]\nleast = '3'")
    assert job.params["mine"] == {"least": "3"}
    assert problems(text + "[params]\nmine.leest = 1\ntimeline.bucket_seconds = 0") == [
        "job.toml:9: params.mine.leest: mine has no parameter 'leest'; did you mean least?",
        "job.toml:10: params.timeline.bucket_seconds: timeline: bucket_seconds='0' is under "
        "1 seconds",
    ]
    Path("q/bad.sql").write_text("select 1")
    (said,) = problems(text)
    assert said.startswith("job.toml:6: query_files: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a = 1\na = 2\n", "job.toml:2: no TOML: a key stands there twice; leave one out"),
        (b"[a]\n\n[a]\n", "job.toml:3: no TOML: a table stands there twice; put its keys tog"),
        (b"a = yes\n", "job.toml:1: no TOML: no value; put texts in quotes"),
        (b"a = [1,\n2\n", "job.toml:2: no TOML: "),
        (b"a = " + b"9" * 5000, "job.toml: no TOML: "),
        (b"a = " + b"[" * 100_000, "job.toml: is nested too deep for a job"),
        (b"a = 1\r\nb = '\xff'\n", "job.toml:2: no UTF-8 text; save the file as UTF-8"),
        (b"#" * (1 << 20) + b"\n", "job.toml: over 1 MiB; a job is a small TOML file"),
    ],
)
def test_what_is_no_toml_is_one_line(text: bytes, said: str) -> None:
    (one,) = problems(text)
    assert one.startswith(said)
    assert "\n" not in one


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    Path("link").symlink_to("link")
    os.mkfifo("pipe")
    for name, said in [
        ("none.toml", "none.toml: no such file; `flowlens batch init` writes one"),
        (".", ".: is a directory; name the job's TOML file"),
        ("pipe", "pipe: is no regular file; a job is a TOML file in a directory"),
        ("link", "link: Too many levels of symbolic links; a job is a TOML file"),
    ]:
        with pytest.raises(JobError) as caught:
            load(Path(name))
        assert caught.value.problems == (said,)


@pytest.mark.parametrize("key", ["watch.log", "watch.metrics", "watch.quarantine", "notify.x.file"])
@pytest.mark.parametrize("name", ["pipe", "to_pipe", "/dev/full", "/dev/null"])
def test_a_pipe_or_a_device_is_no_file_that_runs_write(key: str, name: str) -> None:
    os.mkfifo("pipe")
    Path("to_pipe").symlink_to("pipe")
    section, key_name = key.rsplit(".", 1)
    said = problem(f"[{section}]\n{key_name} = '{name}'")
    assert said.startswith(f"job.toml:7: {key}: ")
    assert said.endswith("is no regular file; name a file")


def test_windows_line_ends_and_a_byte_order_mark_are_no_part_of_a_job() -> None:
    path = Path("job.toml")
    path.write_bytes(b"\xef\xbb\xbf" + (LEAST + "x = 1\n").replace("\n", "\r\n").encode())
    with pytest.raises(JobError, match=r"^job\.toml:6: x: no such key; "):
        load(path)


NASTY = '''\
# a = 0
a.b = 1  # c = [
"d e" . 'f.g' = """
[not]
x = 1 \\""" """"
"h\\u0069" = \'\'\'
y = 2\'\'\'\'
j = [ # [
  "]", '[', # "
  [ 1, {k = 2, l.m = [3,
    4]} ],
]
n = "\\\\" # "
o = 2026-11-23 02:00:00Z # p = 1
[ q . r ]
[[s]]
t = {}
[s.u]
v = ""
[[s]]
[[s.w]]
[[s.w]]
x = \'\'
[s.w.y]
z = {a = "}", b = ']'}
[q]
aa = """"""
bb = -inf
'''


def test_the_line_of_every_key_is_found() -> None:
    lines = key_lines(NASTY)
    assert lines == {
        ("a",): 2,
        ("a", "b"): 2,
        ("d e",): 3,
        ("d e", "f.g"): 3,
        ("hi",): 6,
        ("j",): 8,
        ("j", 0): 9,
        ("j", 1): 9,
        ("j", 2): 10,
        ("j", 2, 0): 10,
        ("j", 2, 1): 10,
        ("j", 2, 1, "k"): 10,
        ("j", 2, 1, "l"): 10,
        ("j", 2, 1, "l", "m"): 10,
        ("j", 2, 1, "l", "m", 0): 10,
        ("j", 2, 1, "l", "m", 1): 11,
        ("n",): 13,
        ("o",): 14,
        ("q",): 26,
        ("q", "r"): 15,
        ("s",): 16,
        ("s", 0): 16,
        ("s", 0, "t"): 17,
        ("s", 0, "u"): 18,
        ("s", 0, "u", "v"): 19,
        ("s", 1): 20,
        ("s", 1, "w"): 21,
        ("s", 1, "w", 0): 21,
        ("s", 1, "w", 1): 22,
        ("s", 1, "w", 1, "x"): 23,
        ("s", 1, "w", 1, "y"): 24,
        ("s", 1, "w", 1, "y", "z"): 25,
        ("s", 1, "w", 1, "y", "z", "a"): 25,
        ("s", 1, "w", 1, "y", "z", "b"): 25,
        ("q", "aa"): 27,
        ("q", "bb"): 28,
    }
    assert set(lines) == set(ways(tomllib.loads(NASTY)))


def ways(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The ways to all values within one, as `tomllib` has them."""
    found = [at] if at else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            found += ways(inner, (*at, key))
    return found


def test_many_keys_are_found_fast() -> None:
    lines = key_lines("".join(f"k{number} = [\n1]\n" for number in range(20_000)))
    assert lines[("k19999", 0)] == 40_000


def test_a_webhook_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = Notify("chat", keys.Kind.WEBHOOK, "$CHAT_WEBHOOK")
    monkeypatch.delenv("CHAT_WEBHOOK", raising=False)
    with pytest.raises(UsageError, match=r"^notify\.chat: CHAT_WEBHOOK holds no http or https"):
        chat.url()
    monkeypatch.setenv("CHAT_WEBHOOK", "https://chat.example/x")
    assert chat.url() == "https://chat.example/x"
    assert Notify("x", keys.Kind.WEBHOOK, "http://h/").url() == "http://h/"


def test_an_external_id_comes_from_the_environment_where_there_is_a_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOWLENS_EXTERNAL_ID", "x-1")
    role = "arn:aws:iam::123456789012:role/flowlens"
    assert Aws(role_arn=role).access().external_id == "x-1"
    assert Aws().access().external_id is None


OPTIONAL = re.compile(r"^#(?=\[|[a-z_]+ = )", re.MULTILINE)


def test_the_template_works_as_it_is_written(tmp_path: Path) -> None:
    write(tmp_path / "My job.toml")
    job = load(tmp_path / "My job.toml")
    assert (job.name, job.queries, job.formats) == (
        "my-job",
        ("rejected_by_port",),
        (Format.CSV,),
    )
    with pytest.raises(UsageError, match=r"My job\.toml: is there already; name a new file"):
        write(tmp_path / "My job.toml")
    with pytest.raises(UsageError, match="no such directory"):
        write(tmp_path / "none" / "job.toml")


def test_every_optional_line_of_the_template_is_taken(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "allow.txt").write_text("192.0.2.0/24 ours\n")
    (tmp_path / "names.csv").write_text("cidr,tag\n192.0.2.0/24,ours\n")
    job = made(OPTIONAL.sub("", template()))
    assert len(job.alerts) == 3
    assert set(job.notify) == {"file", "pager", "hook", "chat", "topic"}


def test_the_template_has_every_key() -> None:
    table = tomllib.loads(OPTIONAL.sub("", template()))
    assert set(table) == {*keys.TOP, *keys.TABLES}
    for name, section in keys.SECTIONS.items():
        assert set(table[name]) == set(keys.keys_of(section))
    assert {key for alert in table["alerts"] for key in alert} == set(keys.ALERT)
    assert {key for one in table["notify"].values() for key in one} == set(keys.NOTIFY)


def test_the_tiers_of_a_job_are_the_detector_s() -> None:
    assert get_args(get_args(Tier)[0]) == TIERS


def test_a_job_is_loaded_without_what_is_heavy(tmp_path: Path) -> None:
    write(tmp_path / "job.toml")
    code = (
        "import sys; from pathlib import Path; from flowlens.batch.jobfile.loading import load; "
        "load(Path('job.toml')); "
        "print({'duckdb', 'polars', 'pyarrow', 'dns', 'boto3'} & {*sys.modules})"
    )
    root = Path(str(files("flowlens"))).parent
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert run.stdout == "set()\n"
