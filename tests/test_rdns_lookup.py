"""Lookups from end to end: cache, confirmation, limits, and the command."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import termios
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import dns.name
import pyarrow as pa
import pytest
from nameserver import NameServer, Zone

import flowlens as fl
from flowlens.errors import UsageError
from flowlens.output.formats import Format
from flowlens.output.preview import preview
from flowlens.output.table import table_text
from flowlens.rdns import cache as cache_module
from flowlens.rdns.answers import Answer, Confirmation, Status
from flowlens.rdns.cache import VERSION, Cache
from flowlens.rdns.learning import Learning
from flowlens.rdns.lookup import lookup
from flowlens.rdns.questions import Reply
from flowlens.rdns.settings import Listener, Mode, Settings
from flowlens.rdns.table import FromFile

SLIDE = ("109.236.86.32", "internetpolice.co")
DAY = 86_400


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the usual cache lies in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "flowlens/rdns.sqlite"


def settings(*named, **options):
    named = tuple(server.address for server in named)
    return Settings(Mode.ON, named, **{"rate": 5000.0, "timeout": 0.4, **options})


def run(*words, stdin=b"", **options):
    command = [sys.executable, "-P", "-m", "flowlens", "rdns", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, **options)


def table(path, *rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return FromFile(path)


def known(address, **fields):
    return Answer(address, **{"status": Status.OK, "name": "a.example", "asked": 1,
                              "confirmation": Confirmation.CONFIRMED,
                              "expires": int(time.time()) + 900, **fields})  # fmt: skip


def test_a_name_is_held_against_its_own_addresses(place):
    rows = [SLIDE, ("5.0.0.1", "liar.example"), ("liar.example", "5.9.9.9"), ("5.1.0.1", "a.gone"),
            ("a.gone", "2a00::1"), ("5.2.0.1", "localhost"), ("2a00::7", "six.example"),
            ("5.3.0.1", "broken.example"), ("broken.example", "5.3.0.1", "servfail")]  # fmt: skip
    with NameServer(Zone.of(rows)) as server:
        asked = [row[0] for row in rows if row[0][0].isdigit()]
        found = lookup(asked, settings(server)).answers
    assert {address: answer.confirmation for address, answer in found.items()} == {
        "109.236.86.32": Confirmation.CONFIRMED,
        "5.0.0.1": Confirmation.CONTRADICTED,
        "5.1.0.1": Confirmation.UNCONFIRMED,
        "5.2.0.1": Confirmation.UNCONFIRMED,
        "2a00::7": Confirmation.CONFIRMED,
        "5.3.0.1": Confirmation.UNCONFIRMED,
    }
    assert found["109.236.86.32"].name == "internetpolice.co"
    # The failure of the forward question makes the answer short-lived, that of its TTL not.
    lives = {address: answer.expires - answer.asked for address, answer in found.items()}
    assert (lives["109.236.86.32"], lives["5.3.0.1"]) == (7200, 300)
    assert not any("localhost" in str(name) for name in server.order)


def test_a_name_of_many_addresses_is_asked_for_once(place):
    rows = [(f"5.0.{n}.1", "scan.example") for n in range(60)]
    with NameServer(Zone.of(rows)) as server:
        found = lookup([row[0] for row in rows], settings(server)).answers
        assert server.total == 61
    assert {answer.confirmation for answer in found.values()} == {Confirmation.CONFIRMED}


def test_what_was_learned_is_not_asked_for_again(place):
    with NameServer(Zone.of([SLIDE])) as server:
        first = lookup([SLIDE[0], "5.0.0.1"], settings(server))
        asked = server.total
        again = lookup([SLIDE[0], "5.0.0.1"], settings(server))
        assert server.total == asked
    assert again.answers == first.answers
    assert (first.summary.asked, again.summary.asked, again.summary.cached) == (2, 0, 2)
    offline = lookup([SLIDE[0], "5.0.0.2"], Settings(Mode.CACHE))
    assert offline.answers[SLIDE[0]] == first.answers[SLIDE[0]]
    assert offline.answers["5.0.0.2"].status is Status.NOT_ASKED
    assert lookup([SLIDE[0]], Settings()).answers[SLIDE[0]].status is Status.NOT_ASKED


def test_a_failure_is_tried_again_and_holds_twice_as_long(place):
    rows = [("5.0.0.1", "x.example", "servfail")]
    with NameServer(Zone.of(rows)) as server:
        lives = []
        for _ in range(3):
            (answer,) = lookup(["5.0.0.1"], settings(server)).answers.values()
            lives.append(answer.expires - answer.asked)
            with sqlite3.connect(place) as connection:
                connection.execute("update answers set expires = asked - 1")
            connection.close()
    assert lives == [300, 600, 1200]


def test_a_failure_of_one_resolver_says_nothing_of_another(place):
    zone = Zone.of([SLIDE])
    with NameServer(zone, dead=True) as dead, NameServer(zone) as alive:
        before = lookup([SLIDE[0]], settings(dead)).answers
        after = lookup([SLIDE[0]], settings(alive)).answers
    assert (before[SLIDE[0]].status, after[SLIDE[0]].status) == (Status.TIMEOUT, Status.OK)


def test_only_special_addresses_reach_nobody_and_private_ones_only_theirs(place):
    rows = [("10.0.0.1", "db.corp.example"), ("203.0.113.7", "never.example"), SLIDE]
    asked = [row[0] for row in rows]
    with NameServer(Zone.of(rows)) as public, NameServer(Zone.of(rows)) as own:
        found = lookup(asked, settings(public)).answers
        assert [str(found[a].status) for a in asked] == ["private", "private", "ok"]
        found = lookup(asked, settings(public, private=(own.address,))).answers
        assert [str(found[a].status) for a in asked] == ["ok", "private", "ok"]
        assert public.times("10.0.0.1") == public.times("203.0.113.7") == 0
        assert own.times("203.0.113.7") == own.times(SLIDE[0]) == 0
        found = lookup(asked, settings(public)).answers
        offline = Settings(Mode.CACHE, private=(own.address,))
    assert found["10.0.0.1"].status is Status.PRIVATE
    assert lookup(["10.0.0.1"], offline).answers["10.0.0.1"].name == "db.corp.example"


def test_what_was_asked_and_not_answered_is_told_and_not_kept(place):
    asked = [f"5.0.{n}.1" for n in range(200)]
    with NameServer(Zone(), dead=True) as server:
        found = lookup(asked, settings(server, rate=100.0, budget=0.5, timeout=5.0))
        went_out = server.total
    statuses = found.summary.statuses
    assert 0 < went_out <= found.summary.asked == statuses[Status.TIMEOUT]
    assert f"asked {found.summary.asked} of {server.address}, 0 from cache" in str(found.summary)
    assert statuses[Status.NOT_ASKED] == 200 - statuses[Status.TIMEOUT]
    assert any("no answer at all" in remark for remark in found.summary.remarks)
    assert lookup(asked, Settings(Mode.CACHE)).summary.cached == 0


def test_a_limit_counts_what_is_asked_and_the_first_come_first(place):
    rows = [(f"5.0.{n}.1", f"a{n}.example") for n in range(10)]
    asked = [row[0] for row in rows]
    with NameServer(Zone.of(rows)) as server:
        for limit, there in ((3, 3), (4, 7)):
            found = lookup(asked, settings(server, limit=limit)).answers
            got = [address for address in asked if found[address].status is Status.OK]
            assert got == asked[:there]


def test_an_interrupted_run_keeps_what_it_has_learned(place):
    rows = [(f"5.{n // 250}.{n % 250}.1", f"a{n}.example") for n in range(400)]
    asked = [row[0] for row in rows]

    def interrupt(done, total):
        assert total == len(asked)
        if done == 50:
            raise KeyboardInterrupt

    with NameServer(Zone.of(rows)) as server, pytest.raises(KeyboardInterrupt):
        lookup(asked, settings(server), listener=Listener(interrupt))
    found = lookup(asked, Settings(Mode.CACHE)).answers.values()
    assert 50 <= sum(answer.name is not None for answer in found) < 400


def test_names_from_a_file_need_no_network_and_no_cache(place, tmp_path):
    resolver = table(tmp_path / "names.tsv", ("address", "name"), SLIDE, SLIDE[::-1],
                     ("5.0.0.1", r"a\027b.example"))  # fmt: skip
    found = fl.resolve([SLIDE[0], "5.0.0.1", "5.0.0.2"], resolver=resolver)
    columns = ("address", "rdns_status", "name", "confirmation", "operator", "brand")
    assert found.arrow().column_names[: len(columns)] == list(columns)
    assert [tuple(row.values()) for row in found.arrow().select(columns).to_pylist()] == [
        (SLIDE[0], "ok", SLIDE[1], "confirmed", "internetpolice.co", None),
        ("5.0.0.1", "ok", r"a\027b.example", "unconfirmed", r"a\027b.example", None),
        ("5.0.0.2", "nxdomain", None, None, None, None),
    ]
    assert len(found) == found.polars().height == 3
    assert "internetpolice.co" in repr(found)
    assert "<table>" in found._repr_html_()
    assert "asked 3 of" in str(found.summary)
    assert not place.exists()


def test_what_a_name_says_stands_beside_it(tmp_path):
    named = {
        "5.0.0.1": "5-0-0-1.isp.example",
        "5.0.0.2": "localhost",
        "5.0.0.3": "xn--mnchen-3ya.de",
    }
    resolver = table(tmp_path / "names.tsv", *named.items())
    found = fl.resolve([*named, "5.0.0.4"], resolver=resolver)
    rows = found.arrow().select(["generic", "bogus", "unicode"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (True, False, None), (False, True, None), (False, False, "münchen.de"), (None, None, None),
    ]  # fmt: skip
    types = {"varchar": pa.string(), "boolean": pa.bool_()}
    schema = [(column.name, types[column.type]) for column in found.columns]
    assert found.arrow().schema == pa.schema(schema)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_of_names_keeps_to_a_terminal(tmp_path, width):
    resolver = table(tmp_path / "names.tsv", SLIDE, ("5.0.0.1", "5-0-0-1.static.isp.example"))
    rows = fl.resolve([SLIDE[0], "5.0.0.1"], resolver=resolver).arrow()
    text = table_text(preview(rows.to_reader(), limit=None, total=None), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert all(
        word in text for word in ("109.236.86.32", "internetpolice", "unconfirmed", "no room")
    )


def test_a_row_that_says_nothing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"names\.tsv:2: write address<TAB>name"):
        table(tmp_path / "names.tsv", SLIDE, ("what", "ever"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "maybe"}, "no such mode"),
        ({"rate": 0}, "--rdns-rate 0"),
        ({"rate": 1e-300}, "--rdns-rate 1e-300: give queries a second, 0.1 or more"),
        ({"rate": "fast"}, "--rdns-rate 'fast': no number"),
        ({"rate": None}, "--rdns-rate 'None': no number"),
        ({"budget": "x"}, "--rdns-budget 'x': no number"),
        ({"limit": "3"}, "--rdns-limit '3': give a number"),
        ({"rate": float("nan")}, "--rdns-rate nan"),
        ({"budget": -1}, "--rdns-budget -1"),
        ({"limit": -1}, "--rdns-limit -1"),
        ({"resolvers": ["a:b:c"]}, "--resolver a:b:c"),
        ({"private": ["a:b:c"], "resolvers": ["127.0.0.1"]}, "--rdns-private a:b:c"),
    ],
)
def test_a_wrong_argument_is_named(place, options, words):
    with pytest.raises(UsageError, match=words):
        fl.resolve(["5.0.0.1"], **options)
    with pytest.raises(UsageError, match=r"'5\.0\.0\.x': no IP address"):
        fl.resolve(["5.0.0.x"], mode="cache")


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        (None, "None instead of addresses"),
        ([None], "'None': no IP address; give text"),
        ([134744072], "'134744072': no IP address; give text"),
        ([b"\x08\x08\x08\x08"], "no IP address; give text"),
        (["5.0.0.0/24"], "'5.0.0.0/24': a range"),
        (
            ["2a00:1::7%eth0"],
            "'2a00:1::7%eth0': has a zone id, which no reverse name has; leave %eth0",
        ),
        (["fe80::1%"], "'fe80::1%': no IP address"),
    ],
)
def test_what_is_no_address_is_named(place, addresses, words):
    for mode in ("on", "cache", "off"):
        with pytest.raises(UsageError, match=words):
            fl.resolve(addresses, mode=mode, resolvers=["127.0.0.1"])


def test_addresses_are_texts_or_objects_and_come_back_as_they_were_written(place, tmp_path):
    resolver = table(tmp_path / "names.tsv", SLIDE, ("2a00:1::5", "six.example"))
    given = [ip_address(SLIDE[0]), "2A00:1:0::5", ip_address("2a00:1::5"), "2a00:1::5"]
    rows = fl.resolve(given, resolver=resolver, rate="200").arrow().to_pylist()
    assert [(row["address"], row["name"]) for row in rows] == [
        (SLIDE[0], SLIDE[1]), ("2A00:1:0::5", "six.example"), ("2a00:1::5", "six.example"),
    ]  # fmt: skip
    assert fl.resolve(SLIDE[0], resolver=resolver).arrow()["name"].to_pylist() == [SLIDE[1]]


def test_answers_come_back_from_the_cache_as_they_went_in(tmp_path):
    warnings = []
    answers = [known("5.0.0.1"), known("2a00::1", status=Status.NXDOMAIN, name=None,
               confirmation=None, failures=3, servers="x")]  # fmt: skip
    with Cache(tmp_path / "a/b/names.sqlite", warn=warnings.append) as cache:
        cache.write(answers)
        cache.write([known("5.0.0.1", name="private.example")], view="private x")
        cache.write([known("5.0.0.1", asked=0, name="older.example")])
        assert list(cache.read(["2a00::1", "5.0.0.1", "5.0.0.9"]).values()) == answers[::-1]
        assert cache.read(["5.0.0.1"], view="private x")["5.0.0.1"].name == "private.example"
    assert warnings == []


@pytest.mark.parametrize("spoil", ["text", "middle"])
def test_a_corrupt_cache_is_moved_aside_and_a_new_one_begun(place, spoil):
    with Cache(place, warn=pytest.fail) as cache:
        cache.write(known(f"5.0.{n // 250}.{n % 250}") for n in range(2000))
    data = bytearray(place.read_bytes())
    data[0 if spoil == "text" else 4096 :] = b"no database" * 1000
    place.write_bytes(data)
    with NameServer(Zone.of([SLIDE])) as server:
        first = lookup([SLIDE[0], "5.0.0.1"], settings(server))
        again = lookup([SLIDE[0]], Settings(Mode.CACHE))
    assert again.answers[SLIDE[0]].status is Status.OK
    (remark,) = first.summary.remarks
    assert "moved to rdns.sqlite.corrupt-" in remark
    (aside,) = place.parent.glob("*.corrupt-*")
    assert aside.read_bytes() == data


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (f"pragma user_version = {VERSION + 1}", "was written by a newer flowlens"),
        ("pragma application_id = 7", "is another program's file"),
    ],
)
def test_a_file_that_is_not_ours_is_left_alone(place, sql, words):
    with Cache(place, warn=pytest.fail) as cache:
        cache.write([known("5.0.0.1")])
    connection = sqlite3.connect(place)
    connection.execute(sql)
    connection.close()
    data = place.read_bytes()
    with NameServer(Zone.of([SLIDE])) as server:
        found = lookup([SLIDE[0]], settings(server))
    assert found.answers[SLIDE[0]].status is Status.OK
    assert [words in remark for remark in found.summary.remarks] == [True]
    assert place.read_bytes() == data


READER = """
import os
from flowlens.rdns.lookup import *
from flowlens.rdns.settings import *
if os.getuid() == 0:
    os.setuid(65534)
