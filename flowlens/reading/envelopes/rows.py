"""Rows of named values, as JSON objects and CSV have them, to the tokens of a layout's lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial

import msgspec

from flowlens.records import tokens
from flowlens.records.columnnames import words
from flowlens.records.fields import Kind, field_of

Fit = Callable[[object], object]


def line(values: Iterable[object]) -> str:
    """A record's values as its line.

    >>> line(["eni-1", None, 6, ""])
    'eni-1 - 6 -'
    """
    return " ".join(token(value) for value in values)


def as_json(value: object) -> bytes:
    """A value as JSON; one that JSON can't hold, as a lone surrogate, in words of its own."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return ascii(value).encode()


_BLANKS = " \t\r\n\v\f"


def token(value: object) -> str:
    """A value as a token of a line."""
    if isinstance(value, list | Mapping):
        value = as_json(value).decode()
    elif isinstance(value, bool):
        value = str(value).lower()
    text = "-" if value is None else str(value)
    if not text.strip(_BLANKS):
        return "-"
    return tokens.packed(text) if tokens.ODD.search(text) else text


def fitted(column: str, values: Sequence[object]) -> Sequence[object]:
    """The values of a column as a record has them; what can't be one stays as it is.

    >>> fitted("action", ["Blocked", "ACCEPT"]), fitted("dstport", ["22.0", 443, "x"])
    (['REJECT', 'ACCEPT'], ['22', 443, 'x'])
    >>> fitted("start_time", ["2025-12-01T13:00:01.5+13:00", "1764547201"])
    ['1764547201', '1764547201']
    """
    fit = _fit(column)
    if fit is None or {type(value) for value in values} <= {int}:
        return values
    return list(map(fit, values))


@lru_cache(1000)
def _fit(column: str) -> Fit | None:
    kind = field_of(column).kind
    if column == "protocol" or kind in (Kind.ACTION, Kind.STATUS):
        return partial(_worded, words(column))
    return _FITS.get(kind)


def _worded(known: Mapping[str, str], value: object) -> object:
    text = _stripped(value)
    if isinstance(text, str) and not text.isdigit():
        return known.get(text.lower()) or _number(text)
    return text


def _stripped(value: object) -> object:
    """A value without blanks around it; what other programs write for none is none."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return None if text.lower() in _NULLS else text


_NULLS = frozenset(("", "-", "none", "null", "nan", "n/a", "\\n"))


def _number(value: object) -> object:
    text = _stripped(value)
    if isinstance(text, str) and not text.isdigit() and _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    return text


_WHOLE = re.compile(r"[0-9]+\.0*")
"""An integer as programs write it whose column had to hold nulls as well."""


def _moment(value: object) -> object:
    text = _stripped(value)
    if isinstance(text, float):
        return int(text)
    if not isinstance(text, str) or text.isdigit():
        return text
    if _EPOCH.fullmatch(text):
        return text.partition(".")[0]
    seconds = _seconds(text)
    return text if seconds is None else seconds


_EPOCH = re.compile(r"[0-9]+\.[0-9]*")
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]+)?"
    r"(?: ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?",
    re.IGNORECASE,
)


@lru_cache(100_000)
def _seconds(text: str) -> str | None:
    """An ISO 8601 time as Unix seconds; without an offset it is UTC."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    offset = (match[3] or "Z").upper().replace("UTC", "Z")
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}")
    except ValueError:
        return None
    return str((moment - _EPOCH_BEGINS) // _SECOND)


_EPOCH_BEGINS = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = datetime(1970, 1, 1, 0, 0, 1) - datetime(1970, 1, 1)

_FITS: Mapping[Kind, Fit] = {
    Kind.ADDRESS: _stripped,
    Kind.PORT: _number,
    Kind.BYTE: _number,
    Kind.INT32: _number,
    Kind.INT64: _number,
    Kind.TIME: _moment,
}
