"""States: what was seen by day, put together in any order, says what everything together says."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scan_world import DAY, records, scanners, several, write

import flowlens as fl
from flowlens.core.errors import FlowlensError, UsageError

# A scanner that meets four hosts on Monday, a client of all of them on Tuesday.
MONDAY = several("""
    eni-1 203.0.113.9 10.0.1.1 45000 22 6 1 40 100 130 REJECT OK tcp_flags=2
    eni-2 203.0.113.9 10.0.1.2 45000 22 6 1 40 101 130 REJECT OK tcp_flags=2
    eni-3 203.0.113.9 10.0.1.3 45000 22 6 1 40 102 130 REJECT OK tcp_flags=2
    eni-4 203.0.113.9 10.0.1.4 45000 22 6 1 40 103 130 REJECT OK tcp_flags=2
""")
TUESDAY = several("""
    eni-1 198.51.100.7 10.0.1.1 45000 22 6 9 3600 90000 90030 ACCEPT OK tcp_flags=3
    eni-1 10.0.1.1 198.51.100.7 22 45000 6 9 8100 90000 90030 ACCEPT OK tcp_flags=19
    eni-2 198.51.100.7 10.0.1.2 45000 22 6 9 3600 90000 90030 ACCEPT OK tcp_flags=3
    eni-2 10.0.1.2 198.51.100.7 22 45000 6 9 8100 90000 90030 ACCEPT OK tcp_flags=19
    eni-3 198.51.100.7 10.0.1.3 45000 22 6 9 3600 90000 90030 ACCEPT OK tcp_flags=3
    eni-3 10.0.1.3 198.51.100.7 22 45000 6 9 8100 90000 90030 ACCEPT OK tcp_flags=19
    eni-4 198.51.100.7 10.0.1.4 45000 22 6 9 3600 90000 90030 ACCEPT OK tcp_flags=3
    eni-4 10.0.1.4 198.51.100.7 22 45000 6 9 8100 90000 90030 ACCEPT OK tcp_flags=19
