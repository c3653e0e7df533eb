"""Two sets of flow logs compared: what changed is found, ranked and said, and nothing else.

The golden pages are written anew by `FLOWLENS_GOLDEN=write pytest tests/test_diff.py`; read the
difference before it is kept.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands import command
from query_world import SCHEMA
from rich.cells import cell_len
from sql_lint import outside, tables

import flowlens as fl
from flowlens.answers.diff.diff import CHANGES, TIMES, Difference
from flowlens.answers.diff.page import page
from flowlens.core import times as intervals
from flowlens.core.errors import UsageError
from flowlens.core.times import interval
from flowlens.output.formats import Format
from flowlens.pipeline.reference import Knowledge
from flowlens.sql import catalog
from flowlens.sql.queryfile import COMPARED, Query

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "diff"
DAY = 1_767_225_600
"""2026-01-01T00:00:00Z."""
ENI, HOST = "eni-a", "10.0.0.5"
HALVES = ("--before", "2026-11-23T02:00/2026-11-23T02:30", "--after")
LATER = "2026-11-23T02:30/2026-11-23T03:00"
FLAGS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status tcp-flags"
)


def line(
    source: str = "203.0.113.9",
    port: int = 22,
    *,
    eni: str = ENI,
    to: str = HOST,
    srcport: int = 40000,
    protocol: int = 6,
    at: int = 0,
    action: str = "REJECT",
) -> str:
    """A record in the default format, `at` seconds after the day's begin."""
    ends = f"{DAY + at} {DAY + at + 30}"
    return f"2 1 {eni} {source} {to} {srcport} {port} {protocol} 1 44 {ends} {action} OK"


def let_in(*given: Any, **more: Any) -> str:
    return line(*given, action="ACCEPT", **more)


def nodata(eni: str, at: int = 0) -> str:
    return f"2 1 {eni} - - - - - - - {DAY + at} {DAY + at + 59} - NODATA"


BOTH = [line("198.51.100.1", 23, at=0), let_in("198.51.100.2", 443, at=3_570)]
"""An hour with a refusal and a session: a log of all traffic."""