found = lookup(["5.0.0.1"], Settings(Mode.CACHE, cache=Path({place!r})))
print(found.answers["5.0.0.1"].name, *found.summary.remarks)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="gives up root's rights as Linux has it")
def test_a_cache_that_can_not_be_written_is_read():
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "names.sqlite")
        with Cache(place, warn=pytest.fail) as cache:
            cache.write([known("5.0.0.1")])
        place.chmod(0o444)
        Path(directory).chmod(0o755)
        code = READER.format(place=str(place))
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("a.example "), done.stderr
    assert "can't be written" in done.stdout


def test_a_place_that_can_not_be_made_costs_a_warning(tmp_path):
    (tmp_path / "file").touch()
    with NameServer(Zone.of([SLIDE])) as server:
        found = lookup([SLIDE[0]], settings(server, cache=tmp_path / "file/names.sqlite"))
    assert "can't be made" in found.summary.remarks[0]
    assert found.answers[SLIDE[0]].status is Status.OK


def test_reading_makes_no_file_and_waits_for_no_writer(place):
    assert lookup([SLIDE[0]], Settings(Mode.CACHE)).summary.remarks == ()
    assert not place.parent.exists()
    with Cache(place, warn=pytest.fail) as cache:
        cache.write([known(SLIDE[0])])
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("begin immediate")
    begin = time.monotonic()
    for mode in (Mode.CACHE, Mode.ON):
        found = lookup([SLIDE[0]], Settings(mode, ("127.0.0.1",)))
        assert (found.answers[SLIDE[0]].name, found.summary.remarks) == ("a.example", ())
    assert time.monotonic() - begin < cache_module.BUSY / 2
    other.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        "expires = 'abc'",
        "expires = 9e99",
        "expires = expires + 1e8",
        "asked = 'abc'",
        "asked = x'00'",
        "asked = expires + 100000000",
        "name = x'612e6578616d706c65'",
        "name = cast(x'ff2e6578616d706c65' as text)",
        "name = char(27) || '[31m.example'",
        "name = 'a' || char(0) || '.example'",
        "name = 'a b.example'",
        "name = 'a..example'",
        r"name = 'a\27.example'",
        "name = null",
        "status = 'nxdomain'",
        "status = 'skipped'",
        "status = 'great'",
        "status = x'6f6b'",
        "confirmation = null",
        "confirmation = 'perhaps'",
        "servers = x'00', status = 'timeout', name = null, confirmation = null",
        "failures = -1",
        "failures = 'many'",
        "failures = 9223372036854775807",
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_and_makes_room(place, nonsense):
    with Cache(place, warn=pytest.fail) as cache:
        cache.write([known(SLIDE[0]), known("5.0.0.1", name="kept.example")])
    connection = sqlite3.connect(place, isolation_level=None)
    connection.execute(f"update answers set {nonsense} where address = ?", SLIDE[:1])
    connection.close()
    with NameServer(Zone.of([SLIDE])) as server:
        before = lookup([SLIDE[0], "5.0.0.1"], Settings(Mode.CACHE))
        lookup([SLIDE[0]], settings(server))
        after = lookup([SLIDE[0]], Settings(Mode.CACHE))
    assert [answer.name for answer in before.answers.values()] == [None, "kept.example"]
    assert after.answers[SLIDE[0]].name == SLIDE[1]
    assert before.summary.remarks == after.summary.remarks == ()


