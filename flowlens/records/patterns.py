"""A layout as regular expressions: what matches one is a record, without any doubt.

The whole line is checked by one pass of a finite automaton, every column of it, whatever the
question needs. A line that matches none of a layout's patterns goes to `judge`, which decides
exactly. The patterns keep to the syntax that Rust's and Python's engines share.

Sources: RFC 4291 2.2 (IPv6 text), RFC 6943 3.1.1 (strict dotted IPv4), FIELDS' kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flowlens.records.fields import Kind, field_of
from flowlens.records.layouts import Layout, Origin

NULLS = ("-", "None")

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}"
_HEX = "[0-9A-Fa-f]{1,4}"
_V6 = "|".join(
    [f"(?:{_HEX}:){{7}}{_HEX}"]
    + [f"(?:{_HEX}:){{{left}}}(?::{_HEX}){{1,{7 - left}}}" for left in range(1, 7)]
    + [f":(?::{_HEX}){{1,7}}", f"(?:{_HEX}:){{1,7}}:", "::"]
)

ADDRESS = f"(?:{_V4}|{_V6})"

STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
STAMP += "(?:Z|[+-][0-9]{2}:[0-9]{2})?"
"""A time as CloudWatch's export and `aws logs tail` write it, which may leave out the zone."""

_TEXT = "[^\\x00-\\x20\\x7f\ufeff]+"

_KINDS = {
    Kind.TEXT: _TEXT,
    Kind.DECODED: _TEXT,
    Kind.ADDRESS: ADDRESS,
    Kind.PORT: "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4})",
    Kind.BYTE: "(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})",
    Kind.INT32: "[0-9]{1,9}",
    Kind.INT64: "[0-9]{1,14}",
    Kind.TIME: "[0-9]{1,13}",
    Kind.ACTION: "(?:ACCEPT|REJECT)",
    Kind.STAMP: STAMP,
}

REQUIRED_BY_TRAFFIC = frozenset(
    ("srcaddr", "dstaddr", "protocol", "packets", "bytes", "start_time", "end_time", "action")
)
"""Columns that a record with traffic must have a value in, if its layout has them."""

REQUIRED_BY_QUIET = frozenset(("start_time", "end_time"))
"""Columns that a NODATA or SKIPDATA record must have a value in, if its layout has them."""


def required(layout: Layout, *, traffic: bool) -> frozenset[str]:
    """Columns that a record must have a value in, if its layout has them.

    What flowlens wrote has every column, and was a record before.
    """
    if layout.origin is Origin.OWN:
        return frozenset()
    return REQUIRED_BY_TRAFFIC if traffic else REQUIRED_BY_QUIET


@dataclass(frozen=True, slots=True)
class Patterns:
    """One pattern for each log status; anchored, for a line without its newline."""

    ok: str
    nodata: str | None
    skipdata: str | None


@lru_cache(1000)
def patterns(layout: Layout) -> Patterns:
    """The patterns of a layout.

    Where the layout has no log-status, its marker column tells: a value is traffic, null is not.

    >>> import re
    >>> bool(re.search(patterns(Layout(("srcaddr", "dstport"))).ok, "192.0.2.1 65535"))
    True
    >>> bool(re.search(patterns(Layout(("srcaddr", "dstport"))).ok, "192.0.2.256 65535"))
    False
    """
    traffic, quiet = required(layout, traffic=True), required(layout, traffic=False)
    if "log_status" in layout.columns:
        return Patterns(
            _line(layout, traffic, "OK"),
            _line(layout, quiet, "NODATA"),
            _line(layout, quiet, "SKIPDATA"),
        )
    if layout.marker is None:
        return Patterns(_line(layout, traffic), None, None)
    return Patterns(
        _line(layout, traffic | {layout.marker}),
        _line(layout, quiet, null=layout.marker),
        None,
    )


def is_typed(layout: Layout) -> bool:
    """Whether a record with traffic always holds a number or an address, so is no header.

    `ACCEPT`, `OK` and the null `None` could be names.
    """
    names = (Kind.TEXT, Kind.ACTION, Kind.STATUS)
    return any(
        column in REQUIRED_BY_TRAFFIC and field_of(column).kind not in names
        for column in layout.columns
    )


def _line(
    layout: Layout, needed: frozenset[str], status: str = "", *, null: str | None = None
) -> str:
    """The pattern of a whole line; `null` names a column that must be null."""
    nulls = "|".join(NULLS)
    tokens = []
    for column in layout.columns:
        kind = field_of(column).kind
        if kind is Kind.STATUS:
            tokens.append(status)
        elif column == null:
            tokens.append(f"(?:{nulls})")
        elif column in needed or kind in (Kind.TEXT, Kind.DECODED, Kind.STAMP):
            tokens.append(_KINDS[kind])
        else:
            tokens.append(f"(?:{_KINDS[kind]}|{nulls})")
    return "^" + " ".join(tokens) + "$"
