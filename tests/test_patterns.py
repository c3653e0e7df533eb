"""The patterns and `judge` agree on every line, and the table holds what `judge` saw."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import Any

import lines
import polars as pl
from effort import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowlens.records.buffers import Buffer, Segment
from flowlens.records.fields import Kind, field_of
from flowlens.records.layouts import DEFAULT, Layout
from flowlens.records.parser import Wanted, parse
from flowlens.records.patterns import ADDRESS, NULLS, is_typed, patterns
from flowlens.records.validate import Blank, Header, Malformed, Record, Status, judge

NUMBERS = (Kind.PORT, Kind.BYTE, Kind.INT32, Kind.INT64, Kind.TIME)


def matched(line: str, layout: Layout) -> set[Status]:
    """The statuses whose pattern a line matches, in both engines, which must agree."""
    found = patterns(layout)
    pairs = (
        (Status.OK, found.ok),
        (Status.NODATA, found.nodata),
        (Status.SKIPDATA, found.skipdata),
    )
    python = {status for status, text in pairs if text and re.search(text, line)}
    series = pl.Series([line])
    rust = {status for status, text in pairs if text and series.str.contains(text).item()}
    assert python == rust
    return python


def plain(text: str, layout: Layout) -> list[str | int | None]:
    """The values of a line's tokens, with `-` and `None` as null and numbers without zeros."""
    values: list[str | int | None] = []
    for column, token in zip(layout.columns, text.split(" "), strict=True):
        number = field_of(column).kind in NUMBERS
        values.append(None if token in NULLS else int(token) if number else token)
    return values


def row_of(record: Record, layout: Layout) -> dict[str, Any]:
    """The row that the table must have for a record."""
    row: dict[str, Any] = {}
    for column, value in zip(layout.columns, plain(record.text, layout), strict=True):
        if field_of(column).kind is Kind.TIME and isinstance(value, int):
            seconds = value // 1000 if value >= 10**11 else value
            row[column] = datetime.fromtimestamp(seconds, UTC)
        else:
            row[column] = value
    return row | {"log_status": str(record.status)}


layouts_and_lines = lines.layouts.flatmap(
    lambda layout: st.tuples(
        st.just(layout), st.lists(lines.near_lines(layout), min_size=1, max_size=6)
    )
)


def sets_a_name_twice(verdict: object) -> bool:
    """Whether a line is malformed because it is a header that can't be used."""
    return isinstance(verdict, Malformed) and verdict.detail.startswith("the header names")


@settings(max_examples=examples(300))
@given(layouts_and_lines)
def test_a_line_that_a_pattern_matches_is_a_record_of_that_status(
    case: tuple[Layout, list[str]],
) -> None:
    layout, texts = case
    for line in texts:
        statuses = matched(line, layout)
        verdict = judge(line, layout)
        if isinstance(verdict, Header) or sets_a_name_twice(verdict):
            assert Status.OK not in statuses or not is_typed(layout)
        elif statuses:
            assert isinstance(verdict, Record)
            assert statuses == {verdict.status}
            assert plain(verdict.text, layout) == plain(line, layout)


@settings(max_examples=examples(300))
@given(layouts_and_lines)
def test_the_canonical_text_of_a_record_matches_the_pattern_of_its_status(
    case: tuple[Layout, list[str]],
) -> None:
    layout, texts = case
    for line in texts:
        verdict = judge(line, layout)
        if isinstance(verdict, Record):
            again = judge(verdict.text, layout)
            assert again == verdict
            exact = all(
                len(str(value)) < 10 if field_of(column).kind is Kind.INT32 else
                len(str(value)) < 15 if field_of(column).kind is Kind.INT64 else
                "." not in str(value) or (":" not in str(value) and "\ufeff" not in str(value))
                for column, value in zip(layout.columns, verdict.text.split(" "), strict=True)
            )  # fmt: skip
            if exact and "\ufeff" not in line:
                assert matched(verdict.text, layout) == {verdict.status}


