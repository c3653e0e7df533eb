"""The sets of files that are measured, each made once below benchmarks/data/ and kept.

`python -m benchmarks.datasets KIND RECORDS` makes one. It runs as a process of its own, so that
the measuring one stays small (see measure.py).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
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
    """How a set's records lie: in how many files, and every how many lines one is malformed."""

    files: int
    spoilt_every: int = 0


KINDS = {
    "large": Kind(files=24),
    "small": Kind(files=5_000),
    "sample": Kind(files=1),
    "malformed": Kind(files=24, spoilt_every=1_000),
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of gzip files of flow-log records."""

    kind: str
    records: int

    @property
    def name(self) -> str:
        """What it is called in the table, such as `5 M in 24 files`."""
        number = KINDS[self.kind].files
        files = f"{number:,} files" if number > 1 else "1 file"
        spoilt = ", 1 line in 1,000 malformed" if KINDS[self.kind].spoilt_every else ""
        return f"{self.records / 1e6:g} M in {files}{spoilt}"

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
        return str(self.directory / "*.log.gz")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.directory.glob("*.log.gz"))


def make(dataset: Dataset) -> Path:
    """Write the set's files, unless they are there; its directory appears only when whole."""
    from concurrent.futures import ThreadPoolExecutor

    if dataset.is_made:
        return dataset.directory
    making = dataset.directory.with_suffix(f".making-{os.getpid()}")
    making.mkdir(parents=True)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(lambda chunk: _write(making, dataset, chunk), list(_chunks(dataset))):
                pass
        making.rename(dataset.directory)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return dataset.directory


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

    every = KINDS[dataset.kind].spoilt_every
    table = records(sum(chunk.sizes), seed=(SEED, chunk.file), before=chunk.before)
    text = lines(spoilt(table, every=every) if every else table)
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")) + 1
    cuts = [0, *(int(ends[count - 1]) for count in accumulate(chunk.sizes))]
    for offset, (begin, end) in enumerate(pairwise(cuts)):
        content = HEADER.encode() + b"\n" + text[begin:end]
        file = directory / f"{chunk.file + offset:05}.log.gz"
        file.write_bytes(gzip.compress(content, LEVEL, mtime=0))


if __name__ == "__main__":
    make(Dataset(sys.argv[1], int(sys.argv[2])))