class World:
    """Two logs in files, and what `flowlens diff` makes of them."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def write(self, name: str, lines: Iterable[str]) -> Path:
        path = self.place / f"{name}.log"
        path.write_text("".join(f"{text}\n" for text in lines))
        return path

    def diff(
        self,
        before: Iterable[str],
        after: Iterable[str],
        *,
        rows: int = 10,
        all_traffic: bool = True,
    ) -> Difference:
        common = BOTH if all_traffic else []
        first = self.write("before", [*common, *before])
        second = self.write("after", [*common, *after])
        return fl.read(first).diff(fl.read(second), rows=rows)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def rows(difference: Difference, name: str, *columns: str) -> list[tuple[Any, ...]]:
    found = difference.part(name).top.head.to_pylist()
    return [tuple(row[column] for column in columns) for row in found]


def words(difference: Difference) -> str:
    """The page in one line of words."""
    return " ".join(page(difference, Format.TABLE).split())


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("FLOWLENS_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("at_root")
@pytest.mark.parametrize(
    ("format", "name"),
    [("table", "demo.txt"), ("markdown", "demo.md"), ("json", "demo.json"), ("html", "demo.html")],
)
def test_a_page_is_the_golden_one_on_standard_output_and_in_a_file(tmp_path, format, name):
    given = ("diff", "fixtures/demo", *HALVES, LATER, "-f", format, "--limit", "4", "--quiet")
    done = command(*given)
    assert (done.returncode, done.stderr) == (0, b"")
    golden(name, re.sub("<style>.*?</style>", "", done.stdout.decode(), flags=re.DOTALL))
    if format in ("table", "html"):
        assert command(*given, "-o", tmp_path / name).stdout == b""
        assert (tmp_path / name).read_bytes() == done.stdout


@pytest.mark.usefixtures("at_root")
def test_the_command_line_says_no_more_than_the_library():
    times = [datetime(2026, 11, 23, 2, 0, tzinfo=UTC), datetime(2026, 11, 23, 2, 30, tzinfo=UTC)]
    before = fl.read("fixtures/demo", since=times[0], until=times[1])
    after = fl.read("fixtures/demo", since=times[1], until="2026-11-23T03:00")
    difference = before.diff(after, rows=4)
    assert page(difference, Format.TABLE) == (GOLDEN / "demo.txt").read_text(encoding="utf-8")
    assert repr(difference) + "\n" == page(difference, Format.TABLE)
    assert difference._repr_html_().startswith('<div class="flowlens">')
    told = json.loads(page(difference, Format.JSON))
    assert list(told["parts"]) == list(CHANGES)
    assert told["changed"] is True
    assert all(cell_len(text) <= 80 for text in page(difference, Format.TABLE).splitlines())


def test_what_a_rule_let_in_comes_first_and_what_explains_itself_last(world):
    before = [line("203.0.113.9", 22, at=at) for at in range(3)]
    after = [
        *(let_in("10.0.0.7", 8080, at=at) for at in range(9)),
        let_in("203.0.113.9", 22, at=700),
        *(let_in("203.0.113.8", 8443) for _ in range(5)),
        *(let_in("203.0.113.7", 443, eni="eni-new", to="10.0.0.9") for _ in range(20)),
    ]
    found = world.diff(before, after)
    assert rows(found, "opened", "dstport", "rejected_before", "outside", "records", "new_eni") == [
        (22, 3, 1, 1, False),
        (8443, 0, 1, 5, False),
        (8080, 0, 0, 9, False),
        (443, 0, 1, 20, True),
    ]
    said = words(found)
    assert "LET IN NOW, AND NOT BEFORE ENI port records sources since before" in said
    assert "eni-a 22/tcp SSH 1 1 outside 00:11 3 refused" in said
    assert "eni-a 8080/tcp HTTP, alt. 9 1, all own 00:00 nothing" in said
    assert "eni-new 443/tcp HTTPS 20 1 outside 00:00 new ENI" in said


def test_answers_to_our_own_side_are_not_let_in(world):
    ask = let_in(HOST, 443, to="203.0.113.80", srcport=50000)
    answer = let_in("203.0.113.80", 50000, srcport=443)
    ping = let_in("203.0.113.80", 0, srcport=0, protocol=1)
    resolved = let_in("203.0.113.53", 41000, srcport=53, protocol=17)
    passive = let_in("203.0.113.21", 50001, srcport=55000)
    # Any accepted record to a port is enough for it not to be new.
    known, opened = let_in("203.0.113.9", 9000, srcport=443), let_in("203.0.113.9", 9000)
    found = world.diff([known], [ask, answer, ping, resolved, passive, opened])
    assert not found.part("opened").top.rows


def test_where_the_log_has_flags_a_syn_tells_who_opened(world):
    def flagged(text: str, flags: int) -> str:
        return f"{text} {flags}"

    common = [FLAGS, flagged(line("198.51.100.1", 23), 2), flagged(let_in(port=443), 2)]
    before = world.write("before", common)
    after = world.write(
        "after",
        [
            *common,
            flagged(let_in("203.0.113.1", 50123), 2),
            flagged(let_in("203.0.113.1", 8080), 18),
            flagged(let_in("203.0.113.1", 8081), 0),
        ],
    )
    found = fl.read(before).diff(fl.read(after))
    assert rows(found, "opened", "dstport") == [(50123,)]


def test_what_was_let_in_and_is_only_refused_now_is_closed(world):
    before = [let_in("10.0.0.7", port) for port in (5432, 5433, 5434)]
    after = [line("10.0.0.7", 5432), line("10.0.0.7", 5434), let_in("10.0.0.8", 5434)]
    found = world.diff(before, after)
    assert rows(found, "closed", "dstport", "records", "rejected_after") == [(5432, 1, 1)]
    assert "eni-a 5432/tcp PostgreSQL 1 1, all own 00:00 1" in words(found)


def placed(vpc: str, eni: str, source: str, action: str = "REJECT") -> str:
    """A record in a VPC; `-` for a flow log that doesn't name it."""
    return f"{line(source, eni=eni, action=action)} {vpc}"


