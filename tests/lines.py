"""Hypothesis strategies for layouts, tokens and lines of flow logs."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from flowlens.records.fields import Kind, field_of, fields
from flowlens.records.layouts import Layout

UNKNOWN = ("new_field", "other_new_field", "x9")
KNOWN = tuple(name for name, field in fields().items() if field.token)

layouts = st.lists(st.sampled_from((*KNOWN, *UNKNOWN)), min_size=1, max_size=18, unique=True).map(
    lambda columns: Layout(tuple(columns))
)
"""Any fields in any order."""

record_layouts = st.tuples(
    st.lists(st.sampled_from((*KNOWN, *UNKNOWN)), max_size=12, unique=True),
    st.permutations(("srcaddr", "dstport", "start_time")),
).map(lambda parts: Layout(tuple(dict.fromkeys((*parts[0], *parts[1])))))
"""Fields among which some are no names, so that no record can be taken for a header."""

v4 = st.ip_addresses(v=4).map(str)
v6 = st.one_of(
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    st.ip_addresses(v=6).map(lambda address: str(address).upper()),
    st.integers(0, 2**20).map(lambda number: str(ipaddress.IPv6Address(number))),
)
addresses = st.one_of(v4, v6)
texts = st.one_of(
    st.sampled_from(("-", "None", "unknown", "eni-1", "web", "start", "action", '"', "#x", "a?b")),
    st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Zs"), exclude_characters="\ufeff"),
        min_size=1,
        max_size=8,
    ),
)

_MOST = {
    Kind.PORT: 65_535,
    Kind.BYTE: 255,
    Kind.INT32: 2**31 - 1,
    Kind.INT64: 2**48,
    Kind.TIME: 10**13 - 1,
}


def numbers(kind: Kind) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(0, _MOST[kind]), st.sampled_from((0, 1, _MOST[kind])))


def tokens(column: str) -> st.SearchStrategy[str]:
    """Good values of a column, as text; no nulls but where a text happens to be one."""
    kind = field_of(column).kind
    if kind in _MOST:
        return numbers(kind).map(str)
    return {
        Kind.ADDRESS: addresses,
        Kind.ACTION: st.sampled_from(("ACCEPT", "REJECT")),
        Kind.STATUS: st.sampled_from(("OK", "NODATA", "SKIPDATA")),
        Kind.TEXT: texts,
    }[kind]


_NEAR = (
    "-", "None", "none", "", "0", "00", "007", "+80", "-1", "0x50", "65535", "65536", "99999",
    "255", "256", "2147483647", "2147483648", "281474976710656", "281474976710657",
    "9223372036854775807", "9223372036854775808",
    "9999999999999", "10000000000000", "1.2.3", "256.1.1.1", "10.0.0.1239", "01.2.3.4", "::g",
    "::", "1::2::3", "fe80::1%eth0", "accept", "ACCEPT", "ok", "OK", "NODATA", "a\x00b", "\x7f",
    "a\u00a0b", "\ufeff", "\ufeffx", "٣", "srcaddr", "bytes", "x\u2028y", "1.5", "1e3", "²",
)  # fmt: skip

near_tokens = st.one_of(
    st.sampled_from(_NEAR), addresses, st.integers(-1, 2**65).map(str), texts, st.text(max_size=6)
)
"""Values that are often nearly good."""

blanks = st.one_of(
    st.just(" "), st.just(" "), st.text("  \t\r\v\f", min_size=1, max_size=3)
)  # a run of blanks separates as one does


@st.composite
def near_lines(draw: st.DrawFn, layout: Layout) -> str:
    """A line of a layout with at most a few things wrong with it, without its newline."""
    values = [
        draw(st.one_of(tokens(column), tokens(column), st.sampled_from(("-", "None"))))
        for column in layout.columns
    ]
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 1, 2)))):
        values[draw(st.integers(0, len(values) - 1))] = draw(near_tokens)
    if draw(st.integers(0, 15)) == 7:
        values = values[:-1] if draw(st.booleans()) else [*values, draw(near_tokens)]
    if draw(st.booleans()):
        return " ".join(values).replace("\n", "")
    edge = draw(st.sampled_from(("", " ", "\ufeff", "\r", "\ufeff\ufeff")))
    return (edge + "".join(value + draw(blanks) for value in values)).replace("\n", "")


def header(layout: Layout) -> str:
    """The header line of a layout, as AWS writes it."""
    return " ".join(field_of(column).token for column in layout.columns)
