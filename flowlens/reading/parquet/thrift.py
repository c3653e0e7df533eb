"""Thrift's compact protocol, as far as a Parquet footer needs it: structs as dicts by field number.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_LONGEST = 63
_DEEPEST = 64
"""Structs and lists within each other; Parquet's own have nine levels."""


def struct(data: bytes, at: int = 0, *, depth: int = 0) -> tuple[dict[int, Any], int]:
    """The struct that begins at a byte, and the byte behind it.

    Numbers are ints, texts bytes, lists and sets lists. The type of a list's items stands beside
    it, under the field's number below zero: who reads it as something else reads another list.

    Raises:
        ValueError: there is no whole struct.

    >>> struct(bytes([0x15, 0x04, 0x18, 0x02, 0x61, 0x62, 0x00]))
    ({1: 2, 2: b'ab'}, 7)
    """
    try:
        return _struct(data, at, depth)
    except IndexError:
        raise ValueError("broken Parquet: its footer ends too early") from None


def _struct(data: bytes, at: int, depth: int) -> tuple[dict[int, Any], int]:
    if depth > _DEEPEST:
        raise ValueError("broken Parquet: its footer is nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while head := data[at]:
        at += 1
        kind = head & 15
        if head >> 4:
            number += head >> 4
        else:
            raw, at = _varint(data, at)
            number = raw >> 1 ^ -(raw & 1)
            if number < 1:  # below zero are the types of lists
                raise ValueError("broken Parquet: something else stands in its footer")
        if _BYTE < kind < _DOUBLE:
            raw = data[at]
            at += 1
            if raw > 127:
                raw, at = _varint(data, at - 1)
            fields[number] = raw >> 1 ^ -(raw & 1)
        elif kind == _BINARY:
            size = data[at]
            at += 1
            if size > 127:
                size, at = _varint(data, at - 1)
            fields[number] = data[at : at + size]
            at += size
        elif kind in (_TRUE, _FALSE):
            fields[number] = kind == _TRUE
        elif kind == _LIST:
            fields[-number] = data[at] & 15
            fields[number], at = _list(data, at, depth + 1)
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind == _STRUCT:
        return _struct(data, at, depth + 1)
    if kind in (_LIST, _SET):
        return _list(data, at, depth + 1)
    if kind == _BINARY:
        size, at = _varint(data, at)
        return data[at : at + size], at + size
    if kind == _DOUBLE:
        return data[at : at + 8], at + 8
    if kind in (_TRUE, _FALSE, _BYTE):
        return data[at], at + 1
    if kind == _MAP:
        raise ValueError("broken Parquet: a map in its footer")
    raw, at = _varint(data, at)
    return raw >> 1 ^ -(raw & 1), at


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    if depth > _DEEPEST:
        raise ValueError("broken Parquet: its footer is nested too deeply")
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _varint(data, at)
    if size > len(data) - at:
        raise IndexError  # every item has a byte at least
    items = []
    for _ in range(size):
        item, at = _value(data, at, kind, depth)
        items.append(item)
    return items, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > _LONGEST:
            raise ValueError("broken Parquet: a number in its footer doesn't end")