@pytest.mark.parametrize(
    ("before", "after", "new", "gone"),
    [
        # The same address in another VPC is another host.
        (
            [placed("vpc-1", "eni-1", "10.0.0.7"), placed("vpc-2", "eni-2", "10.0.0.8", "ACCEPT")],
            [placed("vpc-1", "eni-1", "10.0.0.8"), placed("vpc-2", "eni-2", "10.0.0.7")],
            [("10.0.0.7", "vpc-2"), ("10.0.0.8", "vpc-1")],
            [("10.0.0.7", "vpc-1")],
        ),
        ([placed("vpc-1", "eni-1", "10.0.0.7")], [placed("vpc-1", "eni-1", "10.0.0.7")], [], []),
        # A VPC that the flow log names only since.
        ([placed("-", "eni-1", "10.0.0.7")], [placed("vpc-1", "eni-1", "10.0.0.7")], [], []),
        # What is outside is one host everywhere.
        (
            [placed("vpc-1", "eni-1", "203.0.113.9"), placed("vpc-2", "eni-2", "10.0.0.8")],
            [placed("vpc-2", "eni-2", "203.0.113.9"), placed("vpc-2", "eni-2", "10.0.0.8")],
            [],
            [],
        ),
    ],
)
def test_an_own_source_is_new_or_gone_within_its_network(
    world: World, before: list[str], after: list[str], new: Any, gone: Any
) -> None:
    header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets "
    header += "bytes start end action log-status vpc-id"
    found = world.diff([header, *before], [header, *after], all_traffic=False)
    assert rows(found, "new_sources", "srcaddr", "network") == new
    assert rows(found, "gone_sources", "srcaddr", "network") == gone


def test_a_new_source_is_in_no_record_before_and_our_own_come_first(world):
    before = [line("203.0.113.1"), let_in(HOST, 443, to="203.0.113.2"), line("203.0.113.5")]
    after = [
        *(line("203.0.113.2", 25) for _ in range(5)),
        *(line("203.0.113.3", port) for port in (22, 23)),
        line("10.9.9.9", 25),
        let_in("203.0.113.4", 443),
        line("203.0.113.1"),
    ]
    found = world.diff(before, after)
    assert rows(found, "new_sources", "srcaddr", "records", "ports", "dstport", "inside") == [
        ("10.9.9.9", 1, 1, 25, True),
        ("203.0.113.3", 2, 2, None, False),
    ]
    assert rows(found, "gone_sources", "srcaddr") == [("203.0.113.5",)]
    assert "10.9.9.9 own 1 25/tcp SMTP 1 00:00" in words(found)
    assert "203.0.113.3 outside 2 2 ports 1 00:00" in words(found)


def test_a_change_counts_from_ten_records_and_twice_as_many(world):
    quiet = [(1, 3), (9, 18), (10, 19), (0, 9), (20, 11), (15, 15)]
    rose, fell = [(10, 20), (0, 10), (30, 400)], [(20, 10), (10, 0)]
    pairs = dict(enumerate([*quiet, *rose, *fell], 100))
    sides: list[list[str]] = [[], []]
    for port, pair in pairs.items():
        for side, number in zip(sides, pair, strict=True):
            side += [line(port=port, eni=f"eni-{port}", to=f"10.0.1.{port}")] * number
            side.append(nodata(f"eni-{port}"))
    found = world.diff(*sides)
    numbers = "records_before", "records_after"
    assert rows(found, "ports_rose", *numbers) == [(30, 400), (10, 20), (0, 10)]
    assert rows(found, "ports_fell", *numbers) == [(20, 10), (10, 0)]
    changed = rows(found, "changed_enis", "rejected_before", "rejected_after")
    assert changed == [(30, 400), (10, 20), (0, 10), (20, 10), (10, 0)]
    assert not {"new_enis", "gone_enis"} & {part.name for part in found.parts if part.top.rows}
    assert "102/tcp 10 19" not in words(found)
    assert TIMES == 2
    assert "at least twice as many or at most half" in words(found)


