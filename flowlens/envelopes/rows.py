"""Rows of named values, as JSON objects and CSV have them, to the lines of a layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from urllib.parse import quote

import msgspec

from flowlens.fields import columns_by_token
from flowlens.layouts import Layout, Origin

_LONGEST_NAME = 60


@cache
def _squashed() -> dict[str, str]:
    return {_squash(name): column for name, column in columns_by_token().items()}


def _squash(name: str) -> str:
    return re.sub(r"[-_]", "", name).lower()


def column(key: str) -> str:
    """The column that a key names, whichever way it is written; an unknown one in its own words.

    >>> column("srcAddr"), column("pkt_src_aws_service"), column("x.y"), column("1st")
    ('srcaddr', 'pkt_src_aws_service', 'x_y', 'x_1st')
    """
    known = _squashed().get(_squash(key))
    if known:
        return known
    name = re.sub(r"[^a-z0-9_]", "_", key.lower())[:_LONGEST_NAME]
    return name if name[:1].isalpha() else f"x_{name}"


def is_record(keys: Iterable[str]) -> bool:
    """Whether these are the keys of a record: at least two fields, and half of them known.

    >>> is_record(["srcAddr", "dstAddr", "x"]), is_record(["eventName", "region"])
    (True, False)
    """
    names = [key for key in keys if not key.startswith("@")]
    known = [key for key in names if _squash(key) in _squashed()]
    return len(known) >= 2 and 2 * len(known) >= len(names)


def layout(keys: Sequence[str]) -> Layout:
    """The layout whose columns are those that the keys name, in their order.

    Two keys that would name one column are kept apart by a number.
    """
    columns: list[str] = []
    for key in keys:
        name, number = column(key), 2
        while name in columns:
            name, number = f"{column(key)}_{number}", number + 1
        columns.append(name)
    return Layout(tuple(columns), Origin.KEYS)


def line(values: Iterable[object]) -> str:
    """A record's values as its line; what can't stand in a token is percent-encoded.

    >>> line(["eni-1", None, 6, "a b", ""])
    'eni-1 - 6 a%20b -'
    """
    return " ".join(token(value) for value in values)


def as_json(value: object) -> bytes:
    """A value as JSON; one that JSON can't hold, as a lone surrogate, in words of its own."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return ascii(value).encode()


def token(value: object) -> str:
    """A value as a token of a line."""
    if isinstance(value, list | Mapping):
        value = as_json(value).decode()
    text = "-" if value is None else str(value)
    if not text.split():
        return "-"
    return _ODD.sub(lambda odd: quote(odd[0]), text) if _ODD.search(text) else text


_ODD = re.compile(r"[\x00-\x20\x7f]")
