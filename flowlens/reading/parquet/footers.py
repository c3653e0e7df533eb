"""Parquet's footers: which columns a file has, and what its statistics say of them.

Nothing but the footer is read. Columns are told apart by what Parquet itself says of them, for the
schema that Arrow's writers leave beside it is anything but reliable.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pyarrow as pa

from flowlens.inputs.find import Source
from flowlens.reading.parquet.chunks import require_chunks

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MAGIC = b"PAR1"

MARK = "flowlens"
"""The key in a file's metadata that says flowlens wrote it: its rows come of several layouts, and a
value that some of these lack is null."""

SUFFIXES = (".parquet", ".parq")

_TEXT = frozenset((".gz", ".log", ".txt", ".json", ".jsonl", ".csv", ".zst", ".bz2"))
"""Endings of names that are never opened to see whether the file is Parquet."""


class Type(StrEnum):
    """What a column holds, as far as it matters here."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    MOMENT = "timestamp"
    BOOLEAN = "boolean"
    BINARY = "binary"
    NESTED = "nested"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Statistic:
    """Of a column: how many nulls, and bounds of its values; None where the footer doesn't tell.

    Bounds are integers, texts or datetimes; `empty` is a column of nothing but nulls.
    """

    nulls: int | None = None
    low: Any = None
    high: Any = None
    empty: bool = False


UNTOLD = Statistic()


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A part of a file: its rows, and statistics by the column's name in the file."""

    rows: int
    statistics: Mapping[str, Statistic]


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file holds: its columns by name in order, its row groups, how it is compressed.

    In one that is `marked` every row was a record when it was written.
    """

    columns: tuple[tuple[str, Type], ...]
    groups: tuple[RowGroup, ...]
    compression: str
    marked: bool = False

    @property
    def rows(self) -> int:
        """Rows in all row groups."""
        return sum(group.rows for group in self.groups)

    def whole(self) -> RowGroup:
        """All row groups as one."""
        if len(self.groups) == 1:
            return self.groups[0]
        names = {name for group in self.groups for name in group.statistics}
        return RowGroup(
            self.rows,
            {name: merged([g.statistics.get(name, UNTOLD) for g in self.groups]) for name in names},
        )


def named(source: Source) -> bool | None:
    """Whether a source is Parquet by its name; None where the name tells nothing.

    What can be read only once, and what is named as text, is left alone.
    """
    if source.size is None or source.layout is not None:
        return False
    ending = os.path.splitext(source.name)[1].lower()
    if ending in SUFFIXES:
        return True
    return False if ending in _TEXT or source.size < len(MAGIC) else None


def begins(source: Source) -> bool:
    """Whether a source begins as Parquet does."""
    try:
        with opened(source) as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source's bytes, as a seekable file.

    Raises:
        OSError: it can't be opened.
    """
    with source.opener() if source.opener else open(source.name, "rb") as file:
        yield cast("BinaryIO", _Told(file))


class _Told:
    """A file whose failures can be told from what Arrow says of its content: they have a number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            text = error.strerror or str(error)
            raise OSError(error.errno or errno.EIO, text) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def parquet(file: BinaryIO) -> pq.ParquetFile:
    """An open file as Parquet, whose footer doesn't contradict itself.

    Raises:
        OSError: it can't be read.
        ValueError: it is no whole Parquet file.
    """
    # Nobody who reads text pays for it.
    import pyarrow.parquet as pq

    with faults():
        size = file.seek(0, os.SEEK_END)
        tail = _tail(file, size, _TAIL)
        behind = len(MAGIC) + 4
        length = int.from_bytes(tail[-behind : -len(MAGIC)], "little")
        if len(tail) < length + behind <= size:
            tail = _tail(file, size, length + behind)
        metadata = pq.read_metadata(pa.BufferReader(tail))
        require_chunks(metadata, tail[-behind - length : -behind], size)
        return pq.ParquetFile(
            file, metadata=metadata, pre_buffer=True, coerce_int96_timestamp_unit="us"
        )


_TAIL = 64 << 10
"""Bytes at a file's end that are read at first; most footers are smaller."""


def _tail(file: BinaryIO, size: int, most: int) -> bytes:
    file.seek(max(0, size - most))
    return file.read(most)


