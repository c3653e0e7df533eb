"""`flowlens scanners` as a user meets it: formats, options, what goes to standard error, exits."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commands import command
from scan_world import write
from test_cli import DEMO, HEADER, NODATA, RECORD, errors, log, run
from test_scanners_page import WAVE
from test_scans_reasons import refused, served

import flowlens as fl
from flowlens.answers.scanners.result import LISTED, TIERS, chosen_tiers
from flowlens.core.errors import UsageError

FLOWLENS = (sys.executable, "-P", "-m", "flowlens")
FORMATS = ("table", "csv", "json", "jsonl", "markdown", "parquet")
SCANNER = "203.0.113.77"


def rows_of(*arguments: str | Path) -> list[dict[str, Any]]:
    """The rows that a run gives as JSON; nothing went wrong."""
    done = command("scanners", *arguments, "-f", "json", "-q")
    assert (done.returncode, done.stderr) == (0, b"")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def refusal(*arguments: str | Path) -> str:
    """The one line with which a run ends for a wrong word; nothing goes to standard output."""
    done = command("scanners", *arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = errors(done)
    return line


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return rows_of(DEMO, "--tier", "all")


def test_the_json_holds_what_a_verdict_stands_on(rows: list[dict[str, Any]]) -> None:
    wanted = (
        "srcaddr tier evidence shape pace targets hosts ports first_seen last_seen alarm_at "
        "answered accepted basis sure reasons"
    )
    assert {*wanted.split()} <= {*rows[0]}
    row = next(row for row in rows if row["srcaddr"] == SCANNER)
    assert (row["tier"], row["sure"], row["shape"], row["hosts"]) == ("scanner", 5, "vertical", 1)
    assert (row["ports"], row["answered"], row["accepted"]) == (12, 1, 1)
    assert row["alarm_at"] == "2026-11-23T02:08:39Z"
    assert row["first_seen"] < row["alarm_at"] < row["last_seen"]
    assert row["basis"] == "all"
    assert row["reasons"][0] == "11 refused where nobody is served +34.6"


def test_the_rows_stand_by_evidence_then_by_address(rows: list[dict[str, Any]]) -> None:
    keys = [(-row["evidence"], row["srcaddr"]) for row in rows]
    assert keys == sorted(keys)


@pytest.mark.parametrize("limit", [None, 7])
def test_every_format_holds_the_same_rows(tmp_path: Path, limit: int | None) -> None:
    more = [] if limit is None else ["--limit", str(limit)]
    told = rows_of(DEMO, *more)
    assert len(told) == (limit or 73)
    texts = {kind: command("scanners", DEMO, "-f", kind, *more).stdout for kind in FORMATS}
    assert [json.loads(line) for line in texts["jsonl"].splitlines()] == told
    cells = list(csv.DictReader(io.StringIO(texts["csv"].decode())))
    assert len(cells) == len(told)
    for row, cell in zip(told, cells, strict=True):
        assert list(row) == list(cell)
        for name, value in row.items():
            assert _same(value, cell[name]), (name, value, cell[name])
    (tmp_path / "rows.parquet").write_bytes(texts["parquet"])
    stored = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    for row, kept in zip(told, stored, strict=True):
        assert {name: row[name] for name in ("srcaddr", "evidence", "reasons")} == {
            name: kept[name] for name in ("srcaddr", "evidence", "reasons")
        }
    markdown = texts["markdown"].decode().splitlines()
    assert markdown[0].startswith("| srcaddr | tier | sure |")
    shown = [line for line in markdown[2:] if line.startswith("| ")]
    assert [line.split(" | ")[0][2:] for line in shown] == [
        row["srcaddr"] for row in told[: limit or 20]
    ]


def _same(value: Any, cell: str) -> bool:
    """Whether a cell of CSV says what a value of JSON does."""
    if isinstance(value, list):
        return json.loads(cell) == value
    if isinstance(value, bool):
        return cell == str(value).lower()
    return cell == "" if value is None else cell == str(value)


def test_a_file_and_standard_output_are_equal_to_the_byte(tmp_path: Path) -> None:
    place = write(tmp_path / "flows.log", [*refused(SCANNER, 9), *WAVE])
    for kind in FORMATS:
        arguments = ("scanners", place, "-f", kind, "--limit", "3")
        command(*arguments, "-o", tmp_path / "out")
        assert command(*arguments).stdout == (tmp_path / "out").read_bytes() != b""


def test_no_line_of_the_page_is_wider_than_eighty_columns_when_piped() -> None:
    page = command("scanners", DEMO, "--limit", "0").stdout.decode()
    assert max(len(line) for line in page.splitlines()) <= 80
    assert page.count("█") > 73


def test_the_tiers_are_those_asked_for(rows: list[dict[str, Any]]) -> None:
    counted = {tier: sum(row["tier"] == tier for row in rows) for tier in TIERS}
    assert counted == {
        "scanner": 68, "likely": 5, "probe": 166, "benign": 126, "backscatter": 0, "return": 2,
    }  # fmt: skip
    assert {row["tier"] for row in rows_of(DEMO)} == {*LISTED}
    some = rows_of(DEMO, "--tier", "probe, likely,")
    assert {row["tier"] for row in some} == {"probe", "likely"}
    assert len(some) == 171
    assert rows_of(DEMO, "--tier", "all,scanner") == rows


def test_a_tier_that_is_none_is_said_in_one_line() -> None:
    assert "--tier probes: no such tier; did you mean probe?" in refusal(DEMO, "--tier", "probes")
    assert "no such tier" in refusal(DEMO, "--tier", "all,nonsense")
    for nothing in ("", " ", ",", " , "):
        with pytest.raises(UsageError, match=r"no tier in it; there are: all, backscatter, ben"):
            chosen_tiers(nothing)


def test_the_steps_of_a_source_sum_up_to_its_evidence(rows: list[dict[str, Any]]) -> None:
    explained = [row for row in rows if row["srcaddr"] in ("192.0.2.0/24", SCANNER)]
    assert len(explained) == 2
    for row in explained:
        steps = rows_of(DEMO, "--explain", row["srcaddr"])
        total = sum(step["weight"] + step["fading"] for step in steps)
        assert steps[-1]["evidence"] == row["evidence"] == pytest.approx(total, abs=1e-5)
        assert len(steps) == row["contacts"]
        alarm = next(step for step in steps if step["tier"] == "scanner")
        assert (alarm["step"], alarm["first_seen"]) == (row["alarm_contact"], row["alarm_at"])


SIX = [
    f"eni-{n} 2001:db8:ffff::9 fd00::{n} 45000 23 6 1 40 {n} 40 REJECT OK tcp_flags=2"
    for n in range(1, 7)
]


def test_an_address_is_explained_in_any_spelling(tmp_path: Path) -> None:
    wave = [line.replace("198.51.100.", "2001:db8:1:2::") for line in WAVE]
    wave = [re.sub(r"10\.0\.1\.(\d)", r"fd00::\1", line) for line in wave]
    place = write(tmp_path / "flows.log", [*SIX, *wave, *refused(SCANNER, 5)])
    for spellings in (
        ("2001:db8:ffff::9", "2001:DB8:FFFF:0:0:0:0:9", "2001:db8:ffff::9/128"),
        ("2001:db8:1:2::/64", "2001:0DB8:0001:0002:0000:0000:0000:0000/64"),
        (SCANNER, f"{SCANNER}/32"),
    ):
        first, *others = (rows_of(place, "--explain", spelling) for spelling in spellings)
        assert len(first) >= 5
        assert all(other == first for other in others)


def test_a_text_that_is_no_address_is_explained_where_a_file_holds_it(tmp_path: Path) -> None:
    table = fl.read(write(tmp_path / "flows.log", refused(SCANNER, 5))).arrow()
    names = ["scanner.local" if a == SCANNER else a for a in table["srcaddr"].to_pylist()]
    place = table.schema.get_field_index("srcaddr")
    pq.write_table(table.set_column(place, "srcaddr", [names]), tmp_path / "flows.parquet")
    steps = rows_of(tmp_path / "flows.parquet", "--explain", "scanner.local")
    assert len(steps) == 5


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("8.8.8.8", "--explain 8.8.8.8: no source of these records, and no network that scans"),
        (
            "nobody",
            "--explain nobody: neither an address nor a CIDR; try 203.0.113.7 or 10.0.0.0/8",
        ),
        ("203.0.113.777", "--explain 203.0.113.777: neither an address nor a CIDR; try"),
        ("fe80::1%eth0", "--explain fe80::1%eth0: neither an address nor a CIDR; try"),
        ("", "--explain: write an address such as 203.0.113.7, or 10.0.0.0/8"),
        (" ", "--explain: write an address such as 203.0.113.7, or 10.0.0.0/8"),
        ("\x1b[31m", "--explain \\x1b[31m: neither an address nor a CIDR"),
    ],
)
def test_what_can_not_be_explained_is_said_in_one_line(
    tmp_path: Path, source: str, said: str
) -> None:
    place = write(tmp_path / "flows.log", refused(SCANNER, 5))
    assert said in refusal(place, "--explain", source)


def test_allowed_sources_are_marked_and_stay(tmp_path: Path) -> None:
    allow = tmp_path / "allow.txt"
    allow.write_text(f"# who may\n{SCANNER} weekly scan\n192.0.2.139/32, audit # until May\n")
    told = {row["srcaddr"]: row["allowed"] for row in rows_of(DEMO, "--allow", allow)}
    assert len(told) == 73
    assert {source: why for source, why in told.items() if why} == {
        SCANNER: "weekly scan",
        "192.0.2.139": "audit",
    }
    page = command("scanners", DEMO, "--allow", allow).stdout.decode()
    assert "ALLOWED: weekly scan; 11 refused" in " ".join(page.split())
    assert f" {SCANNER}  (allowed)  eni-07" in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "192.0.2.0/24 ours\nnonsense here\n",
            "allow.txt:2: 'nonsense' is neither an address nor a CIDR",
        ),
        ("192.0.2.7/24 ours\n", "allow.txt:1: '192.0.2.7/24' has host bits set; write 192.0.2.0"),
        ("\xff\xfe", "allow.txt"),
    ],
)
def test_a_wrong_allow_list_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "allow.txt").write_text(text, encoding="latin-1")
    assert said in refusal(DEMO, "--allow", tmp_path / "allow.txt")


def test_an_allow_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "none.txt" in refusal(DEMO, "--allow", tmp_path / "none.txt")


def test_networks_of_our_own_are_judged_as_ours(tmp_path: Path) -> None:
    place = write(tmp_path / "flows.log", [*refused(SCANNER, 9), *refused("198.51.100.9", 9)])
    found = {row["srcaddr"]: row for row in rows_of(place, "--own", "203.0.113.0/24")}
    assert {source: row["inside"] for source, row in found.items()} == {
        SCANNER: True,
        "198.51.100.9": False,
    }
    assert found[SCANNER]["exposed"] is None
    assert found["198.51.100.9"]["exposed"] == 9
    assert found[SCANNER]["reasons"][0] == "one of our own: bar 17.8"
    assert "--own '203.0.113.7/24' has host bits set" in refusal(place, "--own", "203.0.113.7/24")
    assert "--own 'here' is neither an address nor a CIDR" in refusal(place, "--own", "here")


def test_a_number_of_the_evidence_can_be_set() -> None:
    told = {row["srcaddr"]: row for row in rows_of(DEMO, "--set", "refused=2", "--set", "fading=0")}
    assert told[SCANNER]["evidence"] == pytest.approx(11 * 2 - 2.45)
    assert told[SCANNER]["reasons"][0] == "11 refused where nobody is served +22.0"


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("refuse=3", "no parameter 'refuse' of the evidence; did you mean refused"),
        ("refused=much", "--set refused=much: a number is needed"),
        ("refused", "--set refused: write NAME=VALUE"),
        ("refused=-1", "evidence refused=-1: 3.15 nats is the usual value"),
        ("refused=nan", "evidence refused=nan: a number below a thousand million is needed"),
        ("alpha=2", "evidence alpha=2: a share is above 0 and at most 1"),
        ("alpha=0.5", "evidence: alpha < likely_alpha < beta < 1 must hold"),
        ("few=1.5", "evidence few=1.5: a whole number of them is needed"),
    ],
)
def test_a_number_that_can_not_be_meant_is_said_in_one_line(pair: str, said: str) -> None:
    assert said in refusal(DEMO, "--set", pair)


@pytest.mark.parametrize("lines", [[], [HEADER, NODATA]])
@pytest.mark.parametrize("kind", FORMATS)
def test_input_without_traffic_is_no_failure(tmp_path: Path, lines: list[str], kind: str) -> None:
    done = command("scanners", log(tmp_path / "quiet.log", *lines), "-f", kind, "-q")
    assert (done.returncode, done.stderr) == (0, b"")
    if kind == "json":
        assert json.loads(done.stdout) == []
    elif kind in ("csv", "markdown"):
        assert b"srcaddr" in done.stdout.splitlines()[0]
    elif kind == "table":
        assert b"no source is scanner or likely by the evidence" in done.stdout


def test_a_log_of_accepts_alone_is_not_judged_and_says_why(tmp_path: Path) -> None:
    place = write(tmp_path / "flows.log", served(SCANNER, 9, at=0) + served(SCANNER, 9, at=90_000))
    done = command("scanners", place, "-f", "json")
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = errors(done)
    assert "18 records from peers were accepted and none rejected" in line
    assert "create the flow log with traffic type ALL" in line


def test_what_was_put_aside_and_what_limits_the_verdicts_go_to_standard_error() -> None:
    page, table = command("scanners", DEMO), command("scanners", DEMO, "-f", "csv")
    aside = "flowlens: 1 of 5,042 lines malformed and put aside (bad_address 1); first "
    assert [line.startswith(aside) for line in errors(page)] == [True]
    first, *more = errors(table)
    assert first.startswith(aside)
    assert more == [
        "flowlens: 0.00 false alarms are expected among these sources",
        "flowlens: as of 2026-11-23T02:59:56Z, the end of the data: what comes later can lower a "
        "verdict",
        "flowlens: 2 SKIPDATA: touches may be missing",
    ]
    assert command("scanners", DEMO, "-f", "csv", "-q").stderr == b""
    assert command("scanners", DEMO, "--strict", "-q").returncode == 4


def test_a_filter_beside_a_state_is_said_not_to_reach_into_it(tmp_path: Path) -> None:
    place, state = write(tmp_path / "flows.log", refused(SCANNER, 9)), tmp_path / "state"
    command("scanners", place, "--save-state", state)
    said = "flowlens: earlier states count whole: the filter (port 23) is for records alone"
    for more in ([], ["-f", "json"], ["--explain", SCANNER]):
        filtered = command("scanners", place, "--state", state, "--port", "23", *more)
        assert filtered.returncode == 0
        assert said in errors(filtered)
    hostile = ("--where", "dstport = 23 /* \x1b[31m */")
    filtered = command("scanners", place, "--state", state, *hostile, "-f", "json")
    assert b"(where dstport = 23 /* \\x1b[31m */)" in filtered.stderr
    for alone in (["--state", state], ["--port", "23"]):
        assert said not in errors(command("scanners", place, *alone, "-f", "json"))


def test_a_run_that_is_interrupted_exits_130_and_leaves_nothing_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    fifo = tmp_path / "endless"
    os.mkfifo(fifo)
    out, state = tmp_path / "out", tmp_path / "state"
    process = subprocess.Popen(
        [*FLOWLENS, "scanners", fifo, "-o", out, "--save-state", state],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    with open(fifo, "wb") as feed:
        feed.write(f"{RECORD}\n".encode() * 200_000)
        deadline = time.monotonic() + 30
        while not list(scratch.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert list(scratch.iterdir()) == []
    assert not out.exists()
    assert not state.exists()


def test_a_process_of_its_own_prints_the_same() -> None:
    alone = run("scanners", DEMO, "--limit", "3")
    here = command("scanners", DEMO, "--limit", "3")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, here.stdout, here.stderr)
