"""The sets of files that are measured, each made once below benchmarks/data/ and kept.

A set in another form than text holds the very records of the set `large` of its size.

`python -m benchmarks.datasets KIND RECORDS` makes one. It runs as a process of its own, so that
the measuring one stays small (see measure.py).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

DATA = Path(__file__).parent / "data"
SEED = 1
LEVEL = 6
"""Of zlib's compression, for that is how delivered files look."""

CHUNK = 250_000
"""Records made at a time, at least; a file is never divided."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a set's records lie: in how many files, of what names, and in which form (see forms.py).

    A name that ends in `.gz` means gzip. Every `spoilt_every` lines one is malformed. `words` say
    in the table what is special. The VPC logs `pace` times as much in a second as usual.
    """

    files: int
    words: str = ""
    spoilt_every: int = 0
    file: str = "{}.log.gz"
    form: str = ""
    pace: int = 1


JSON = {
    "pages": "pages of events",
    "pretty": "one pretty-printed document",
    "events": "an event a line",
    "payloads": "payloads of a subscription",
    "firehose": "straight to Firehose",
    "structured": "records as objects",
}
"""Forms of JSON whose speed is measured."""

PACKED = {
    "stream": Kind(1, "exported", file="{}/000000.gz", form="export"),
    "insights": Kind(1, "JSON of Logs Insights", file="{}.json.gz", form="insights"),
    "rows": Kind(1, "CSV of Logs Insights", file="{}.csv.gz", form="rows"),
    "console": Kind(1, "CSV of the console", file="{}.csv.gz", form="console"),
    "members": Kind(1, "payloads as gzip members", file="{}", form="members"),
    "encoded": Kind(1, "payloads in base64", file="{}", form="encoded"),
    **{f"{name}-gz": Kind(1, words, file="{}.json.gz", form=name) for name, words in JSON.items()},
}
"""Envelopes whose memory is measured, compressed as they come or to spare the disk."""

KINDS = {
    "large": Kind(files=24),
    "dense": Kind(24, "within 9 hours", pace=4),
    "small": Kind(files=5_000),
    "objects": Kind(files=1_000),
    "sample": Kind(files=1),
    "malformed": Kind(24, "1 line in 1,000 malformed", spoilt_every=1_000),
    "export": Kind(24, "exported", file="{}/000000.gz", form="export"),
    "parquet": Kind(24, "Parquet", file="{}.log.parquet", form="parquet"),
    **{name: Kind(1, words, file="{}.json", form=name) for name, words in JSON.items()},
    **PACKED,
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of files of flow-log records."""

    kind: str
    records: int

    @property
    def name(self) -> str:
        """What it is called in the table, such as `5 M in 24 files`."""
        number = KINDS[self.kind].files
        files = f"{number:,} files" if number > 1 else "1 file"
        words = f", {KINDS[self.kind].words}" if KINDS[self.kind].words else ""
        return f"{self.records / 1e6:g} M in {files}{words}"

    @property
    def directory(self) -> Path:
        """Where its files are; the name has all that it is made from."""
        return DATA / f"{self.kind}-{self.records}-seed{SEED}"

    @property
    def is_made(self) -> bool:
        """Whether it is there and whole."""
        return self.directory.is_dir()

    @property
    def pattern(self) -> str:
        """A glob of its files."""
        return str(self.file("*"))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.directory.glob(self._named("*")))

    def file(self, number: int | str) -> Path:
        """One of its files."""
        return self.directory / self._named(number)

    def _named(self, number: int | str) -> str:
        return KINDS[self.kind].file.format(number if number == "*" else f"{number:05}")


def make(dataset: Dataset) -> Path:
    """Write the set's files, unless they are there; its directory appears only when whole."""
    if dataset.is_made:
        return dataset.directory
    written = _written if KINDS[dataset.kind].form else _invented
    making = dataset.directory.with_suffix(f".making-{os.getpid()}")
    making.mkdir(parents=True)
    try:
        written(making, dataset)
        making.rename(dataset.directory)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return dataset.directory


def _written(directory: Path, dataset: Dataset) -> None:
    """Write the records of the set `large` in the dataset's form: a file each, or all in one."""
    import gzip

    from benchmarks.forms import FORMS

    kind = KINDS[dataset.kind]
    plain = Dataset("large", dataset.records)
    make(plain)
    numbers = range(KINDS[plain.kind].files)
    parts = [[number] for number in numbers] if kind.files > 1 else [numbers]
    for index, part in enumerate(parts):
        file = directory / kind.file.format(f"{index:05}")
        file.parent.mkdir(exist_ok=True)
        zipped = gzip.GzipFile(file, "wb", LEVEL, mtime=0) if file.suffix == ".gz" else None
        with zipped or file.open("wb") as out:
            for piece in FORMS[kind.form](_lines(plain, part)):
                out.write(piece)


def _lines(plain: Dataset, numbers: Iterable[int]) -> Iterator[str]:
    """The records of a set's files as text, without the headers."""
    import gzip

    for number in numbers:
        with gzip.open(plain.file(number), "rt") as file:
            next(file)
            for line in file:
                yield line.removesuffix("\n")


def _invented(directory: Path, dataset: Dataset) -> None:
    """Make the dataset's records."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda chunk: _write(directory, dataset, chunk), list(_chunks(dataset))):
            pass


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some files in a row: the first one's index, the records before it, and of each file."""

    file: int
    before: int
    sizes: list[int]


def _chunks(dataset: Dataset) -> Iterator[_Chunk]:
    files = KINDS[dataset.kind].files
    ends = [dataset.records * (index + 1) // files for index in range(files)]
    sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    first = 0
    for index, end in enumerate(ends):
        before = ends[first - 1] if first else 0
        if end - before >= CHUNK or index == files - 1:
            yield _Chunk(first, before, sizes[first : index + 1])
            first = index + 1


def _write(directory: Path, dataset: Dataset, chunk: _Chunk) -> None:
    """Make a chunk's records, and cut their text at its newlines into the chunk's files."""
    import gzip

    import numpy as np

    from benchmarks.traffic import HEADER, lines, records, spoilt

    every, pace = KINDS[dataset.kind].spoilt_every, KINDS[dataset.kind].pace
    table = records(sum(chunk.sizes), seed=(SEED, chunk.file), before=chunk.before, pace=pace)
    text = lines(spoilt(table, every=every) if every else table)
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")) + 1
    cuts = [0, *(int(ends[count - 1]) for count in accumulate(chunk.sizes))]
    for offset, (begin, end) in enumerate(pairwise(cuts)):
        content = HEADER.encode() + b"\n" + text[begin:end]
        file = directory / dataset.file(chunk.file + offset).name
        file.write_bytes(gzip.compress(content, LEVEL, mtime=0))


if __name__ == "__main__":
    make(Dataset(sys.argv[1], int(sys.argv[2])))
