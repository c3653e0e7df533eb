"""A store that isn't what was written: nothing is published from it, and nothing is lost for it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import command
from job_place import Place, line

DAYS = ("20", "21", "22")
KEYS = {"summaries": '["totals"]', "queries": '["rejected_by_port"]'}
MORE = "[scanners]\n[mail]\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that looks back, and has published three days."""
    here = Place(tmp_path_factory.mktemp("made") / "job")
    for day in DAYS:
        here.log(f"{day}.log", [line(f"{day}T07:00", src=f"192.0.2.{n}") for n in range(200)])
    here.job(MORE, **KEYS)
    here.run()
    return here.directory


@pytest.fixture
def once(made: Path, tmp_path: Path) -> Place:
    """The same, to be spoilt."""
    return Place(Path(shutil.copytree(made, tmp_path / "job")))


def part(here: Place, day: str = "21") -> Path:
    (path,) = here.store.glob(f"flows/day=2025-11-{day}/*.parquet")
    return path


def a_flipped_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    group = pq.read_metadata(path).row_group(0)
    column = group.column(group.num_columns // 2)
    begin = column.dictionary_page_offset or column.data_page_offset
    # The last byte is a value's, and not one of a page header that nobody reads.
    data[begin + column.total_compressed_size - 1] ^= 1
    path.write_bytes(data)


def a_column_of_zeros(path: Path) -> None:
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(6)
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(data)


def a_footer_of_zeros(path: Path) -> None:
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-40] + bytes(40))


def other_records_of_the_same_size(path: Path) -> None:
    """A sound Parquet file, and not what was written."""
    size = path.stat().st_size
    pq.write_table(pq.read_table(path, partitioning=None).slice(7), path, compression="zstd")
    with path.open("r+b") as file:
        file.truncate(size)