def test_sides_of_different_length_are_compared_per_hour(world):
    hour = [line(port=77, at=at) for at in range(12)]
    steady = [line(port=77, at=at) for at in range(0, 5 * 3600, 300)]
    steady.append(let_in(port=443, at=5 * 3600 - 30))
    # Six in the shorter time.
    steady += [line(port=78)] * 30
    found = world.diff(hour, steady)
    assert found.per_hour
    assert not found.part("ports_rose").top.rows
    assert not found.part("ports_fell").top.rows
    assert "the two are 1 h and 5 h long" in words(found)
    assert "(in the shorter time)" in words(found)
    rising = world.diff(hour, [*steady, *(line(port=77, at=at) for at in range(300))])
    assert rows(rising, "ports_rose", "records_before", "records_after") == [(12, 360)]
    assert "12 360 ×6.0 1 → 1" in words(rising)


def test_a_log_of_rejects_alone_says_nothing_of_what_is_let_in(world):
    found = world.diff([line()], [line(), line(port=25)], all_traffic=False)
    assert not found.accepts
    assert "opened" not in {part.name for part in found.parts}
    said = words(found)
    assert "the log holds no accepted traffic: nothing is said of what is let in" in said
    assert "accepted 0" not in said
    only = world.diff([line()], [line(), *[let_in("203.0.113.5", 443)] * 30], all_traffic=False)
    assert "before holds no accepted traffic: what is let in can't be compared" in words(only)
    assert not only.part("changed_enis").top.rows


def test_an_eni_without_traffic_is_not_gone(world):
    before = [line(eni="eni-quiet"), line(eni="eni-lost"), *[line(eni="eni-b")] * 3]
    after = [nodata("eni-quiet"), *[line(eni="eni-b", to="10.0.0.6")] * 33, line(eni="eni-fresh")]
    found = world.diff(before, after)
    assert rows(found, "gone_enis", "interface_id") == [("eni-lost",)]
    assert rows(found, "new_enis", "interface_id") == [("eni-fresh",)]
    assert rows(found, "changed_enis", "interface_id", "rejected_before", "rejected_after") == [
        ("eni-b", 3, 33)
    ]
    assert "eni-b 3 → 33 ×11" in words(found)


def test_nothing_changed_is_one_line(world):
    found = world.diff([line(port=77)], [line(port=77)] * 3)
    assert not found.changed
    lines = page(found, Format.TABLE).split("\n\n")
    assert lines[1].startswith("Nothing changed that counts:")
    assert len(lines) == 4
    assert json.loads(page(found, Format.JSON))["changed"] is False


def test_a_side_without_records_is_said_and_can_fail_a_run(world):
    path = world.write("one", [line(), let_in(port=443, at=4000)])
    given = ("diff", path, "--before", "2025-12-31", "--after", "2026-01-01")
    done = command(*given)
    assert done.returncode == 0
    said = " ".join(done.stdout.decode().split())
    assert "before holds no record with traffic: there is nothing to compare with" in said
    assert b"0 of 2 records in the window; the data spans 2026-01-01" in done.stderr
    assert command(*given, "--fail-empty").returncode == 1
    none = world.write("none", [])
    done = command("diff", path, none, "--fail-empty")
    assert done.returncode == 1
    assert b"after  " in done.stdout
    assert command("diff", none, none).returncode == 0


def test_an_interval_that_the_data_does_not_fill_ends_where_the_data_does(world):
    path = world.write("one", [line(at=at) for at in range(0, 36 * 3600, 60)])
    found = fl.read(path, since="2026-01-01", until="2026-01-02").diff(
        fl.read(path, since="2026-01-02", until="2026-01-03")
    )
    assert found.per_hour
    assert not found.changed
    assert "after 2026-01-02 00:00-11:59 UTC, 11 h 59 min" in words(found)


def test_hostile_text_is_escaped(world):
    hostile = "eni-<img/src=x>|`x`\u202e"
    found = world.diff([], [line(eni=hostile), *[let_in("203.0.113.9", 25, eni=hostile)] * 2])
    pages = {format: page(found, format) for format in Format}
    assert not any("\u202e" in text for text in pages.values())
    assert "<img" not in pages[Format.HTML]
    assert "&lt;img/src=x&gt;|`x`" in pages[Format.HTML]
    assert r"eni-\<img/src=x\>\|\`x\`" in pages[Format.MARKDOWN]
    assert hostile.replace("\u202e", r"\u202e") in pages[Format.TABLE]