def test_a_run_that_is_killed_has_kept_all_but_its_last_second():
    now, kept = 1000.0, []
    learning = Learning("x", {}, keep=kept.extend, heard=lambda answer: None, clock=lambda: now)
    for _ in range(8):
        question = learning.question(ip_address("5.0.0.1"), private=False)
        learning.finish(question, Reply(Status.NXDOMAIN))
        now += 0.3
    assert len(kept) == 5
    now -= 500
    learning.finish(learning.question(ip_address("5.0.0.2"), private=False), Reply(Status.NODATA))
    assert len(kept) == 9


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    place, warnings = tmp_path / "names.sqlite", []

    def write(number):
        with Cache(place, warn=warnings.append) as cache:
            for part in range(10):
                cache.write(known(f"5.{number}.{part}.{n}") for n in range(50))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    asked = [f"5.{a}.{b}.{c}" for a in range(8) for b in range(10) for c in range(50)]
    with Cache(place, warn=warnings.append) as cache:
        assert len(cache.read(asked)) == len(asked)
    assert warnings == []


def test_answers_of_a_clock_that_went_wrong_do_not_hold():
    now, answer = 1_000_000, known("5.0.0.1", expires=1_000_100)
    assert answer.holds(now, servers="anyone")
    assert not answer.holds(1_000_100, servers="anyone")
    assert not answer._replace(expires=now + 8 * DAY).holds(now, servers="anyone")