def what_cannot_be_read(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(os.urandom(size))


DAMAGE = [
    a_flipped_bit,
    a_column_of_zeros,
    a_footer_of_zeros,
    other_records_of_the_same_size,
    what_cannot_be_read,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_part_is_fatal_for_its_interval_alone(
    once: Place, damage: Callable[[Path], None]
) -> None:
    damage(part(once))
    before = once.published()
    once.log("late.log", [line("20T11:00", port=80)])
    (said,) = once.batch("run", code=1).stderr.decode().splitlines()
    assert said.startswith("flowlens: 2025-11-21: not published: ")
    assert said.endswith(f"its objects are read again by flowlens batch run {once.file}")
    assert once.told()["published"] == ["2025-11-20", "2025-11-22"]
    now = once.published()
    of_day = [name for name in before if name.startswith("2025-11-21/")]
    assert {name: now[name] for name in of_day} == {name: before[name] for name in of_day}
    assert "gone" not in now["2025-11-22/mail.txt"].decode()
    assert once.told("2025-11-22")["remarks"][-1] == (
        "not compared with 2025-11-21: records of it are lost"
    )
    assert len(list((once.store / "damaged").iterdir())) == 1
    assert once.run()["published"] == ["2025-11-21", "2025-11-22"]
    assert once.told("2025-11-21")["records"] == 200
    assert once.told("2025-11-22")["remarks"] == []
    assert once.run()["nothing_new"]


def test_a_damaged_part_whose_objects_are_gone_changes_nothing_that_is_published(
    once: Place,
) -> None:
    before = once.published()
    (once.directory / "logs/21.log").unlink()
    a_flipped_bit(part(once))
    once.batch("run", "--since", "2025-11-21", "--until", "2025-11-22", code=1)
    assert b"can't be read again" in once.batch("run").stderr
    of_day = [name for name in before if name.startswith("2025-11-21/")]
    now = once.published()
    assert {name: now[name] for name in of_day} == {name: before[name] for name in of_day}
    assert len(list((once.store / "damaged").iterdir())) == 1


def test_an_object_that_changes_whose_part_is_damaged_costs_no_other(once: Place) -> None:
    """The part holds another object's records, too, which can't be had from it."""
    once.log("more.log", [line("21T09:00", port=443)])
    once.run()
    assert len(list(once.store.glob("flows/day=2025-11-21/*"))) == 1, "they are put together"
    a_flipped_bit(part(once))
    once.log("more.log", [line("21T09:00", port=8443)])
    assert b"set aside" in once.batch("run", code=1).stderr
    once.run()
    assert {row["dstport"] for row in once.rows("2025-11-21/rejected_by_port.csv")} == {
        "22",
        "8443",
    }


@pytest.mark.parametrize("damage", [a_flipped_bit, what_cannot_be_read])
@pytest.mark.parametrize("what", ["rollups/days/records/day=2025-11-21", "state/2025-11-21"])
def test_a_damaged_summary_is_made_anew(
    once: Place, damage: Callable[[Path], None], what: str
) -> None:
    before = once.published()
    for path in (once.store / what).glob("*.parquet"):
        damage(path)
    said = once.batch("run", "--since", "2025-11-20", code=1).stderr.decode()
    assert "damaged; the next run makes it anew: flowlens batch run" in said
    assert "2025-11-20" not in said
    once.run()
    assert once.run()["nothing_new"]
    once.run("--since", "2025-11-20")
    assert without_runs(once.published()) == without_runs(before)


def without_runs(published: dict[str, bytes]) -> dict[str, object]:
    return {
        name: {**json.loads(content), "run": ""} if name.endswith("run.json") else content
        for name, content in published.items()
    }


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_store_with_a_damaged_part_says_so_as_an_input(
    once: Place, damage: Callable[[Path], None]
) -> None:
    damage(part(once))
    done = command("query", "rejected_by_port", once.store)
    assert done.returncode == 1
    (said,) = done.stderr.decode().splitlines()
    assert f"{part(once)}: damaged" in said
    assert "flowlens batch run" in said
    day = ("--since", "2025-11-22", "--until", "2025-11-23")
    assert command("query", "rejected_by_port", once.store, *day).returncode == 0


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_ledger_made_anew_takes_no_damaged_part(
    once: Place, damage: Callable[[Path], None]
) -> None:
    damage(part(once))
    (once.store / "ledger.sqlite").unlink()
    assert b"can't be used; the next run reads its objects again" in once.batch("rebuild").stderr
    once.batch("run")
    assert once.told("2025-11-21")["records"] == 200


HOSTILE_PARTS = [
    "../victim.txt",
    "{directory}/victim.txt",
    "flows/../../victim.txt",
    "flows/day=2025-11-21/../../../victim.txt",
    "flows/day=2025-11-21/mine.parquet",
    "flows/day=2025-11-21/0123456789abcdef0123.parquet\0.txt",
    "flows/day=2025-11-20/0123456789abcdef0123.parquet",
    "flows",
    "",
    7,
    None,
    b"../victim.txt",
    "flows/day=2025-11-21/0123456789abcdef0123.PARQUET",
    "store\udce9"[:5],
]


@pytest.mark.parametrize("path", [path for path in HOSTILE_PARTS if path is not None])
def test_a_row_of_the_ledger_leads_nowhere_else(once: Place, path: object) -> None:
    victim = once.directory / "victim.txt"
    victim.write_text("precious")
    (once.store / "flows/day=2025-11-21/mine.parquet").write_text("precious")
    named = path.format(directory=once.directory) if isinstance(path, str) else path
    change(
        once, "insert into parts (day, path, rows, bytes) values ('2025-11-21', ?, 1, 99)", named
    )
    refused(once, "no run wrote")
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "sql",
    [
        "insert into days (day) values ('../out/2025-11-2')",
        "insert into days (day) values ('*')",
        "insert into days (day) values ('2025-02-30')",
        "insert into days (day) values (x'2e2e')",
        "update intervals set start = -86400 where start = (select min(start) from intervals)",
        "update intervals set start = 7 where start = (select min(start) from intervals)",
        "update intervals set start = 9e12 where start = (select max(start) from intervals)",
        "update touches set start = 9000000000000 where object = 1",
        "update touches set start = 'x' where object = 1",
        "update parts set day = '../../x'",
        "update parts set day = '2025-11-09'",
        "update parts set bytes = 'many'",
        "update parts set bytes = -1",
        "update parts set sha256 = 'x'",
        "create trigger t after insert on about begin delete from parts; end",
        "create view v as select * from parts",
    ],
)
def test_a_ledger_with_what_no_run_wrote_is_refused(once: Place, sql: str) -> None:
    change(once, sql)
    refused(once, "no run wrote")


def change(here: Place, sql: str, *values: object) -> None:
    with sqlite3.connect(here.store / "ledger.sqlite") as ledger:
        ledger.execute(sql, values)
    ledger.close()


def refused(here: Place, why: str) -> None:
    """Every command says so in one line, and nothing is removed."""
    before = {path for path in here.directory.rglob("*") if path.name != "lock"}
    for what in ("run", "status"):
        (said,) = here.batch(what, code=1).stderr.decode().splitlines()
        assert why in said
        assert "defect" not in said
    assert {path for path in here.directory.rglob("*") if path.name != "lock"} == before


@pytest.mark.parametrize(
    "row",
    [
        *({"day": "2025-11-21", "path": path, "rows": 1, "bytes": 9} for path in HOSTILE_PARTS
          if not isinstance(path, bytes)),
        {"day": "../x", "path": "flows/day=../x/0123456789abcdef0123.parquet", "bytes": 9},
        {"day": None, "path": "x", "bytes": 9},
        {"day": "2025-11-21"},
        {"day": "2025-11-21", "path": "flows/day=2025-11-21/0123456789abcdef0123.parquet",
         "bytes": "9"},
        {"day": "2025-11-21", "path": "flows/day=2025-11-21/0123456789abcdef0123.parquet",
         "bytes": 9, "sha256": 7},
        7,
        None,
        "flows",
    ],
)  # fmt: skip
def test_a_manifest_leads_nowhere_else(once: Place, row: object) -> None:
    victim = once.directory / "victim.txt"
    victim.write_text("precious")
    place = once.store / "manifest.json"
    about = json.loads(place.read_text())
    about["parts"].append(row)
    place.write_text(json.dumps(about))
    done = command("check", once.store)
    assert done.returncode == 2
    (said,) = done.stderr.decode().splitlines()
    assert "which isn't part of a store; remove the manifest" in said
    once.batch("rebuild")
    once.batch("run")
    assert command("check", once.store).returncode == 0
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(
    "name",
    ["flows", "flows/day=2025-11-21", "part", "rollups", "rollups/days/records/day=2025-11-21",
     "state/2025-11-21", "manifest.json", "ledger.sqlite"],
)  # fmt: skip
def test_a_link_in_a_store_is_refused_and_nothing_behind_it_is_touched(
    once: Place, name: str
) -> None:
    place = part(once) if name == "part" else once.store / name
    there = once.directory / "elsewhere" / place.name
    there.parent.mkdir()
    place.rename(there)
    place.symlink_to(there)
    mine = there / f"{'0f' * 10}.parquet" if there.is_dir() else there
    if there.is_dir():
        mine.write_text("precious")
    before = {path: path.read_bytes() for path in there.parent.rglob("*") if path.is_file()}
    for what in ("run", "prune", "rebuild"):
        (said,) = once.batch(what, code=1).stderr.decode().splitlines()
        assert f"{place}: is a link" in said
    assert {path: path.read_bytes() for path in there.parent.rglob("*") if path.is_file()} == before
    if place.name.endswith("parquet") or "flows" in name:
        assert command("check", once.store).returncode == 1