def test_a_malformed_line_is_told_of_once(world):
    path = world.write("one", [line(), "2 1 eni-a broken", line(at=90_000)])
    aside = world.place / "aside.jsonl"
    done = command(
        "diff", path, "--before", "2026-01-01", "--after", "2026-01-02", "--quarantine", aside
    )
    assert len(aside.read_text().splitlines()) == 1
    assert done.stderr.count(b"malformed and put aside") == 1
    strict = command("diff", path, path, "--strict", "--quiet")
    assert (strict.returncode, strict.stdout != b"") == (4, True)


def test_one_of_two_inputs_can_be_standard_input(world, monkeypatch):
    before = world.write("before", [line()])
    text = io.TextIOWrapper(io.BytesIO(f"{line()}\n{line('203.0.113.77')}\n".encode()))
    monkeypatch.setattr(sys, "stdin", text)
    done = command("diff", before, "-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"1 new source." in done.stdout
    assert b", -" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["LOG"], "diff compares two inputs, and 1 given"),
        (["LOG", "LOG", "LOG"], "3 given: write BEFORE AFTER"),
        (["-", "-"], "standard input can be read once"),
        (["-", "--before", "2026-01-01", "--after", "2026-01-02"], "two intervals take two reads"),
        (["LOG", "--before", "2026-01-01"], "--before and --after belong together"),
        (
            ["LOG", "--before", "2026-01-01", "--after", "2026-01-02", "--since", "2d"],
            "leave out --since and --until",
        ),
        (
            ["LOG", "--before", "soon", "--after", "2026-01-02"],
            "--before soon: can't be read as an interval; try",
        ),
        (["LOG", "LOG", "-f", "csv"], "this command has table, markdown, json and html"),
        (
            ["LOG", "LOG", "-o", "x.png"],
            "this command draws no picture; it has table, markdown, json and html",
        ),
    ],
)
def test_a_wrong_word_is_one_line_and_exits_2(world, arguments, word):
    path = world.write("one", [line()])
    done = command("diff", *[path if given == "LOG" else given for given in arguments])
    (told,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert word in told


def test_an_output_that_is_one_of_the_inputs_is_refused(world):
    before, after = world.write("before", [line()]), world.write("after", [line()])
    kept = after.read_bytes()
    assert command("diff", before, after, "-o", after).returncode == 2
    assert after.read_bytes() == kept


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-22", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("2026-12-31T23", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("2026-11-22T08:00Z/2026-11-22T12:30:00+02:00", "2026-11-22T08:00", "2026-11-22T10:30"),
        ("2026-11-20/2026-11-22", "2026-11-20T00:00", "2026-11-22T00:00"),
        ("48h/24h", "2026-11-21T00:00", "2026-11-22T00:00"),
    ],
)
def test_an_interval_is_a_day_an_hour_or_two_moments(text, start, end):
    found = interval(text, "--before", now=datetime(2026, 11, 23, tzinfo=UTC))
    assert f"{found.start:%Y-%m-%dT%H:%M}" == start
    assert f"{found.end:%Y-%m-%dT%H:%M}" == end
    assert found.start.tzinfo is UTC
    assert intervals.interval(text, "--before").end > found.start


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("2026-02-30", "there is no such day or hour"),
        ("9999-12-31", "there is no such day or hour"),
        ("2026-11-22T24", "there is no such day or hour"),
        ("2026-11-22T14:30", "can't be read as an interval; try a day"),
        ("2026-11-23/2026-11-22", "the interval ends before it begins"),
        ("2026-11-23/2026-11-23", "the interval ends before it begins"),
        ("2026-11-23/", "can't be read as a time"),
    ],
)
def test_a_text_that_is_no_interval_is_named(text, word):
    with pytest.raises(
        UsageError, match=rf"--after {re.escape(text.strip('/'))}|--after : can't be read as a time"
    ) as error:
        interval(text, "--after")
    assert word in str(error.value)


