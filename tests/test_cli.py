"""The command line as a user meets it: every run is a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import command

import flowlens as fl

ROOT = Path(__file__).parents[1]
DEMO = str(ROOT / "fixtures/demo")
RECORD = "2 123456789012 eni-0a1 192.0.2.7 10.0.0.5 40000 22 6 1 44 1790000000 1790000030 REJECT OK"
NODATA = "2 123456789012 eni-0a1 - - - - - - - 1790000000 1790000059 - NODATA"
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)


def run(
    *arguments: str | Path, stdin: bytes = b"", **options
) -> subprocess.CompletedProcess[bytes]:
    """Run flowlens, in a process of its own where something of that is given; output is bytes."""
    if not stdin and not options:
        return command(*arguments)
    words = [sys.executable, "-P", "-m", "flowlens", *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, timeout=120, **options)


def log(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def errors(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return done.stderr.decode().splitlines()


def test_help_lists_every_command_and_each_has_its_own():
    text = run("--help").stdout.decode()
    for name in ("report", "show", "query", "sql", "check", "convert", "diff", "rdns", "schema"):
        assert f"\n  {name} " in text
        assert run(name, "--help").stdout.startswith(f"Usage: flowlens {name}".encode())


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from flowlens.cli.main import main\n"
        "main(['report', '--help'])\n"
        "heavy = {'polars', 'duckdb', 'pyarrow', 'dns', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_missing_path_is_named_and_exits_3(tmp_path):
    done = run("report", tmp_path / "nothing.log")
    assert done.returncode == 3
    assert errors(done) == [f"flowlens: {tmp_path}/nothing.log: no such file or directory"]
    assert done.stdout == b""


@pytest.mark.parametrize("lost", ["lost.log", "*.none", "dangling.log", "good.log/below"])
def test_one_missing_input_of_several_exits_3_before_anything_is_read(lost, tmp_path):
    good = log(tmp_path / "good.log", RECORD)
    (tmp_path / "dangling.log").symlink_to("nowhere")
    done = command("query", "rejected_by_port", good, tmp_path / lost, "-f", "csv")
    assert (done.returncode, done.stdout) == (3, b"")
    (line,) = errors(done)
    assert line.startswith(f"flowlens: {tmp_path}/{lost}: n")
    assert line.endswith("; --skip-missing reads what is there")
    with pytest.raises(fl.FlowlensError, match="--skip-missing"):
        fl.read([good, tmp_path / lost])
    assert fl.read([good, tmp_path / lost], skip_missing=True).arrow().num_rows == 1


def test_an_empty_directory_beside_good_inputs_is_no_missing_one(tmp_path):
    good = log(tmp_path / "good.log", RECORD)
    (tmp_path / "empty").mkdir()
    done = command("query", "rejected_by_port", good, tmp_path / "empty", "-f", "csv")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert errors(done) == [f"flowlens: {tmp_path}/empty: unreadable: the directory holds no files"]


def test_a_missing_path_that_may_be_skipped_is_named_and_the_good_ones_count(tmp_path):
    good = log(tmp_path / "good.log", RECORD)
    paths = (good, tmp_path / "lost.log")
    arguments = ("query", "rejected_by_port", *paths, "-f", "csv", "--skip-missing")
    done, strict = run(*arguments), run(*arguments, "--strict")
    assert (done.returncode, strict.returncode) == (0, 4)
    assert done.stdout == strict.stdout
    assert done.stdout.splitlines()[1:] == [b"6,22,1,1,44,1,1"]
    assert any("lost.log: unreadable" in line for line in errors(done))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["qurey"], "Did you mean 'query'?"),
        (["query", "rejected_by_prot", DEMO], "did you mean rejected_by_port"),
        (["query", "timeline", DEMO, "-p", "bucket=3"], "bucket_seconds"),
        (["query", "timeline", DEMO, "-p", "bucket_seconds=soon"], "bigint"),
        (["query", "timeline", DEMO, "-f", "xml"], "xml"),
        (["report", DEMO, "--since", "yesterday"], "--since yesterday"),
        (["report", DEMO, "--ip", "10.0.0.0/99"], "--ip 10.0.0.0/99"),
        (["report", DEMO, "--port", "70000"], "--port 70000"),
        (["report", DEMO, "--action", "DROP"], "ACCEPT or REJECT"),
        (["report", DEMO, "--where", "nonsense = 1"], "nonsense"),
        (["report", DEMO, "--layout", "${srcaddr} ${srcaddr}"], "twice"),
        (["show", "nobody", DEMO], "write 203.0.113.7"),
        (["sql", "select 1; select 2", DEMO], "one SELECT"),
        (["sql", "drop table flows", DEMO], "not allowed"),
        (["sql", "select * from read_text('/etc/hostname')", DEMO], "disabled"),
        (["sql", "select * from nowhere", DEMO], "nowhere"),
    ],
)
def test_a_wrong_word_is_one_line_and_exits_2(arguments, word):
    done = run(*arguments)
    assert done.returncode == 2
    assert len(errors(done)) == 1
    assert word in errors(done)[0]
    assert done.stdout == b""


@pytest.mark.parametrize("lines", [[], [HEADER], [NODATA], [HEADER, NODATA]])
@pytest.mark.parametrize("command", [["report"], ["check"], ["query", "rejected_by_port"]])
def test_input_without_traffic_is_no_failure(tmp_path, lines, command):
    done = run(*command, log(tmp_path / "quiet.log", *lines))
    assert done.returncode == 0
    assert done.stdout
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "no flow-log layout fits"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "no flow-log layout fits"),
        (b"Nov 23 02:00:01 host sshd[1]: hello\n", "--layout"),
        (b"srcaddr srcaddr action\n", "'srcaddr' twice"),
    ],
)
def test_what_is_no_flow_log_is_one_line_and_exits_3(tmp_path, content, words):
    path = tmp_path / "picture.log"
    path.write_bytes(content)
    done = run("report", path)
    assert done.returncode == 3
    assert len(errors(done)) == 1
    assert words in errors(done)[0]


def test_an_empty_file_beside_what_cannot_be_read_is_no_success(tmp_path):
    log(tmp_path / "empty.log")
    (tmp_path / "junk.log").write_bytes(bytes(100))
    done = run("report", tmp_path)
    assert done.returncode == 3
    assert "junk.log" in errors(done)[0]


def test_output_file_and_redirect_are_equal_to_the_byte(tmp_path):
    for format in ("table", "csv", "json", "jsonl", "markdown", "parquet"):
        arguments = ("query", "rejected_by_port", DEMO, "-f", format)
        run(*arguments, "-o", tmp_path / "out")
        assert run(*arguments).stdout == (tmp_path / "out").read_bytes() != b""
    for name in ("report", "check"):
        arguments = (name, DEMO, "--since", "2026-11-23T02:00:00Z")
        run(*arguments, "-o", tmp_path / "page")
        piped = run(*arguments).stdout.splitlines()
        written = (tmp_path / "page").read_bytes().splitlines()
        assert [line for line in piped if not line.startswith(b"made")] == [
            line for line in written if not line.startswith(b"made")
        ]


@pytest.mark.parametrize("format", ["table", "csv", "json", "jsonl", "markdown", "parquet"])
def test_no_rows_are_a_header_and_exit_0(tmp_path, format):
    quiet = log(tmp_path / "quiet.log", NODATA)
    done = run("query", "rejected_by_port", quiet, "-f", format)
    assert done.returncode == 0
    if format in ("table", "csv", "markdown"):
        assert b"dstport" in done.stdout.splitlines()[0]
    if format == "json":
        assert json.loads(done.stdout) == []


def test_a_window_that_holds_nothing_says_what_the_data_spans(tmp_path):
    path = log(tmp_path / "one.log", RECORD)
    arguments = ("query", "rejected_by_port", path, "--since", "2030-01-01")
    done = run(*arguments)
    assert done.returncode == 0
    assert errors(done) == [
        "flowlens: 0 of 1 records in the window; the data spans "
        "2026-09-21T14:13:20Z to 2026-09-21T14:13:50Z"
    ]
    assert run(*arguments, "--fail-empty").returncode == 1


def test_the_window_is_half_open_on_the_start(tmp_path):
    path = log(tmp_path / "one.log", RECORD)
    count = "select count(*) as n from flows"

    def records(*window: str) -> int:
        return json.loads(run("sql", count, path, "-f", "json", "-q", *window).stdout)[0]["n"]

    assert records("--since", "2026-09-21T14:13:20Z") == 1
    assert records("--until", "2026-09-21T14:13:20Z") == 0
    assert records("--until", "2026-09-21T14:13:21Z") == 1


def test_malformed_lines_are_told_and_quarantined_with_their_escapes(tmp_path):
    path = tmp_path / "bad.log"
    path.write_bytes(f"{RECORD}\n".encode() + b"2 \x1b[31mevil\x1b[0m \xff\n" + RECORD.encode())
    aside = tmp_path / "aside.jsonl"
    done = run("check", path, "--quarantine", aside)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr + aside.read_bytes()
    rows = [json.loads(line) for line in aside.read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in rows] == [(2, "bad_encoding")]
    assert rows[0]["text"].startswith("2 \x1b[31mevil")
    assert "1 of 3 lines malformed" in errors(done)[0]
    assert run("check", path, "--strict").returncode == 4
    assert run("check", path, "--quiet").stderr == b""


def test_the_quarantine_may_be_neither_the_input_nor_the_output(tmp_path):
    path = log(tmp_path / "one.log", RECORD)
    before = path.read_bytes()
    assert run("check", path, "--quarantine", path).returncode == 2
    same = tmp_path / "same"
    assert run("check", path, "--quarantine", same, "-o", same).returncode == 2
    assert path.read_bytes() == before


def test_output_to_a_full_disk_is_one_line():
    done = run("sql", "select * from flows", DEMO, "-f", "csv", "-o", "/dev/full")
    assert done.returncode == 1
    assert "No space left on device" in errors(done)[0]


def test_a_closed_pipe_is_silent():
    command = f"{sys.executable} -P -m flowlens sql 'select * from flows' {DEMO} -f csv | head -1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], capture_output=True, timeout=60
    )
    assert done.stdout.startswith(b"version,account_id")
    assert done.stderr.count(b"\n") <= 1  # what was malformed, and nothing of the pipe
    assert b"pipe" not in done.stderr.lower()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_130_and_leaves_nothing_behind(tmp_path, number):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "flowlens", "report", str(fifo), "-o", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    with open(fifo, "wb") as feed:
        feed.write(f"{RECORD}\n".encode() * 200_000)
        deadline = time.monotonic() + 30
        while not list(scratch.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(scratch.iterdir())
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path):
    command = [
        sys.executable,
        "-P",
        "-m",
        "flowlens",
        "query",
        "refused_by_class",
        DEMO,
        "-f",
        "csv",
    ]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in "ab"
    ]
    first, second = (process.communicate(timeout=120)[0] for process in runs)
    assert first == second != b""


def test_standard_input_takes_any_compression_and_many_headers():
    files = sorted((ROOT / "fixtures/demo").rglob("*.gz"))
    joined = b"".join(file.read_bytes() for file in files)
    piped = run("query", "rejected_by_port", "-", "-f", "csv", stdin=joined)
    assert piped.stdout == run("query", "rejected_by_port", DEMO, "-f", "csv").stdout
    assert json.loads(run("check", "-", "-f", "json", stdin=joined).stdout)["headers"] == len(files)


def test_the_same_input_named_twice_is_read_once():
    once, twice = run("query", "action_totals", DEMO), run("query", "action_totals", DEMO, DEMO)
    assert once.stdout == twice.stdout


def test_query_without_a_name_lists_all_and_show_prints_the_text():
    text = run("query").stdout.decode()
    for path in (ROOT / "queries").glob("*.sql"):
        assert f"\n{path.stem} " in text
        assert run("query", path.stem, "--show").stdout == path.read_bytes()


def test_users_own_queries_are_found_and_held_to_the_rules(tmp_path):
    own = tmp_path / "ssh.sql"
    own.write_text(
        "-- Who tried SSH.\n--\n-- reads: flows\n"
        "-- param: limit bigint = 0 | rows | rows to give\n"
        "-- column: srcaddr varchar | | source\n"
        "select distinct srcaddr from flows where dstport = 22 order by srcaddr limit $limit\n"
    )
    done = run("query", "ssh", DEMO, "--queries", tmp_path, "-f", "csv", "--limit", "1")
    assert done.stdout.splitlines()[0] == b"srcaddr"
    assert len(done.stdout.splitlines()) == 2
    own.write_text(own.read_text().replace("-- reads: flows\n", ""))
    wrong = run("query", "ssh", DEMO, "--queries", tmp_path)
    assert wrong.returncode == 2
    assert "ssh.sql:1" in errors(wrong)[0]


def test_a_bucket_shorter_than_the_records_is_remarked_on(tmp_path):
    path = log(tmp_path / "one.log", RECORD)
    short = run("query", "timeline", path, "-p", "bucket_seconds=10")
    assert "records span up to 30 s, longer than a bucket of 10 s" in errors(short)[0]
    assert run("query", "timeline", path, "-p", "bucket_seconds=30").stderr == b""


def test_check_adds_up_for_every_source():
    checked = json.loads(run("check", DEMO, "-f", "json", "-q").stdout)
    for counts in (checked, *checked["sources"]):
        known = ("records", "headers", "blanks", "malformed", "repeats")
        assert counts["lines"] == sum(counts[name] for name in known)
        assert counts["records"] == sum(counts[name] for name in ("ok", "nodata", "skipdata"))
        assert sum(counts["reasons"].values()) == counts["malformed"]
    assert checked["files"] == len(checked["sources"]) == 12
    assert checked["malformed"] == 1


def test_schema_has_all_fields_through_version_11():
    rows = json.loads(run("schema", "-f", "json").stdout)
    assert {row["version"] for row in rows} == set(range(2, 12))
    assert [row["column"] for row in rows][:3] == ["version", "account_id", "interface_id"]


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.csv", b"protocol,dstport"),
        ("a.JSON", b"[\n{"),
        ("a.jsonl", b'{"protocol"'),
        ("a.parquet", b"PAR1"),
        ("a.md", b"| protocol"),
        ("a.html", b"<!doctype html>"),
        ("a.txt", b"protocol  dstport"),
        ("a", b"protocol  dstport"),
        ("a.svg", b"<svg"),
        ("a.png", b"\x89PNG"),
    ],
)
def test_the_ending_of_the_output_decides_its_format(name, begins, tmp_path):
    done = command("query", "rejected_by_port", DEMO, "-q", "-o", tmp_path / name)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["query", "timeline", DEMO, "-o", "a.tsv"], ".tsv says no format; .csv, .json, "),
        (["query", "timeline", DEMO, "-o", "a.csv.gz"], ".gz says no format; "),
        (["schema", "-o", "a.xlsx"], ".xlsx says no format; "),
        (["sql", "select 1", DEMO, "-f", "csv", "-o", "a.json"],
         "json by its ending; --format csv is another thing"),
        (["query", "timeline", DEMO, "-f", "table", "-o", "a.svg"],
         "a picture by its ending; --format table is another thing"),
        (["report", DEMO, "-o", "a.csv"],
         "csv by its ending; this command has table, markdown, json and html"),
        (["check", DEMO, "-o", "a.html"],
         "html by its ending; this command has table, markdown and json"),
        (["show", "22", DEMO, "-f", "json", "-o", "a.md"], "markdown by its ending; --format json"),
        (["rdns", "192.0.2.1", "-o", "a.png"], "this command draws no picture; it has table, csv"),
        (["schema", "-o", "a.svg"], "this command draws no picture"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else None,
)  # fmt: skip
def test_an_output_that_says_something_else_is_refused(arguments, what, tmp_path):
    place = tmp_path / arguments[-1]
    done = command(*arguments[:-1], place)
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = errors(done)
    assert line.startswith(f"flowlens: {place}: {what}")
    assert not place.exists()


@pytest.mark.parametrize("name", ["a", "a.txt", "a.out", "2026.11.23"])
def test_a_format_that_is_given_goes_into_any_file_that_says_nothing_else(name, tmp_path):
    command("query", "timeline", DEMO, "-q", "-f", "csv", "-o", tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(b"bucket,action")


def test_filters_may_be_several_and_a_port_may_have_a_protocol(tmp_path):
    path = log(tmp_path / "a.log", RECORD)
    for given, kept in {
        ("--port", "22,23"): 1,
        ("--port", "23", "--port", "tcp/22"): 1,
        ("--port", "22/udp,23/tcp"): 0,
        ("--ip", "10.99.0.0/16", "--ip", "0.0.0.0/0"): 1,
        ("--eni", "eni-x", "--eni", RECORD.split()[2]): 1,
        ("--account", f"1,{RECORD.split()[1]}"): 1,
        ("--account", "1", "--account", "2"): 0,
    }.items():
        done = command("sql", "select count(*) as n from flows", path, *given, "-f", "csv", "-q")
        assert done.stdout == b"n\n%d\n" % kept, given


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("eni-07b5", "did you mean eni-07b5c1d2e3f4a5d889?"),
        ("07B5C1", "did you mean eni-07b5c1d2e3f4a5d889?"),
        ("eni-07b5c1d2e3f4a5d898", "did you mean eni-07b5c1d2e3f4a5d889"),
        ("eni-0", "(6 more begin so)"),
    ],
)
def test_an_eni_that_is_nearly_right_is_offered(asked, meant):
    for arguments in (["check", DEMO, "--eni", asked], ["show", asked, DEMO]):
        if arguments[0] == "show" and not asked.startswith("eni-"):
            continue
        done = command(*arguments)
        assert done.returncode == 0
        (line,) = [line for line in errors(done) if "no record is of this ENI" in line]
        assert line.startswith(f"flowlens: {asked}: ")
        assert meant in line


def test_an_eni_that_is_there_is_not_said_to_be_missing():
    done = command("check", DEMO, "--eni", "eni-07b5c1d2e3f4a5d889", "--port", "1")
    assert any("0 of 5,029 records" in line for line in errors(done))
    assert not any("of this ENI" in line for line in errors(done))
