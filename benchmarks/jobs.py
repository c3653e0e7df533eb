"""Jobs of `flowlens batch`: their files below data/, the stores they fill, and what was made there.

`python -m benchmarks.jobs objects` and `… month` make what takes flowlens's own modules, in a
process of their own, so that the measuring one stays small (see measure.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import datasets
from benchmarks.datasets import Dataset
from benchmarks.measure import ROOT, Command

if TYPE_CHECKING:
    from flowlens.batch.store.place import Store

LARGE = Dataset("large", 5_000_000)
"""A day of records, of which summaries are made."""

OBJECTS = 1_000_000
"""Objects that a ledger knows, and that lie there as files; empty ones, for `plan` reads none."""

FOLDER = 1_000
"""Files in each of their folders."""

DAYS = 30
"""Days of rollups that summaries are made of."""

HOURS = (-14, -6, 2)
"""How far the hours that the set has (14 to 21 of its day) are shifted, to make a whole day."""

_STEPS = Path(__file__).parent / "peers" / "batch_step.py"


def job_of(dataset: Dataset) -> str:
    """The name of the job whose input a set is."""
    return f"{dataset.kind}-{dataset.records}"


def folder(name: str) -> Path:
    """Where a job lies, with its store and output."""
    return datasets.DATA / f"job-{name}"


def make(name: str, inputs: Path, *, interval: str = "1d") -> Path:
    """Write a job's file: one query, one format, three summaries. Its store is left as it is."""
    place = folder(name)
    place.mkdir(parents=True, exist_ok=True)
    keys = {
        "name": "bench",
        "inputs": [str(inputs)],
        "store": "store/",
        "output": "out/",
        "interval": interval,
        "queries": ["rejected_by_port"],
        "formats": ["csv"],
    }
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in keys.items()]
    (place / "job.toml").write_text("".join(lines))
    return place / "job.toml"


def ingest(dataset: Dataset) -> Command:
    """`flowlens batch run` over a set, into a store that isn't there yet."""
    return _anew(
        "flowlens batch run", job_of(dataset), "-P", "-m", "flowlens", "batch", "run", "-q"
    )


def step(dataset: Dataset, what: str) -> Command:
    """A step over the store that a run over a set has filled; see peers/batch_step.py."""
    return _step(job_of(dataset), what)


def pieces(dataset: Dataset, what: str) -> Command:
    """A step that fills a store of its own, object by object."""
    return _anew(what, f"{job_of(dataset)}-pieces", str(_STEPS), what)


def month(interval: str, what: str) -> Command:
    """A step over a store that holds rollups of a month."""
    return _step(f"month-{interval}", what)


def plan() -> Command:
    """`flowlens batch plan` with as many objects in the ledger, and in the inputs."""
    job = str(folder("objects") / "job.toml")
    return Command(
        "flowlens batch plan", (sys.executable, "-P", "-m", "flowlens", "batch", "plan", job)
    )


def seconds(name: str, part: str) -> float:
    """What a part of a job's last run took."""
    took: float = json.loads((folder(name) / "out" / "run.json").read_text())["seconds"][part]
    return took


def bytes_a_record(name: str, records: int, below: str = "") -> float:
    """Bytes of a job's store, or of a directory in it, over the records that were read."""
    place = folder(name) / "store" / below
    files = [path for path in place.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files) / records


@contextmanager
def written(*sets: Dataset, pieces: bool = False) -> Iterator[None]:
    """The jobs of some sets; of their stores nothing is made."""
    for dataset in sets:
        make(f"{job_of(dataset)}-pieces" if pieces else job_of(dataset), dataset.directory)
    yield


@contextmanager
def filled(dataset: Dataset) -> Iterator[None]:
    """The store of a set, filled by one run."""
    with written(dataset):
        subprocess.run(ingest(dataset).arguments, cwd=ROOT, check=True)
        yield


@contextmanager
def months(dataset: Dataset) -> Iterator[None]:
    """Stores with a month of rollups by the day, and by the hour, made of those of a set."""
    with filled(dataset):
        _prepare("month")
        yield


@contextmanager
def many() -> Iterator[None]:
    """As many files, which a ledger knows."""
    _prepare("objects")
    yield


def _step(name: str, what: str) -> Command:
    job = str(folder(name) / "job.toml")
    return Command(what, (sys.executable, "-P", str(_STEPS), what, job))


