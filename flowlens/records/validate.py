"""The exact verdict on one line: a record, a header, a blank, or malformed and why.

Only lines that no pattern of their layout matched come here, so this can be plain and slow. It is
also the reference that the patterns are tested against.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flowlens.records import layouts
from flowlens.records.columnnames import GATEWAY, GATEWAY_TYPE
from flowlens.records.fields import EXPORT_TIME, Kind, field_of
from flowlens.records.layouts import Layout
from flowlens.records.patterns import NULLS, STAMP, required

MAX_LINE = 65_536
"""A longer line is malformed by its length alone; bytes."""


class Reason(StrEnum):
    """Why a line is malformed; the codes are part of the interface."""

    FIELD_COUNT = "field_count"
    BAD_INTEGER = "bad_integer"
    OUT_OF_RANGE = "out_of_range"
    BAD_ADDRESS = "bad_address"
    BAD_VALUE = "bad_value"
    BAD_ENCODING = "bad_encoding"


class Status(StrEnum):
    """What AWS says of the interval of a record."""

    OK = "OK"
    NODATA = "NODATA"
    SKIPDATA = "SKIPDATA"


@dataclass(frozen=True, slots=True)
class Record:
    """A record in canonical text: single blanks, plain numbers, `-` for null."""

    text: str
    status: Status


@dataclass(frozen=True, slots=True)
class Header:
    """A header line; it sets the layout from there on."""

    layout: Layout


@dataclass(frozen=True, slots=True)
class Blank:
    """A line of nothing but blanks."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no record: the reason's code, and the value that shows it."""

    reason: Reason
    detail: str


Verdict = Record | Header | Blank | Malformed

_BLANKS = re.compile(r"[ \t\r\n\v\f]+")
_FOREIGN = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
"""What can't stand in a flow log: controls, and bytes that are no UTF-8."""

_STAMP = re.compile(STAMP)

LIMITS = {
    Kind.PORT: 65_535,
    Kind.BYTE: 255,
    Kind.INT32: 2**31 - 1,
    # Packets and bytes. A record covers ten minutes at most, in which the 400 Gbit/s of the fastest
    # network card are 2^45 bytes. What is larger was never counted, and two such numbers of 2^63
    # would be enough for no sum to fit any more.
    Kind.INT64: 2**48,
    Kind.TIME: 10**13 - 1,
}
"""The largest number that a field can hold; more is out of range, in whatever form it comes."""


def judge(line: str, layout: Layout) -> Verdict:
    """What a line is under a layout; the first fault from the left is the one that is named.

    Bytes that are no UTF-8 stand in `line` as surrogates, as `errors="surrogateescape"` leaves
    them.

    >>> judge("10.0.0.1239 80", Layout(("srcaddr", "dstport")))
    Malformed(reason=<Reason.BAD_ADDRESS: 'bad_address'>, detail='srcaddr 10.0.0.1239')
    """
    if len(line) > MAX_LINE or len(line.encode("utf-8", "surrogateescape")) > MAX_LINE:
        return Malformed(Reason.BAD_VALUE, f"a line of more than {MAX_LINE:,} bytes")
    text = line.lstrip("\ufeff")
    foreign = _FOREIGN.search(text)
    if foreign:
        return Malformed(Reason.BAD_ENCODING, f"byte 0x{ord(foreign[0]) & 0xFF:02x}")
    tokens = [token for token in _BLANKS.split(text) if token]
    if not tokens:
        return Blank()
    try:
        header = layouts.from_header(text)
    except layouts.DuplicateFieldError as error:
        return Malformed(Reason.BAD_VALUE, str(error))
    if header is not None:
        return Header(header)
    if len(tokens) != len(layout.columns):
        return Malformed(
            Reason.FIELD_COUNT, f"{len(tokens)} fields where the layout has {len(layout.columns)}"
        )
    return _record(tokens, layout)


def _record(tokens: list[str], layout: Layout) -> Record | Malformed:
    values = []
    for column, token in zip(layout.columns, tokens, strict=True):
        null = token in NULLS and column != EXPORT_TIME
        value = "-" if null else _canonical(token, column)
        if isinstance(value, Malformed):
            return value
        values.append(value)
    record = dict(zip(layout.columns, values, strict=True))
    status = _status(record, layout)
    needed = required(layout, traffic=status is Status.OK)
    if _is_gateways(record):
        needed -= {"action"}
    for column in layout.columns:
        if column in needed and record[column] == "-":
            return Malformed(Reason.BAD_VALUE, f"{field_of(column).token} is missing")
    if "log_status" in record:
        record["log_status"] = status
    return Record(" ".join(record.values()), status)


def _is_gateways(record: Mapping[str, str]) -> bool:
    """Whether a record is a transit gateway's, which logs no action."""
    kind, *ids = (record.get(column, "-") for column in GATEWAY)
    return kind == GATEWAY_TYPE or any(value != "-" for value in ids)


def bad_values(line: str, layout: Layout) -> list[str]:
    """The columns whose value isn't theirs, in a line of as many as the layout has; else none.

    >>> bad_values("10.0.0.300 99999", Layout(("srcaddr", "dstport")))
    ['srcaddr', 'dstport']
    """
    tokens = [token for token in _BLANKS.split(line.lstrip("\ufeff")) if token]
    if len(tokens) != len(layout.columns):
        return []
    values = dict(zip(layout.columns, tokens, strict=True))
    bad = [
        column
        for column, token in values.items()
        if token not in NULLS and isinstance(_canonical(token, column), Malformed)
    ]
    return bad or [column for column in layout.columns if values[column] in NULLS]


def _status(record: dict[str, str], layout: Layout) -> Status:
    stated = record.get("log_status", "-")
    if stated != "-":
        return Status(stated)
    quiet = layout.marker is not None and record[layout.marker] == "-"
    return Status.NODATA if quiet else Status.OK


def _canonical(token: str, column: str) -> str | Malformed:
    """The token as a pattern would have it, or what is wrong with it."""
    field = field_of(column)
    kind, shown = field.kind, f"{field.token} {token[:60]}"
    if kind is Kind.ADDRESS:
        return _address(token) or Malformed(Reason.BAD_ADDRESS, shown)
    if kind is Kind.STAMP:
        return token if _STAMP.fullmatch(token) else Malformed(Reason.BAD_VALUE, shown)
    if kind is Kind.ACTION:
        return token if token in ("ACCEPT", "REJECT") else Malformed(Reason.BAD_VALUE, shown)
    if kind is Kind.STATUS:
        return token if token in set(Status) else Malformed(Reason.BAD_VALUE, shown)
    if kind not in LIMITS:
        return token
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return Malformed(Reason.BAD_INTEGER, shown)
    number = int(digits) if len(digits) < 32 else 10**32
    if token != digits or number > LIMITS[kind]:
        return Malformed(Reason.OUT_OF_RANGE, shown)
    return str(number)


def _address(token: str) -> str | None:
    """The address as it stands; one that ends in a dotted part (RFC 4291 2.2.3) in plain groups."""
    try:
        address = ipaddress.ip_address(token)
    except ValueError:
        return None
    if "%" in token:
        return None
    return str(address) if ":" in token and "." in token else token
