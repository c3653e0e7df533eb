"""A value of any Arrow type as text, the same way in every text format.

Times are `2016-09-24T20:48:01Z`, with a fraction only where there is one, and without `Z` where
the column has no zone. Doubles are the shortest text that reads back. Bytes are hex, durations
ISO 8601. Whole columns go through pyarrow's kernels; only rare types go one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from flowlens.core import escape
from flowlens.output.periods import period

_NEEDS_ESCAPE = f'["\\\\{escape.CONTROLS}]'
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_FOREVER = {2**63 - 1: "infinity", -(2**63) + 1: "-infinity"}  # DuckDB's own infinite timestamps


def is_number(kind: pa.DataType) -> bool:
    """Whether the type is an amount: aligned right, never quoted, never guarded."""
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def plain(column: pa.Array) -> pa.Array:
    """The column as text, row for row; null stays null, nested values are JSON."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if types.is_timestamp(kind):
        return _instants(column)
    if types.is_time(kind):
        return pc.replace_substring_regex(pc.cast(column, pa.string()), r"\.0+\z", "")
    if types.is_floating(kind):
        text = pc.cast(column, pa.string())
        whole = pc.match_substring_regex(text, r"\A-?[0-9]+\z")
        return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)
    if types.is_nested(kind) and not types.is_union(kind):
        return pa.array(_nested(column), pa.string())
    if types.is_duration(kind):
        scale = _NANOSECONDS[kind.unit]
        return _one_by_one(column.view(pa.int64()), lambda count: period(0, 0, count * scale))
    if types.is_interval(kind):
        return _one_by_one(column, lambda value: period(*value))
    if "binary" in str(kind):
        return _one_by_one(column, bytes.hex)
    if types.is_union(kind):
        return _one_by_one(column, str)
    return pc.cast(column, pa.string())


def json_values(column: pa.Array) -> pa.Array:
    """The column as JSON values, row for row; null, NaN and the infinities are `null`."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return json_values(column.storage)
    text = plain(column)
    if types.is_floating(kind):
        text = pc.if_else(pc.is_finite(column), text, pa.scalar(None, pa.string()))
    elif not (is_number(kind) or types.is_boolean(kind) or _is_json(kind)):
        text = _quoted(text)
    return pc.fill_null(text, "null")


def _one_by_one(column: pa.Array, text_of: Callable[[Any], str]) -> pa.Array:
    texts = [None if value is None else text_of(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _is_json(kind: pa.DataType) -> bool:
    """Whether `plain` gives JSON already."""
    if types.is_dictionary(kind):
        kind = kind.value_type
        return bool(is_number(kind) or types.is_boolean(kind) or _is_json(kind))
    return bool(types.is_nested(kind) and not types.is_union(kind))


def _instants(column: pa.Array) -> pa.Array:
    """Timestamps as text, by vector: casting needs no time zone database and no pytz."""
    kind = column.type
    moments = column.view(pa.timestamp(kind.unit))
    seconds = pc.cast(moments, pa.timestamp("s"), safe=False)
    text = pc.cast(seconds, pa.string())
    # Casting truncates, so a fraction is what does not survive the way there and back.
    fraction = pc.not_equal(pc.cast(seconds, moments.type, safe=False), moments)
    if pc.any(fraction).as_py():
        text = pc.if_else(fraction, pc.cast(moments, pa.string()), text)
    text = pc.replace_substring(text, " ", "T", max_replacements=1)
    if kind.tz is not None:
        text = pc.binary_join_element_wise(text, "Z", "")
    for number, name in _FOREVER.items():
        forever = pc.equal(moments.view(pa.int64()), number)
        if pc.any(forever).as_py():
            text = pc.if_else(forever, name, text)
    return text


def _quoted(text: pa.Array) -> pa.Array:
    """JSON string literals; the few texts that need an escape go one by one."""
    literals = pc.binary_join_element_wise('"', text, '"', "")
    care = pc.fill_null(pc.match_substring_regex(text, _NEEDS_ESCAPE), False)
    if not pc.any(care).as_py():
        return literals
    careful = [escape.json_string(value) for value in text.filter(care).to_pylist()]
    return pc.replace_with_mask(literals, care, pa.array(careful, pa.string()))


def _nested(column: pa.Array) -> list[str | None]:
    """Lists as JSON arrays, structs and maps as JSON objects."""
    kind = column.type
    if types.is_struct(kind):
        names = [escape.json_string(kind.field(i).name) for i in range(kind.num_fields)]
        members = [json_values(child).to_pylist() for child in column.flatten()]
        return [
            "{" + ", ".join(f"{n}: {m[row]}" for n, m in zip(names, members, strict=True)) + "}"
            if valid
            else None
            for row, valid in enumerate(column.is_valid().to_pylist())
        ]
    brackets = "[]"
    if types.is_map(kind):
        column, brackets = column.view(pa.list_(kind.field(0))), "{}"
    items = column.flatten()
    if types.is_map(kind):
        keys = _quoted(plain(items.field(0)))
        items = pc.binary_join_element_wise(keys, json_values(items.field(1)), ": ")
    else:
        items = json_values(items)
    texts = iter(items.to_pylist())
    lengths = pc.list_value_length(column).to_pylist()
    return [
        None if n is None else brackets[0] + ", ".join(islice(texts, n)) + brackets[1]
        for n in lengths
    ]