def _anew(title: str, name: str, *arguments: str) -> Command:
    """A command that is given a job's file, whose store and output are removed before."""
    place = folder(name)
    script = 'cd "$0" && rm -rf store out && exec "$@" job.toml'
    return Command(title, ("bash", "-c", script, str(place), sys.executable, *arguments))


def _prepare(what: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.jobs", what], cwd=ROOT, check=True)


def _fill_objects() -> None:
    """Make the files and a ledger that knows them all, unless they are there."""
    from flowlens.batch.jobfile.loading import load
    from flowlens.batch.store.entries import Entry
    from flowlens.batch.store.place import working
    from flowlens.core.counts import Counts

    place = folder("objects")
    job = load(make("objects", place / "logs"))
    with working(job) as store:
        if store.ledger.value("select count(*) from objects") == OBJECTS:
            return
        for first in range(0, OBJECTS, FOLDER):
            directory = place / "logs" / f"{first // FOLDER:04}"
            directory.mkdir(parents=True, exist_ok=True)
            entries = []
            for number in range(first, first + FOLDER):
                path = directory / f"{number:07}.log.gz"
                path.touch()
                stamp = str(path.stat().st_mtime_ns)
                name = str(path.relative_to(place))
                counts = Counts(lines=201, headers=1, ok=200)
                touches = {1_790_000_000 // 86_400 * 86_400: 200}
                entries.append(Entry(name, 0, stamp, "read", "", False, counts, touches))
            with store.ledger.change():
                store.ledger.enter(entries, [])


def _fill_months() -> None:
    """Make the stores of a month; every day has the rollups of the set's day."""
    from flowlens.batch.jobfile.loading import load
    from flowlens.batch.store.place import working

    (source,) = (path for path in folder(job_of(LARGE)).glob("store/rollups/days/records/day=*"))
    for interval in ("1d", "1h"):
        job = load(make(f"month-{interval}", LARGE.directory, interval=interval))
        with working(job) as store:
            if not store.ledger.value("select count(*) from intervals"):
                _fill_month(store, source, "days" if interval == "1d" else "hours")


def _fill_month(store: Store, day: Path, level: str) -> None:
    from datetime import date, timedelta

    import pyarrow.parquet as pq

    from flowlens.batch.store.entries import Entry
    from flowlens.core.counts import Counts

    first = date.fromisoformat(day.name.removeprefix("day="))
    shifts = (0,) if level == "days" else HOURS
    entries = []
    for number in range(DAYS):
        starts = set()
        for name in ("records", "sizes", "sources"):
            to = f"day={first + timedelta(days=number)}"
            place = store.path("rollups", level, name, to)
            place.mkdir(parents=True)
            origin = day.parents[2] / level / name / day.name / "rollup.parquet"
            table = pq.read_table(origin, partitioning=None)
            spans = [timedelta(days=number, hours=hours) for hours in shifts]
            whole = _shifted(table, spans, until=22 if level == "hours" else 24)
            pq.write_table(whole, place / "rollup.parquet", compression="zstd")
            starts |= {int(start.timestamp()) for start in whole["start_time"].unique().to_pylist()}
        touches = dict.fromkeys(sorted(starts), 1_000)
        counts = Counts(lines=len(touches) * 1_000, ok=len(touches) * 1_000)
        entries.append(Entry(f"{number:02}.log", 0, "", "read", "", False, counts, touches))
    with store.ledger.change():
        store.ledger.enter(entries, [])
        store.ledger.connection.execute("update intervals set changed = 0, new_scanners = 3")


def _shifted(table: Any, spans: list[Any], *, until: int) -> Any:
    """A rollup's rows of hours before `until`, once for each span, shifted by it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.filter(pc.less(pc.hour(table["start_time"]), until))
    shifted = []
    for span in spans:
        copy = rows
        for index, column in enumerate(rows.schema):
            if pa.types.is_timestamp(column.type):
                moved = pc.add(rows[column.name], pa.scalar(span, pa.duration("us")))
                copy = copy.set_column(index, column, moved)
        shifted.append(copy)
    return pa.concat_tables(shifted)


if __name__ == "__main__":
    {"objects": _fill_objects, "month": _fill_months}[sys.argv[1]]()
