"""Where a Parquet footer says that a file's columns lie, checked before anything is read of them.

A footer that contradicts itself would be found out by some questions and not by others, and Arrow
aborts the process over some of it as soon as it is asked for a column chunk. So it is read here
first, as plain numbers.

Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flowlens.reading.parquet.thrift import struct

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_MAGIC = 4
"""Bytes of the mark that a file begins with, and ends with behind its footer's length."""

_TYPES = (
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY",
)  # fmt: skip
_SIZES = (1, 4, 8, 12, 4, 8)
"""Bytes of a value of the first types; a bound of another size is none."""

_STRANGE = "broken Parquet: something else stands in its footer"

_CODECS = 8

_FILE, _META, _ENCRYPTED = 1, 3, 8
"""Fields of a column chunk."""

_TYPE, _CODEC, _VALUES, _SIZE, _DATA, _DICTIONARY, _STATISTICS, _LEVELS = 1, 4, 5, 7, 9, 11, 12, 16
"""Fields of its metadata: statistics of values, and of how they are nested."""

_I32, _I64, _TEXT, _STRUCT = 5, 6, 8, 12
_LISTS = ((2, _STRUCT), (4, _STRUCT), (5, _STRUCT), (7, _STRUCT))
_GROUP_LISTS = ((1, _STRUCT), (4, _STRUCT))
_META_LISTS = ((2, _I32), (3, _TEXT), (8, _STRUCT), (13, _STRUCT))
_LEVELS_LISTS = ((2, _I64), (3, _I64))
"""Fields that are lists, and the type of their items."""

_BOUNDS = (1, 2, 5, 6)
"""Fields of the statistics of values: the largest and the smallest, of old and of new."""


def require_chunks(metadata: pq.FileMetaData, content: bytes, size: int) -> None:
    """See that each column chunk is what the schema says, and has bytes of its own in the file.

    `content` is the footer of a file of so many bytes. Nothing but the schema is asked of Arrow.

    Raises:
        ValueError: one is not.
    """
    schema = metadata.schema
    leaves = [schema.column(place) for place in range(metadata.num_columns)]
    expected = [_expected(leaf) for leaf in leaves]
    end = size - len(content) - 2 * _MAGIC
    spans: list[tuple[int, int, int]] = []
    rows = 0
    for number, group in enumerate(_groups(content), 1):
        chunks, count = _typed(_typed(group, dict).get(1), list), _number(group, 3)
        if len(chunks) != len(leaves) or count < 0:
            raise ValueError(f"broken Parquet: row group {number} is not what the schema says")
        rows += count
        for place, chunk in enumerate(chunks):
            wrong = _wrong(chunk, expected[place], count, end)
            if wrong:
                raise ValueError(f"broken Parquet: the column {leaves[place].path!r} {wrong}")
            meta = chunk[_META]
            if count and meta[_SIZE]:
                first = _first(meta)
                spans.append((first, first + meta[_SIZE], place))
    if rows != metadata.num_rows:
        raise ValueError(
            f"broken Parquet: {metadata.num_rows:,} rows by its footer, {rows:,} by its row groups"
        )
    spans.sort()
    for (_, last, place), (first, _, other) in itertools.pairwise(spans):
        if first < last:
            two = f"{leaves[place].path!r} and {leaves[other].path!r}"
            raise ValueError(f"broken Parquet: the columns {two} lie on top of each other")


def _groups(content: bytes) -> list[dict[int, Any]]:
    """The row groups. Lists whose items are of another type are none: Arrow doesn't look at it."""
    found, _ = struct(content)
    _require_lists(found, _LISTS)
    groups: list[dict[int, Any]] = _typed(found.get(4), list)
    for group in groups:
        _require_lists(group, _GROUP_LISTS)
        for chunk in _typed(group.get(1), list):
            meta = _typed(chunk.get(_META, {}), dict)
            _require_lists(meta, _META_LISTS)
            _require_lists(_typed(meta.get(_LEVELS, {}), dict), _LEVELS_LISTS)
            _typed(meta.get(_STATISTICS, {}), dict)
    return groups


def _require_lists(fields: dict[int, Any], kinds: Iterable[tuple[int, int]]) -> None:
    for number, kind in kinds:
        if number in fields and fields.get(-number) != kind:
            raise ValueError(_STRANGE)


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(_STRANGE)
    return value


def _number(fields: dict[int, Any], number: int) -> int:
    value: int = _typed(fields.get(number), int)
    return value


def _expected(leaf: Any) -> tuple[int, int | None, bool, tuple[int, int]]:
    """Of a column: its type, the size of its bounds, if it is no list, and its levels."""
    kind = _TYPES.index(leaf.physical_type)
    size = _SIZES[kind] if kind < len(_SIZES) else None
    levels = leaf.max_repetition_level, leaf.max_definition_level
    return kind, size, not levels[0], levels


def _first(meta: dict[int, Any]) -> int:
    """Where the pages begin; some writers put 0 for no dictionary."""
    data = _number(meta, _DATA)
    dictionary: int = _typed(meta.get(_DICTIONARY) or data, int)
    return min(data, dictionary)


def _wrong(
    chunk: dict[int, Any],
    expected: tuple[int, int | None, bool, tuple[int, int]],
    rows: int,
    end: int,
) -> str | None:
    """What is wrong with a column chunk, if anything is."""
    kind, bound, flat, levels = expected
    meta = chunk.get(_META)
    if chunk.get(_FILE):
        return "lies in another file"
    if meta is None or _ENCRYPTED in chunk:
        return "is encrypted"
    type_, codec, values, size = (_number(meta, n) for n in (_TYPE, _CODEC, _VALUES, _SIZE))
    if type_ != kind:
        stated = _TYPES[type_] if 0 <= type_ < len(_TYPES) else f"type {type_}"
        return f"is {stated}, and {_TYPES[kind]} by the schema"
    if not 0 <= codec < _CODECS:
        return f"is compressed in a way that there isn't: {codec}"
    if flat and values != rows:
        return f"has {values:,} values in {rows:,} rows"
    statistics = meta.get(_STATISTICS)
    if statistics and bound is not None:
        for field in _BOUNDS:
            if field in statistics and len(_typed(statistics[field], bytes)) != bound:
                return f"has a bound of {len(statistics[field])} bytes"
    nested = meta.get(_LEVELS)
    if nested:
        for most, counts in zip(levels, (nested.get(2), nested.get(3)), strict=True):
            if counts and len(counts) != most + 1:
                return "has counts of levels that it doesn't have"
        if 1 in nested and _TYPES[kind] != "BYTE_ARRAY":
            return "has a size of texts, and is none"
    if not rows:
        return None  # writers leave the places of no pages at 0
    first = _first(meta)
    if not (first >= _MAGIC and size >= 0 and meta[_DATA] <= first + size <= end):
        return "lies outside the file's data"
    return None
