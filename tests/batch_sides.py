"""What a job made of a feed, so that it can be held against what another one made of it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flowlens.batch.store.parts import described, runs

OWN = ("run", "store", "seconds")
"""What a published `run.json` has that differs from run to run, and from store to store."""

_OBJECTS = """
select name, size, stamp, state, why, again, lines, headers, blanks, malformed, repeats, ok, nodata,
    skipdata, reasons
from objects
order by name
"""
_TOUCHES = """
select name, start, records from touches join objects on objects.id = touches.object order by 1, 2
"""
_INTERVALS = "select start, changed, published from intervals order by start"
_DAYS = "select day, changed, pruned from days order by day"
_PARTS = "select path, rows, bytes from parts order by path"

DIRECTORIES = {"flows", "rollups", "state"}
FILES = {"flowlens-store.json", "ledger.sqlite", "manifest.json", "lock"}


@dataclass(frozen=True, slots=True)
class Side:
    """Everything that has to be the same, by name."""

    published: dict[str, object]
    rollups: dict[str, bytes]
    ledger: dict[str, list[tuple[Any, ...]]]
    records: dict[tuple[str, str], Counter[tuple[Any, ...]]]

    def same(self, other: Side) -> None:
        """See that it is the same."""
        for name in ("ledger", "records", "rollups", "published"):
            ours, theirs = getattr(self, name), getattr(other, name)
            assert sorted(ours) == sorted(theirs), name
            for key in ours:
                assert ours[key] == theirs[key], f"{name}: {key}"


def side(directory: Path) -> Side:
    """What there is in a job's directory; whatever nobody asked for is an error."""
    store, out = directory / "store", directory / "out"
    with sqlite3.connect(store / "ledger.sqlite") as ledger:
        parts = ledger.execute(_PARTS).fetchall()
        told = {
            "objects": ledger.execute(_OBJECTS).fetchall(),
            "touches": ledger.execute(_TOUCHES).fetchall(),
            "intervals": ledger.execute(_INTERVALS).fetchall(),
            "days": [row for row in ledger.execute(_DAYS) if row[1]],
        }
    ledger.close()
    _nothing_else(store, out, {path: (rows, size) for path, rows, size in parts})
    return Side(
        published(directory),
        {
            str(path.relative_to(store)): path.read_bytes()
            for path in (store / "rollups").glob("*/*/*/*")
        },
        told,
        _records(store, [path for path, _, _ in parts]),
    )  # fmt: skip


def published(directory: Path) -> dict[str, object]:
    """The content of each published file."""
    out = directory / "out"
    return {str(path.relative_to(out)): _content(path) for path in out.glob("*/*")}


def _content(path: Path) -> object:
    if path.name != "run.json":
        return path.read_bytes()
    return {key: value for key, value in json.loads(path.read_text()).items() if key not in OWN}


def _nothing_else(store: Path, out: Path, parts: dict[str, tuple[int, int]]) -> None:
    """See that there is nothing unfinished, and every part is known, and as it is told to be."""
    everything = [*store.rglob("*"), *out.rglob("*")]
    assert not [path for path in everything if path.name.startswith(".")]
    # Parts that were cut short are set aside, for good.
    assert {path.name for path in store.iterdir() if path.is_dir()} - {"damaged"} == DIRECTORIES
    assert {path.name for path in store.iterdir() if path.is_file()} == FILES
    paths = {str(path.relative_to(store)): path for path in (store / "flows").glob("*/*")}
    assert set(paths) == set(parts)
    for name, path in paths.items():
        assert (pq.read_metadata(path).num_rows, path.stat().st_size) == parts[name]
    listed = json.loads((store / "manifest.json").read_text())["parts"]
    assert {row["path"]: (row["rows"], row["bytes"]) for row in listed} == parts
    assert all(path.is_dir() and (path / "run.json").exists() for path in out.glob("*-*"))


def _records(store: Path, parts: list[str]) -> dict[tuple[str, str], Counter[tuple[Any, ...]]]:
    """The records of each object on each day, with how often each is there."""
    found: dict[tuple[str, str], Counter[tuple[Any, ...]]] = {}
    for name in parts:
        path = store / name
        table = pq.read_table(path, partitioning=None)
        objects, begin = described(path), 0
        for place, rows in runs(path):
            key = objects[place].name, path.parent.name
            found.setdefault(key, Counter()).update(_rows(table.slice(begin, rows)))
            begin += rows
    return found


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows, whatever columns without a value there are beside."""
    named = [[(name, value) for name, value in row.items() if value is not None]
             for row in table.to_pylist()]  # fmt: skip
    return [tuple(sorted(row)) for row in named]