@contextmanager
def faults() -> Iterator[None]:
    """Turn what Arrow says of a file into one line.

    Raises:
        OSError: the file can't be read.
        ValueError: it is no Parquet file, or a broken one.
    """
    try:
        yield
    except pa.ArrowNotImplementedError as error:
        raise ValueError(f"Parquet of a kind that can't be read: {first_line(error)}") from error
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(_broken(error)) from error
    except OSError as error:
        if error.strerror is None:
            raise ValueError(_broken(error)) from error
        raise


def first_line(error: Exception) -> str:
    """The first line of what a library says, which may hold what stands in the file."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return "".join(char if char.isprintable() else "?" for char in line)


def _broken(error: Exception) -> str:
    text = first_line(error)
    if any(word in text.lower() for word in ("magic bytes", "footer", "file size")):
        return "broken Parquet: it was cut short, for it has no footer; fetch it again"
    return f"broken Parquet: {text}"


def merged(parts: Sequence[Statistic]) -> Statistic:
    """The statistic of several parts of a column together."""
    nulls = [part.nulls for part in parts]
    full = [part for part in parts if not part.empty]
    bounded = all(part.low is not None and part.high is not None for part in full)
    return Statistic(
        sum(number or 0 for number in nulls) if None not in nulls else None,
        min(part.low for part in full) if full and bounded else None,
        max(part.high for part in full) if full and bounded else None,
        empty=not full,
    )


def footer(metadata: pq.FileMetaData) -> Footer:
    """What a file's metadata say.

    Raises:
        ValueError: they are broken.
    """
    with faults():
        return _footer(metadata)


def _footer(metadata: pq.FileMetaData) -> Footer:
    schema = metadata.schema
    leaves = [schema.column(index) for index in range(metadata.num_columns)]
    columns: list[tuple[str, Type]] = []
    told = []
    for index, leaf in enumerate(leaves):
        top = leaf.path.removesuffix(f".{leaf.name}").split(".", 1)[0]
        if leaf.path != leaf.name:
            if (top, Type.NESTED) not in columns:
                columns.append((top, Type.NESTED))
            continue
        kind = Type.NESTED if leaf.max_repetition_level else _type(leaf)
        columns.append((leaf.name, kind))
        if kind in _TOLD:
            told.append((index, leaf.name))
    groups = []
    compressions: Counter[str] = Counter()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        statistics = {name: _statistic(group.column(index)) for index, name in told}
        groups.append(RowGroup(group.num_rows, statistics))
        if group.num_columns:
            compressions[group.column(0).compression] += 1
    compression = max(compressions, key=lambda name: compressions[name], default="")
    plain = compression in ("", "UNCOMPRESSED")
    marked = MARK.encode() in (metadata.metadata or {})
    return Footer(tuple(columns), tuple(groups), "" if plain else compression.lower(), marked)


_TOLD = (Type.INTEGER, Type.TEXT, Type.MOMENT)
"""Types whose bounds compare in Python as in SQL."""


def _type(leaf: Any) -> Type:
    physical, logical = leaf.physical_type, leaf.logical_type.type
    if logical == "TIMESTAMP" or physical == "INT96":
        return Type.MOMENT
    if logical == "DECIMAL" or physical in ("FLOAT", "DOUBLE") or logical == "FLOAT16":
        return Type.NUMBER
    if physical in ("INT32", "INT64") and logical in ("NONE", "INT"):
        return Type.INTEGER
    if physical == "BYTE_ARRAY":
        return Type.TEXT if logical in ("STRING", "ENUM", "JSON") else Type.BINARY
    return Type.BOOLEAN if physical == "BOOLEAN" else Type.OTHER


def _statistic(chunk: Any) -> Statistic:
    statistics = chunk.statistics
    if statistics is None:
        return UNTOLD
    nulls = statistics.null_count if statistics.has_null_count else None
    if nulls == chunk.num_values:
        return Statistic(nulls, empty=True)
    if not statistics.has_min_max:
        return Statistic(nulls)
    try:
        return Statistic(nulls, statistics.min, statistics.max)
    except (ValueError, OverflowError, pa.ArrowException):
        return Statistic(nulls)
