"""Stores as inputs: only what really is one is taken for one, and what it says is checked."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from commands import command

from flowlens.inputs.find import find
from flowlens.inputs.store import MANIFEST, MARK, UNDATED, is_store, needed

ROOT = Path(__file__).parents[1]
LOGS = sorted((ROOT / "fixtures/demo").rglob("*020[05]Z*"))
OURS = {"store": 1, "job": "rejects", "interval": "1d"}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two folders with a log each."""
    for folder, log in zip("ab", LOGS, strict=True):
        (tmp_path / "logs" / folder).mkdir(parents=True)
        (tmp_path / "logs" / folder / log.name).write_bytes(log.read_bytes())
    return tmp_path / "logs"


def store(place: Path, *rows: object, mark: object = OURS) -> Path:
    """A store with a manifest of these rows."""
    place.mkdir(exist_ok=True)
    (place / MARK).write_text(json.dumps(mark))
    (place / MANIFEST).write_text(json.dumps({"store": 1, "parts": rows}))
    return place


def lines_of(*words: object) -> tuple[int, str]:
    done = command("check", *words, "-f", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["lines"], done.stderr.decode()


MARKS: list[Any] = [
    {}, [], None, 1, "store", {"store": None}, {"store": True, "job": "x"},
    {"store": "1", "job": "x"}, {"store": 1.0, "job": "x"}, {"store": 0, "job": "x"},
    {"store": 1}, {"store": 1, "job": 7}, {"store": 1, "job": ["x"]},
]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS, ids=json.dumps)
def test_a_file_that_is_merely_called_like_the_mark_makes_no_store(mark: Any, logs: Path) -> None:
    expected, _ = lines_of(logs)
    store(logs / "b", mark=mark)
    (logs / "b" / MANIFEST).unlink()
    (logs / "b" / "ledger.sqlite").touch()
    assert not is_store(logs / "b")
    for inputs in ([logs], [logs / "a", logs / "b"]):
        lines, said = lines_of(*inputs)
        assert lines - expected <= 1  # the ledger, an empty file
        assert (
            f"{logs}/b/{MARK}: not part of a store; skipped, the other files here are read" in said
        )


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "{}" * 2, "\xff", "9" * 5_000])
def test_a_mark_that_is_no_json_makes_no_store(text: str, logs: Path) -> None:
    expected, _ = lines_of(logs)
    (logs / "b" / MARK).write_text(text, encoding="latin-1")
    lines, said = lines_of(logs)
    assert lines == expected == 805
    assert MARK in said


def test_a_mark_all_alone_or_one_that_is_no_file_makes_no_store(logs: Path) -> None:
    store(logs / "a")
    (logs / "a" / MANIFEST).unlink()
    os.mkfifo(logs / "b" / MARK)
    assert lines_of(logs)[0] == 805


def test_a_store_is_passed_over_and_that_is_said_but_not_what_others_put_into_it(
    logs: Path,
) -> None:
    store(logs / "b")
    (logs / "b/flows").mkdir()
    (logs / "b/flows/part.log").write_bytes(LOGS[1].read_bytes())
    lines, said = lines_of(logs)
    assert lines == 805
    assert f"flowlens: {logs}/b: a store; skipped, name it as an input" in said
    done = command("check", logs / "a", logs / "b", "-f", "json")
    assert (
        f"{logs}/b: a store; {LOGS[1].name} in it isn't part of the store" in done.stderr.decode()
    )


def test_nothing_is_said_where_there_is_nothing_to_say(logs: Path) -> None:
    assert MARK not in lines_of(logs)[1]