def test_all_changes_are_found_and_no_other(world):
    """The queries against a count by hand, on records drawn at random."""
    rng = random.Random(7)

    def drawn() -> list[tuple[str, int, str]]:
        return [
            (f"203.0.113.{rng.randrange(60)}", rng.choice((22, 23, 25, 80, 443)), rng.choice("AR"))
            for _ in range(rng.randrange(40, 160))
        ]

    def lines(drawn: list[tuple[str, int, str]]) -> list[str]:
        actions = {"A": "ACCEPT", "R": "REJECT"}
        return [line(source, port, action=actions[action]) for source, port, action in drawn]

    for _ in range(2):
        sides = drawn(), drawn()
        found = world.diff(lines(sides[0]), lines(sides[1]), rows=0)
        met = [{source for source, _, _ in side} for side in sides]
        refused = [{source for source, _, action in side if action == "R"} for side in sides]
        assert {s for (s,) in rows(found, "new_sources", "srcaddr")} == refused[1] - met[0]
        assert {s for (s,) in rows(found, "gone_sources", "srcaddr")} == refused[0] - met[1]
        counts: list[dict[int, int]] = [defaultdict(int, {23: 1}), defaultdict(int, {23: 1})]
        for count, side in zip(counts, sides, strict=True):
            for _, port, action in side:
                count[port] += action == "R"
        moved = {p: (counts[0][p], counts[1][p]) for p in (22, 23, 25, 80, 443)}
        rose = {p for p, (a, b) in moved.items() if b - a >= 10 and b >= 2 * a}
        assert {p for (p,) in rows(found, "ports_rose", "dstport")} == rose
        assert found.after.records == len(sides[1]) + len(BOTH)
        assert found.after.sources == len(met[1] | {"198.51.100.1", "198.51.100.2"})


def test_the_rows_that_are_not_shown_are_counted(world):
    after = [line(f"203.0.113.{n}") for n in range(1, 8)]
    found = world.diff([], after, rows=2)
    top = found.part("new_sources").top
    assert (top.head.num_rows, top.rows, top.records) == (2, 7, 7)
    assert "2 of 7" in words(found)
    assert "All rows: --limit 0." in words(found)


def empty(query: Query) -> duckdb.DuckDBPyConnection:
    """A database in which what a query reads is there, without rows."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("flows", SCHEMA.empty_table())
    Knowledge().create(connection)
    gives = {"sources": "source_sums", "enis": "eni_sums", "inbound": "inbound_sums"}
    for relation in catalog.order([query]):
        values = catalog.bind(relation, {})
        connection.register(
            relation.name, connection.sql(relation.sql, params=values).to_arrow_table()
        )
    for name in set(query.reads) & set(COMPARED):
        kind = name.partition("_")[0]
        given = (
            catalog.comparing()[gives[kind]] if kind in gives else catalog.find("rejected_by_port")
        )
        columns = ", ".join(f"{column.name} {column.type}" for column in given.columns)
        connection.execute(f"create table {name} ({columns})")
    return connection


@pytest.mark.parametrize("name", sorted(catalog.comparing()))
def test_a_query_says_what_it_reads_and_gives_and_keeps_to_the_portable_core(name):
    query = catalog.comparing()[name]
    result = empty(query).sql(query.sql, params=catalog.bind(query, {}))
    types = {"TIMESTAMP WITH TIME ZONE": "timestamptz"}
    assert [types.get(str(kind), str(kind).lower()) for kind in result.types] == [
        column.type for column in query.columns
    ]
    assert result.columns == [column.name for column in query.columns]
    assert set(query.reads) == set(tables(query.sql))
    assert outside(query.sql) == []
    code = re.sub(r"--[^\n]*|'[^']*'", "", query.sql)
    assert code == code.lower()
    assert all(len(text) <= 100 and (len(text) - len(text.lstrip())) % 4 == 0
               for text in code.splitlines())  # fmt: skip
    assert re.search(
        r"\norder by [^()]*\nlimit \$limit\n$|\norder by\n.*\nlimit \$limit\n$", query.sql, re.S
    )