def test_the_command_gives_names_and_says_what_it_asked_of_whom(place):
    rows = [SLIDE, ("5.0.0.1", "x.example", "drop")]
    with NameServer(Zone.of(rows)) as server:
        words = (SLIDE[0], "10.0.0.1", "-", "--resolver", server.address, "-f", "csv")
        done = run(*words, stdin=b"\xef\xbb\xbf\n 2A00:0::1 \n")
    assert done.stdout.decode().splitlines() == [
        "address,rdns_status,name,confirmation,operator,brand,claims,kind,generic,bogus,"
        "unicode,tags,country,network",
        "109.236.86.32,ok,internetpolice.co,confirmed,internetpolice.co,,,,false,false,,,,",
        "10.0.0.1,private,,,,,,,,,,,,",
        "2A00:0::1,nxdomain,,,,,,,,,,,,",
    ]
    (line,) = done.stderr.decode().splitlines()
    assert f"asked 2 of {server.address}, 0 from cache, 1 private" in line
    assert done.returncode == 0


@pytest.mark.parametrize("format", [Format.TABLE, Format.CSV, Format.JSON, Format.MARKDOWN])
def test_a_hostile_name_is_harmless_in_every_format(place, format):
    hostile = dns.name.Name([b"\x1b[31m\x00\"'", b"<script>|", "\u202e=cmd|".encode(), b""])
    with NameServer(Zone.of([("5.0.0.1", hostile)])) as server:
        done = run("5.0.0.1", "--resolver", server.address, "-f", format)
    assert done.returncode == 0
    assert not any(byte in done.stdout for byte in b"\x1b\x00<>'")
    assert done.stdout.isascii()
    if format is Format.JSON:
        (row,) = json.loads(done.stdout)
        assert row["name"] == (
            r"\027\09131m\000\034\039.\060script\062\124.\226\128\174\061cmd\124"
        )
        assert row["confirmation"] == "confirmed"


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["host.example"], b"", "host.example: no IP address"),
        (["192.0.2.0/24"], b"", "192.0.2.0/24: a range; give single addresses"),
        (["-"], b"5.0.0.1\n\xff\n", r"-:2: \\xff: no IP address"),
        (["2a00:1::7%eth0"], b"", "2a00:1::7%eth0: has a zone id"),
        (["-"], b"\xef\xbb\xbffe80::1%1", "-:1: fe80::1%1: has a zone id"),
        (["5.0.0.1", "--rdns-rate", "1e-300"], b"", "--rdns-rate 1e-300: give queries a second"),
        (["5.0.0.1", "--resolver", "::1:53"], b"", "--resolver ::1:53: write [::1]:53"),
        (["5.0.0.1", "--rdns", "of"], b"", "--rdns of: no such mode; did you mean off"),
        (["5.0.0.1", "--resolver", "x:y"], b"", "--resolver x:y: write HOST"),
    ],
)
def test_a_wrong_word_is_one_line_and_exits_2(place, words, stdin, said):
    done = run(*words, stdin=stdin)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert said.replace(r"\\", "\\") in line
    assert done.stdout == b""


