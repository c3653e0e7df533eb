"""The Parquet files among the sources: those that DuckDB reads itself, and those that are streamed.

DuckDB reads files of the file system. What lies elsewhere, and what has a name that DuckDB would
take for a glob, comes row group by row group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from os.path import abspath

from flowlens.inputs.find import Source
from flowlens.reading.parquet.columns import NoFlowLogError, Shape, samples, shape
from flowlens.reading.parquet.footers import RowGroup, begins, footer, named, opened, parquet
from flowlens.reading.parquet.proofs import Proven, proven

THREADS = 8
"""How many files are looked at together; most of it is waiting."""

TOGETHER = 64
"""Files that are brought near at the same time, where they lie elsewhere."""

_GLOB = re.compile(r"[*?\[\]{}\ud800-\udfff]")
"""What DuckDB would take for a glob, or can't be given as a name at all."""

_TAKEN = ("filename", "file_index", "file_row_number")
"""Columns that DuckDB adds to those of a file."""

REFUSED = (OSError, ValueError)
"""What makes a file unreadable, or breaks it off."""


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet source that has been looked at; `index` is its place among all sources.

    `whole` are the statistics of the whole file, `known` is what they prove. One that is `marked`
    was written by us.
    """

    index: int
    source: Source
    shape: Shape
    compression: str
    whole: RowGroup
    known: Proven
    marked: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """The columns of `flows` that its records have.

        Records that were written together share a file's columns: what none of them has is empty.
        """
        statistics = self.whole.statistics
        return frozenset(
            held.column
            for held in self.shape.held
            if not (self.marked and held.name in statistics and statistics[held.name].empty)
        )

    @property
    def path(self) -> str:
        """The file's name for DuckDB."""
        return abspath(self.source.name)

    def knowing(self, known: Proven) -> File:
        """The same file, of which more is known."""
        return replace(self, known=known)


@dataclass(frozen=True, slots=True)
class Refused:
    """A Parquet source that can't be read, and why: it `failed` if it can't even be reached."""

    index: int
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Lake:
    """The Parquet sources: `files` for DuckDB, `streamed` others, `refused` ones."""

    files: tuple[File, ...] = ()
    streamed: tuple[tuple[int, Source], ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def indexes(self) -> frozenset[int]:
        """The places of all Parquet sources among the sources."""
        looked = [file.index for file in self.files] + [item.index for item in self.refused]
        return frozenset((*looked, *(index for index, _ in self.streamed)))

    @property
    def paths(self) -> list[str]:
        """What DuckDB must be able to open."""
        return [file.path for file in self.files]

    def as_streams(self) -> Lake:
        """The same files, none of them DuckDB's."""
        files = ((file.index, file.source) for file in self.files)
        return Lake(streamed=tuple(sorted((*self.streamed, *files))), refused=self.refused)

    def columns(self) -> frozenset[str]:
        """The columns of `flows` that some file has; streamed ones are looked at for it."""
        looked = [*self.files, *(found for found in _looked(self.streamed))]
        return frozenset(
            held.column for found in looked if isinstance(found, File) for held in found.shape.held
        )


def lake(sources: Sequence[Source]) -> Lake:
    """The Parquet sources among these; files are looked at, other places are not."""
    told = {index: named(source) for index, source in enumerate(sources)}
    open_ones = [index for index, yes in told.items() if yes is None]
    if open_ones:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="flowlens-parquet") as pool:
            found = pool.map(lambda index: begins(sources[index]), open_ones)
            told.update(zip(open_ones, found, strict=True))
    numbered = [(index, sources[index]) for index, yes in told.items() if yes]
    near = [pair for pair in numbered if pair[1].opener is None]
    looked = {item.index: item for item in _looked(near)}
    files: list[File] = []
    streamed: list[tuple[int, Source]] = []
    refused: list[Refused] = []
    for index, source in numbered:
        seen = looked.get(index)
        if isinstance(seen, Refused):
            refused.append(seen)
        elif seen is None or not _is_plain(seen):
            streamed.append((index, source))
        else:
            files.append(seen)
    return Lake(tuple(files), tuple(streamed), tuple(refused))


def look(index: int, source: Source) -> File | Refused:
    """Look at a file's footer."""
    try:
        with opened(source) as file:
            found = footer(parquet(file).metadata)
        whole = found.whole()
        its = shape(found.columns, tuple(samples(found.columns, whole)))
    except REFUSED as error:
        return Refused(index, why(error), isinstance(error, OSError))
    marked = found.marked or its.is_own
    known = proven(its, whole, marked=marked)
    return File(index, source, its, found.compression, whole, known, marked)


def why(error: Exception) -> str:
    """Why a source can't be read, in one line."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)


def _looked(numbered: Sequence[tuple[int, Source]]) -> Iterator[File | Refused]:
    waiting = iter(numbered)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="flowlens-parquet") as pool:
        while together := list(islice(waiting, TOGETHER)):
            for _, source in together:
                if source.ahead:
                    source.ahead()
            yield from pool.map(lambda pair: look(*pair), together)


def _is_plain(file: File) -> bool:
    """Whether DuckDB can read the file by its name."""
    names = {held.name.lower() for held in file.shape.held}
    return not _GLOB.search(file.path) and names.isdisjoint(_TAKEN)


__all__ = ["File", "Lake", "NoFlowLogError", "Refused", "lake", "look", "why"]