""")


def saved(path: Path, lines: list[str], **options: object) -> Path:
    """The state of these records, in a directory of that name."""
    place = path.with_suffix(".state")
    shutil.rmtree(place, ignore_errors=True)
    found = fl.read(write(path, lines)).scanners(save_state=place, **options)
    assert found.detection.sources is not None
    return place


@pytest.fixture
def monday(tmp_path: Path) -> Path:
    return saved(tmp_path / "monday", MONDAY)


def start(line: str) -> int:
    return int(line.split()[8])


@settings(max_examples=examples(6))
@given(
    lines=records(days=3, directed=True),
    parting=st.sampled_from(("by day", "anyhow")),
    live=st.booleans(),
    seed=st.integers(0, 9),
)
def test_parts_put_together_in_any_order_say_what_everything_together_says(
    tmp_path: Path, lines: list[str], parting: str, live: bool, seed: int
) -> None:
    rng, parts = random.Random(seed), defaultdict(list)
    for line in lines:
        parts[start(line) // DAY if parting == "by day" else rng.randrange(3)].append(line)
    some = list(parts.values())
    rng.shuffle(some)
    # No part is long enough to be told a log of rejects, or of accepted records, by itself.
    numbers = {"rejects_records": 1e9, "rejects_seconds": 1e9}
    rest = some.pop() if live else []
    states = [
        saved(tmp_path / f"part-{index}", part, parameters=numbers)
        for index, part in enumerate(some)
    ]
    if rest:
        found = scanners(tmp_path, rest, states=states, parameters=numbers)
    else:
        found = fl.read([]).scanners(tier="all", states=states, parameters=numbers)
    rows = found.arrow().drop("known").to_pylist()
    together = scanners(tmp_path, lines, parameters=numbers)
    assert rows == together.arrow().drop("known").to_pylist()
    assert found.detection.campaigns == together.detection.campaigns
    assert found.detection.probes == together.detection.probes
    assert found.detection.scanner_answers == together.detection.scanner_answers


def test_who_is_served_on_tuesday_lowers_mondays_verdict(tmp_path: Path, monday: Path) -> None:
    alone = fl.read([]).scanners(states=monday).arrow().to_pylist()
    assert [(row["srcaddr"], row["tier"], row["evidence"]) for row in alone] == [
        ("203.0.113.9", "scanner", 12.599992)
    ]
    both = scanners(tmp_path, TUESDAY, states=monday).arrow().to_pylist()
    row = both[0]
    assert (row["srcaddr"], row["tier"], row["evidence"]) == ("203.0.113.9", "benign", 3.919992)


def test_a_source_is_known_if_an_earlier_state_has_seen_it(tmp_path: Path, monday: Path) -> None:
    def known(found: object) -> dict[str, bool | None]:
        return {row["srcaddr"]: row["known"] for row in found.arrow().to_pylist()}

    assert known(scanners(tmp_path, MONDAY)) == {"203.0.113.9": None}
    assert known(scanners(tmp_path, TUESDAY, states=monday)) == {
        "203.0.113.9": True,
        "198.51.100.7": False,
    }
    assert known(fl.read([]).scanners(states=monday)) == {"203.0.113.9": True}


def test_a_state_can_be_saved_again_with_what_came_later(tmp_path: Path, monday: Path) -> None:
    week = tmp_path / "week"
    first = scanners(tmp_path, TUESDAY, states=[monday], save_state=week).arrow()
    again = fl.read([]).scanners(tier="all", states=[week]).arrow()
    assert again.drop("known") == first.drop("known")


def break_off(state: Path) -> None:
    place = state / "exchanges.parquet"
    place.write_bytes(place.read_bytes()[:-20])


def flip_bytes(state: Path) -> None:
    place = state / "exchanges.parquet"
    whole = bytearray(place.read_bytes())
    whole[40:90] = b"\xff" * 50
    place.write_bytes(whole)


def rename_a_column(state: Path) -> None:
    table = pq.read_table(state / "exchanges.parquet")
    names = ["date" if name == "day" else name for name in table.schema.names]
    pq.write_table(table.rename_columns(names), state / "exchanges.parquet")


def change_a_type(state: Path) -> None:
    table = pq.read_table(state / "exchanges.parquet")
    place = table.schema.get_field_index("peer_port")
    column = table["peer_port"].cast(pa.string())
    pq.write_table(table.set_column(place, "sessions", column), state / "exchanges.parquet")


def about(**changes: object) -> object:
    def change(state: Path) -> None:
        place = state / "state.json"
        place.write_text(json.dumps({**json.loads(place.read_text()), **changes}))

    return change


def write_about(text: bytes) -> object:
    return lambda state: (state / "state.json").write_bytes(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "no state of the scan detector (No such file or directory); flowlens sc"),
        (lambda state: (state / "state.json").unlink(), "no state of the scan detector (No such"),
        (lambda state: (state / "exchanges.parquet").unlink(), "exchanges.parquet: not readable ("),
        (break_off, "exchanges.parquet: not readable ("),
        (flip_bytes, "exchanges.parquet: not readable ("),
        (rename_a_column, "exchanges.parquet: not the columns of exchanges; make the state anew"),
        (change_a_type, "exchanges.parquet: not the columns of exchanges; make the state anew"),
        (about(state=3), "state of version 3; this flowlens reads 2"),
        (about(state="1"), "no description of a state; make the state anew"),
        (about(state=None), "no description of a state; make the state anew"),
        (about(session_packets=5), "made with session_packets=5, and 4 is asked for; make the st"),
        (about(session_packets="many"), "state.json: no description of a state; make the state an"),
        (about(own=7), "state.json: no description of a state; make the state anew"),
        (about(own=["10.0.0.0/8"]), "made with --own 10.0.0.0/8; ask with the same"),
        (about(session_packets=None), "state.json: no description of a state; make the state an"),
        (about(session_packets=10**400), "state.json: no description of a state; make the state"),
        (write_about(b""), "state.json: no description of a state; make the state anew"),
        (write_about(b"\xff\xfe{"), "state.json: no description of a state; make the state anew"),
        (write_about(b"[1]"), "state.json: no description of a state; make the state anew"),
        (write_about(b"[" * 200_000), "state.json: no description of a state; make the state an"),
        (write_about(b"9" * 9000), "state.json: no description of a state; make the state anew"),
        (write_about(b" " * 20_000_000), "state.json: no description of a state; make the state"),
    ],
)
def test_a_state_that_is_none_is_said_in_one_line(
    monday: Path, spoil: object, message: str
) -> None:
    spoil(monday)
    with pytest.raises(UsageError) as error:
        fl.read([]).scanners(states=[monday]).arrow()
    assert message in str(error.value)
    assert str(monday) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_same_state_twice_is_refused_by_whatever_name(tmp_path: Path, monday: Path) -> None:
    (tmp_path / "link").symlink_to(monday)
    with pytest.raises(UsageError, match="link: the same state twice; its records would count"):
        fl.read([]).scanners(states=[monday, tmp_path / "link"])


def test_a_state_made_with_other_numbers_is_taken_where_they_are_set_so(tmp_path: Path) -> None:
    state = saved(tmp_path / "other", MONDAY, parameters={"session_packets": 5})
    with pytest.raises(UsageError, match="made with session_packets=5, and 4 is asked for"):
        fl.read([]).scanners(states=[state])
    options = {"states": [state], "parameters": {"session_packets": 5}}
    assert len(fl.read([]).scanners(**options)) == 1


def test_a_state_is_saved_to_a_new_or_empty_directory_alone(tmp_path: Path) -> None:
    for name in ("full", "file", "nowhere"):
        (tmp_path / name).mkdir() if name == "full" else None
    (tmp_path / "full/notes").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place, message in (
        ("full", "full: the directory isn't empty; name a new one"),
        ("file", "file: the directory isn't empty; name a new one"),
        ("nowhere/state", "nowhere: No such file or directory; name an existing directory"),
        ("file/state", "file: Not a directory; name an existing directory"),
    ):
        with pytest.raises(UsageError, match=message):
            scanners(tmp_path, MONDAY, save_state=tmp_path / place).arrow()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "flows.log", "full"]
    (tmp_path / "empty").mkdir()
    scanners(tmp_path, MONDAY, save_state=tmp_path / "empty").arrow()
    assert len(list((tmp_path / "empty").iterdir())) == 2


def test_a_day_without_a_refusal_is_not_judged_but_has_a_state(
    tmp_path: Path, monday: Path
) -> None:
    numbers = {"rejects_records": 4}
    found = scanners(tmp_path, TUESDAY, save_state=tmp_path / "tuesday", parameters=numbers)
    with pytest.raises(FlowlensError, match="4 records from peers were accepted and none rejected"):
        found.arrow()
    both = fl.read([]).scanners(tier="all", states=[monday, tmp_path / "tuesday"])
    together = scanners(tmp_path, MONDAY + TUESDAY)
    assert both.arrow().drop("known") == together.arrow().drop("known")


KILLED = """
import os, signal, sys
import pyarrow.parquet as pq
import flowlens as fl

class Dying(pq.ParquetWriter):
    def write_batch(self, batch):
        os.kill(os.getpid(), getattr(signal, sys.argv[3]))
        super().write_batch(batch)

pq.ParquetWriter = Dying
fl.read(sys.argv[1]).scanners(save_state=sys.argv[2]).arrow()
"""


@pytest.mark.parametrize(("number", "left"), [("SIGINT", 0), ("SIGKILL", 1)])
def test_a_run_that_is_killed_while_it_saves_leaves_no_state(
    tmp_path: Path, number: str, left: int
) -> None:
    log = write(tmp_path / "flows.log", MONDAY)
    (tmp_path / "out").mkdir()
    place = tmp_path / "out/state"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(log), str(place), number],
        capture_output=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == -getattr(signal, number)
    assert not place.exists()
    # What a SIGKILL leaves is hidden, and in nobody's way.
    assert len(list((tmp_path / "out").iterdir())) == left
    scanners(tmp_path, MONDAY, save_state=place).arrow()
    assert len(fl.read([]).scanners(states=place)) == 1