def test_ctrl_c_ends_the_wait_for_addresses(place):
    command = [sys.executable, "-P", "-m", "flowlens", "rdns", "-", "--rdns", "cache"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ, **pipes) as process:
        # More than a pipe holds: once all of it is gone, the command has begun to read.
        process.stdin.write(b"5.0.0.1\n" * (1 << 17))
        process.stdin.flush()
        unread = array("i", [1])
        while unread[0]:
            time.sleep(0.1)
            fcntl.ioctl(process.stdin, termios.FIONREAD, unread)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr.read() == process.stdout.read() == b""


def test_ctrl_c_exits_130_and_keeps_what_was_learned(place, tmp_path):
    rows = [(f"5.0.{n}.1", f"a{n}.example") for n in range(200)]
    asked = [row[0] for row in rows]
    output = tmp_path / "names.csv"
    with NameServer(Zone.of(rows)) as server:
        words = [*asked, "--resolver", server.address, "--rdns-rate", "50", "-o", output]
        command = [sys.executable, "-P", "-m", "flowlens", "rdns", *map(str, words)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ) as process:
            while server.total < 20:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert said == b""
    assert not output.exists()
    found = lookup(asked, Settings(Mode.CACHE)).answers.values()
    assert sum(answer.status is Status.OK for answer in found) >= 5