GOOD = {
    "path": "flows/day=2026-11-23/0123456789abcdef0123.parquet",
    "day": "2026-11-23",
    "rows": 1,
    "bytes": 10,
}
ROWS: list[Any] = [
    None, 1, "x", [], {}, {**GOOD, "path": None}, {**GOOD, "path": 7}, {**GOOD, "path": ["a"]},
    {**GOOD, "path": "../../etc/passwd"}, {**GOOD, "path": "/etc/passwd"}, {**GOOD, "path": ""},
    {**GOOD, "path": "flows/day=2026-11-23/../../x"}, {**GOOD, "path": "flows/day=2026-11-23/.."},
    {**GOOD, "path": "flows/day=2026-11-23/a\0b"}, {**GOOD, "path": "flows/day=2026-11-23/\ud800"},
    {**GOOD, "path": "flows/day=2026-11-23/a\n"}, {**GOOD, "path": "flows/day=2026-11-23/*"},
    {**GOOD, "path": "s3://bucket/key"},
    {**GOOD, "path": "flows/day=2026-11-24/0123456789abcdef0123.parquet"},
    {**GOOD, "day": None}, {**GOOD, "day": 20261123}, {**GOOD, "day": "2026-11-24"},
    {**GOOD, "day": "2026-13-99", "path": "flows/day=2026-13-99/0123456789abcdef0123.parquet"},
    {**GOOD, "day": "20261123", "path": "flows/day=20261123/0123456789abcdef0123.parquet"},
    {**GOOD, "bytes": None}, {**GOOD, "bytes": -1}, {**GOOD, "bytes": "10"},
    {**GOOD, "bytes": True}, {**GOOD, "bytes": 1.5}, {**GOOD, "bytes": 1 << 63},
    {**GOOD, "bytes": float("nan")},
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=json.dumps)
def test_a_manifest_that_is_none_is_one_line(row: Any, tmp_path: Path) -> None:
    place = store(tmp_path / "store", GOOD, row)
    for words in (("check",), ("query", "enis"), ("check", "--since", "2026-01-01")):
        done = command(*words, place)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert f"{place}/{MANIFEST}: damaged".encode() in done.stderr


MANIFESTS = [
    "", "{", "[]", "null", '"x"', "1", "{}", '{"store": 1}', '{"store": 1, "parts": {}}',
    '{"store": 1, "parts": "x"}', '{"store": 1, "parts": null}', '{"store": true, "parts": []}',
    '{"store": [1], "parts": []}', '{"store": {"a": 1}, "parts": []}', "[" * 100_000,
    '{"store": 1, "parts": ' + "[" * 900 + "]" * 900 + "}", '{"store": ' + "9" * 5_000 + "}",
    '{"store": 2, "parts": []}', '{"store": ' + "9" * 4_000 + "}", "\xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("text", MANIFESTS, ids=range(len(MANIFESTS)))
def test_a_manifest_of_another_shape_is_one_line(text: str, tmp_path: Path) -> None:
    place = store(tmp_path / "store")
    (place / MANIFEST).write_text(text, encoding="latin-1")
    done = command("check", place)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert len(done.stderr) < 400
    assert f"{place}/{MANIFEST}: ".encode() in done.stderr


@pytest.mark.parametrize("what", ["fifo", "directory", "missing", "link"])
def test_a_manifest_that_is_no_file_is_one_line(what: str, tmp_path: Path) -> None:
    place = store(tmp_path / "store")
    (place / "ledger.sqlite").touch()
    manifest = place / MANIFEST
    manifest.unlink()
    if what == "fifo":
        os.mkfifo(manifest)
    elif what == "directory":
        manifest.mkdir()
    elif what == "link":
        manifest.symlink_to("/dev/zero")
    done = command("check", place)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert f"{manifest}: ".encode() in done.stderr


def test_a_store_of_a_newer_flowlens_is_one(tmp_path: Path) -> None:
    place = store(tmp_path / "store", mark={"store": 2, "job": "x"})
    assert is_store(place)
    done = command("check", place)
    assert done.returncode == 2
    assert (
        b"a store of version 2, but this flowlens reads version 1; update flowlens" in done.stderr
    )


def test_a_part_that_several_inputs_name_is_there_once(tmp_path: Path) -> None:
    place = store(tmp_path / "store", GOOD)
    part = place / str(GOOD["path"])
    part.parent.mkdir(parents=True)
    part.write_bytes(b"0123456789")
    for inputs in ([str(place), str(part)], [str(part), str(place)], [f"{tmp_path}/**/*arquet"]):
        assert [source.name for source in find(inputs).sources] == [str(part)]


@pytest.mark.parametrize(
    ("day", "since", "until", "answer"),
    [
        ("9999-12-31", datetime(2026, 1, 1, tzinfo=UTC), None, True),
        ("9999-12-31", None, datetime(2026, 1, 1, tzinfo=UTC), False),
        ("0001-01-01", datetime(2026, 1, 1, tzinfo=UTC), None, False),
        ("2026-11-23", datetime(2026, 11, 24, tzinfo=UTC), None, False),
        ("2026-11-23", datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC), None, True),
        ("2026-11-23", None, datetime(2026, 11, 23, tzinfo=UTC), False),
        ("2026-11-23", None, datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC), True),
        (UNDATED, None, None, True),
        (UNDATED, datetime(2026, 1, 1, tzinfo=UTC), None, False),
    ],
)
def test_a_day_is_needed_where_it_meets_the_window(
    day: str, since: datetime | None, until: datetime | None, answer: bool
) -> None:
    assert needed(day, (since, until)) is answer
