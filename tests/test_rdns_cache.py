"""The cache of names: kept through kills and writers at once, healed, and never in the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest
from nameserver import NameServer, Zone
from rdns_place import DAY, SLIDE, known, settings

from flowlens.naming.dns import cache as cache_module
from flowlens.naming.dns.answers import Status
from flowlens.naming.dns.cache import VERSION, Cache
from flowlens.naming.dns.learning import Learning
from flowlens.naming.dns.lookup import lookup
from flowlens.naming.dns.questions import Reply
from flowlens.naming.dns.settings import Mode, Settings


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
from flowlens.naming.dns.lookup import *
from flowlens.naming.dns.settings import *
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