@settings(max_examples=examples(300))
@given(layouts_and_lines)
@example((Layout(("interface_tag", "srcport")), ["start None", "web 80", "start None"]))
@example((Layout(("interface_tag", "action")), ["start ACCEPT", "web REJECT"]))
@example((Layout(("interface_id",)), ["\ufeffeni-1", "\ufeff\ufeffeni-1", "eni\ufeff1"]))
@example((Layout(("vpc_id", "region")), ["srcaddr\vdstaddr", "192.0.2.1 192.0.2.2"]))
@example((Layout(("vpc_id", "region")), ["srcaddr\u00a0dstaddr x"]))
def test_the_table_and_the_counts_are_what_judge_saw(case: tuple[Layout, list[str]]) -> None:
    layout, texts = case
    columns = (*layout.columns, "log_status", "vpc_id", "bytes")
    columns = tuple(dict.fromkeys(columns))
    rows, counts, reasons, now = [], {"headers": 0, "blanks": 0, "malformed": 0}, [], layout
    for line in texts:
        verdict = judge(line, now)
        if isinstance(verdict, Record):
            found = dict.fromkeys(columns) | row_of(verdict, now)
            rows.append({name: found[name] for name in columns})
        elif isinstance(verdict, Header):
            counts["headers"] += 1
            now = verdict.layout
        elif isinstance(verdict, Malformed):
            counts["malformed"] += 1
            reasons.append(str(verdict.reason))
        elif isinstance(verdict, Blank):
            counts["blanks"] += 1
    text = "".join(line + "\n" for line in texts).encode("utf-8", "surrogateescape")
    parsed = parse(Buffer(layout, text, (Segment(0),)), Wanted(columns))
    (tally,) = parsed.tallies
    assert parsed.table.to_pylist() == rows
    assert {name: getattr(tally.counts, name) for name in counts} == counts
    assert [line.reason for line in tally.malformed] == reasons
    assert tally.counts.records == len(rows)
    assert tally.counts.adds_up
    assert parsed.layouts[-1].columns == now.columns


ADDRESS_ALONE = re.compile(f"^{ADDRESS}$")


@settings(max_examples=examples(500))
@given(
    st.one_of(
        lines.addresses,
        st.text("0123456789.", max_size=16),
        st.text("01259aF:", max_size=30),
        st.lists(st.sampled_from(("", "0", "1", "abcd", "12345", "g", "1.2.3.4")), max_size=10).map(
            ":".join
        ),
        st.lists(st.integers(0, 300).map(str), min_size=3, max_size=5).map(".".join),
    )
)
@example("::")
@example(":::")
@example("1:2:3:4:5:6:7::")
@example("::2:3:4:5:6:7:8")
@example("1:2:3:4:5:6:7::8")
@example("00.0.0.0")
@example("255.249.199.99")
@example("255.255.255.256")
@example("260.1.1.1")
@example("300.1.1.1")
@example("１.2.3.4")
def test_the_address_pattern_and_the_ipaddress_module_agree(text: str) -> None:
    try:
        ipaddress.ip_address(text)
        strict = not ("." in text and ":" in text)
    except ValueError:
        strict = False
    assert bool(ADDRESS_ALONE.search(text)) is strict
    assert pl.Series([text]).str.contains(f"^{ADDRESS}$").item() is strict


@given(
    st.integers(-1, 2**66),
    st.sampled_from(("srcport", "protocol", "version", "bytes", "start_time")),
)
@example(65_535, "srcport")
@example(65_536, "srcport")
@example(255, "protocol")
@example(256, "protocol")
@example(2**31 - 1, "version")
@example(2**31, "version")
@example(2**48, "bytes")
@example(2**48 + 1, "bytes")
@example(2**63 - 1, "bytes")
@example(10**13 - 1, "start_time")
@example(10**13, "start_time")
def test_a_number_is_a_record_up_to_its_width_and_not_beyond(number: int, column: str) -> None:
    most = {
        "srcport": 65_535,
        "protocol": 255,
        "version": 2**31 - 1,
        "bytes": 2**48,
        "start_time": 10**13 - 1,
    }[column]
    layout = Layout((column,))
    verdict = judge(str(number), layout)
    assert isinstance(verdict, Record) is (0 <= number <= most)
    if matched(str(number), layout):
        assert isinstance(verdict, Record)


def test_the_default_layout_tells_every_status_by_its_pattern() -> None:
    line = "2 1 eni-1 - - - - - - - 1431280876 1431280934 - {}"
    assert matched(line.format("NODATA"), DEFAULT) == {Status.NODATA}
    assert matched(line.format("SKIPDATA"), DEFAULT) == {Status.SKIPDATA}
    assert matched(line.format("OK"), DEFAULT) == set()


def test_of_headers_without_end_the_patterns_of_the_last_ones_are_kept():
    for number in range(1100):
        patterns(Layout(("srcaddr", f"f{number}")))
    assert patterns.cache_info().currsize <= 1000
