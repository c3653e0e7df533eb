"""From lines of one layout to a table of flows, with every line accounted for.

The patterns of the layout sort the lines by vector; the few that match none are judged one by one.
What is parsed after that is known to be good, so the CSV reader can neither fail nor guess.
"""

from __future__ import annotations

import io
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

import polars as pl
import pyarrow as pa
from polars.expr.whenthen import ChainedThen, Then

from flowlens.accounting import KEPT_TEXT, Counts, MalformedLine
from flowlens.buffers import Apart, Aside, Buffer
from flowlens.columns import build, span, uncompressed
from flowlens.judge import MAX_LINE, Header, Malformed, Record, Status, judge
from flowlens.layouts import DuplicateFieldError, Layout, from_header
from flowlens.patterns import is_typed, patterns
from flowlens.tokens import unpacked

_BLANKS = r"[ \t\r\v\f]+"
_UNTIDY = r"[ \t\r\v\f]{2,}|[\t\r\v\f]"
"""What one blank stands for; in a line that is in order there is nothing of it."""
_NAME = "[A-Za-z][A-Za-z0-9_-]*"
_NAMES = rf"^\x{{FEFF}}*[ \t\r\v\f]*{_NAME}(?:{_BLANKS}{_NAME})*[ \t\r\v\f]*$"
"""A line of nothing but names: a header, perhaps."""

_HEADER, _BLANK, _MALFORMED = "header", "blank", "malformed"
_RECORDS = [str(status) for status in Status]
_COUNTED = {
    _HEADER: "headers",
    _BLANK: "blanks",
    _MALFORMED: "malformed",
    Status.OK: "ok",
    Status.NODATA: "nodata",
    Status.SKIPDATA: "skipdata",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question needs of each record.

    Lines without one of `literals` can't be part of the answer: they are checked and counted, and
    not parsed further. `select` narrows a parsed table to the window and the filters.
    """

    columns: tuple[str, ...]
    literals: tuple[str, ...] = ()
    select: Callable[[pa.Table], pa.Table] | None = None


@dataclass(slots=True)
class Tally:
    """The counts of one segment; line numbers of `malformed` count from the segment's first."""

    source: int
    counts: Counts = field(default_factory=Counts)
    malformed: list[MalformedLine] = field(default_factory=list)

    def fault(self, line: int, fault: _Fault, dropped: int) -> None:
        """Put a malformed line aside; it has been counted by its status already."""
        reason, data = str(fault.fault.reason), fault.text.encode("utf-8", "surrogateescape")
        self.counts.reasons[reason] += 1
        kept = data[:KEPT_TEXT].decode("utf-8", "backslashreplace")
        size = len(data) + dropped
        self.malformed.append(MalformedLine("", line, reason, fault.fault.detail, kept, size))

    def apart(self, line: int, what: Apart) -> None:
        """Count a blank line for what it stands for."""
        self.counts.blanks -= 1
        if isinstance(what, Aside):
            setattr(self.counts, what, getattr(self.counts, what) + 1)
            return
        self.counts.malformed += 1
        self.counts.reasons[what.reason] += 1
        fault = MalformedLine("", line, what.reason, what.detail, what.text, what.length)
        insort(self.malformed, fault, key=lambda malformed: malformed.line)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A buffer's table, its tallies in the order of its segments, and its layouts in order.

    `first` and `last` span the records, if both times were wanted.
    """

    table: pa.Table
    tallies: list[Tally]
    layouts: tuple[Layout, ...]
    first: datetime | None = None
    last: datetime | None = None


def parse(buffer: Buffer, wanted: Wanted) -> Parsed:
    """Parse a buffer of whole lines.

    Returns a table of `wanted.columns` in that order, one row a record that can matter, in the
    order of the lines.
    """
    lines, original = _lines(buffer.text)
    tables: list[pa.Table] = []
    verdicts: list[pl.DataFrame] = []
    faults: list[_Fault] = []
    spans: list[tuple[datetime | None, datetime | None]] = []
    layouts: list[Layout] = []
    for section in _sections(lines, buffer):
        layouts.append(section.layout)
        verdict = _judged(_sorted(section), section, original, faults)
        verdicts.append(verdict.select(pl.col("index") + section.start, "status"))
        whole = buffer.text if len(section.lines) == len(lines) else None
        text, rows = _records(section, verdict, wanted.literals, whole)
        table = build(text, rows, section.layout, wanted.columns)
        spans.append(span(table))
        tables.append(table if wanted.select is None else wanted.select(table))
    tallies = _tallies(buffer, len(lines), pl.concat(verdicts), faults)
    first = min((first for first, _ in spans if first is not None), default=None)
    last = max((last for _, last in spans if last is not None), default=None)
    return Parsed(pa.concat_tables(tables), tallies, tuple(layouts), first, last)


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines under one layout; `start` is the first one's index in the buffer.

    `ok` is true where a line matches the layout's pattern for records with traffic; `rest` holds
    the others, as index and line.
    """

    start: int
    lines: pl.Series
    layout: Layout
    ok: pl.Series
    rest: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Fault:
    """A malformed line by its index in the buffer."""

    index: int
    text: str
    fault: Malformed


def _lines(text: bytes) -> tuple[pl.Series, Callable[[int], str]]:
    """The lines of a text, and a way to an original line by its index.

    Bytes that are no UTF-8 become controls in the lines, which match no pattern, and surrogates
    in the originals.
    """
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        originals = [line.decode("utf-8", "surrogateescape") for line in text.split(b"\n")]
        clean = "\n".join(originals).encode("ascii", "replace").replace(b"?", b"\x01")
        return _split(clean), originals.__getitem__
    lines = _split(text)
    return lines, lines.__getitem__


def _split(text: bytes) -> pl.Series:
    plain, above = uncompressed(text)
    return pl.read_lines(io.BytesIO(plain))["line"].slice(above)


def _sections(lines: pl.Series, buffer: Buffer) -> Iterator[_Section]:
    """Cut the lines where a header changes the layout; most buffers are one section.

    Each source begins with the buffer's layout again.
    """
    ok = _matches(lines, buffer.layout)
    rest = _rest(lines, ok)
    line = pl.col("line")
    names = rest.filter((line.str.len_bytes() <= MAX_LINE) & line.str.contains(_NAMES))
    headers = [(index, 1, _header(name)) for index, name in names.iter_rows()]
    begins = accumulate(segment.lines or 0 for segment in buffer.segments[:-1])
    starts = [(start, 0, buffer.layout) for start in begins] if headers else []
    first, layout = 0, buffer.layout
    for index, _, found in sorted([*starts, *headers], key=lambda change: change[:2]):
        if found is None or found.columns == layout.columns:
            continue
        if index > first:
            yield _section(first, lines.slice(first, index - first), layout)
        first, layout = index, found
    if first or layout.columns != buffer.layout.columns:
        yield _section(first, lines.slice(first), layout)
    else:
        yield _Section(0, lines, layout, ok, rest)


def _section(start: int, lines: pl.Series, layout: Layout) -> _Section:
    ok = _matches(lines, layout)
    return _Section(start, lines, layout, ok, _rest(lines, ok))


def _rest(lines: pl.Series, ok: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"line": lines}).with_row_index("index").filter(~ok)


def _header(line: str) -> Layout | None:
    try:
        return from_header(line)
    except DuplicateFieldError:
        return None


def _matches(lines: pl.Series, layout: Layout) -> pl.Series:
    """Where a line is a record with traffic; a layout of texts alone can't tell it from names."""
    ok = lines.str.contains(patterns(layout).ok) & (lines.str.len_bytes() <= MAX_LINE)
    return ok if is_typed(layout) else ok & ~lines.str.contains(_NAMES)


def _sorted(section: _Section) -> pl.DataFrame:
    """The lines that are no plain record with traffic: index, line, text (blanks in order), status.

    The status is null where no pattern tells.
    """
    match = patterns(section.layout)
    text = pl.col("text")
    rest = section.rest.with_columns(
        pl.col("line").str.replace_all(_UNTIDY, " ").str.strip_chars(" ").alias("text")
    )
    status: Then | ChainedThen = pl.when(text == "").then(pl.lit(_BLANK))
    for pattern, name in zip((match.ok, match.nodata, match.skipdata), _RECORDS, strict=True):
        if pattern is not None:
            status = status.when(text.str.contains(pattern)).then(pl.lit(name))
    sure = (pl.col("line").str.len_bytes() <= MAX_LINE) & ~text.str.contains(_NAMES)
    return rest.with_columns(pl.when(sure).then(status).alias("status"))


def _judged(
    rest: pl.DataFrame, section: _Section, original: Callable[[int], str], faults: list[_Fault]
) -> pl.DataFrame:
    """Fill in the statuses that no pattern tells; malformed lines are added to `faults`."""
    open_lines = rest.filter(pl.col("status").is_null())["index"]
    if open_lines.is_empty():
        return rest
    judged: dict[str, list[object]] = {"index": [], "status": [], "text": []}
    for index in open_lines:
        line = original(section.start + index)
        verdict = judge(line, section.layout)
        judged["index"].append(index)
        judged["text"].append(verdict.text if isinstance(verdict, Record) else "")
        if isinstance(verdict, Record):
            judged["status"].append(str(verdict.status))
        elif isinstance(verdict, Header):
            judged["status"].append(_HEADER)
        elif isinstance(verdict, Malformed):
            judged["status"].append(_MALFORMED)
            if section.layout.named:
                line, detail = unpacked(line), unpacked(verdict.detail)
                verdict = Malformed(verdict.reason, detail)
            faults.append(_Fault(section.start + index, line, verdict))
        else:
            judged["status"].append(_BLANK)
    schema = {name: rest.schema[name] for name in judged}
    return rest.update(pl.DataFrame(judged, schema=schema), on="index")


def _records(
    section: _Section, verdict: pl.DataFrame, literals: tuple[str, ...], whole: bytes | None
) -> tuple[bytes, int]:
    """The text of the section's records in canonical form, and how many they are."""
    more = verdict.filter(pl.col("status").is_in(_RECORDS))
    changed = more.filter(pl.col("text") != pl.col("line"))
    if whole is not None and not literals and changed.is_empty() and len(more) == len(verdict):
        return whole, len(section.lines)
    keep = section.ok.rename("keep").scatter(more["index"], True) if len(more) else section.ok
    lines = section.lines
    if not changed.is_empty():
        lines = lines.clone().scatter(changed["index"], changed["text"])
    for literal in literals:
        keep = keep & lines.str.contains(literal, literal=True)
    lines = lines.filter(keep)
    return lines.str.join("\n").item().encode(), len(lines)


def _tallies(
    buffer: Buffer, lines: int, verdicts: pl.DataFrame, faults: list[_Fault]
) -> list[Tally]:
    """Count by segment; what the verdicts don't name is a record with traffic."""
    segments = buffer.segments
    sizes = [segment.lines if segment.lines is not None else lines for segment in segments]
    starts = [0, *accumulate(sizes)]
    tallies = [Tally(segment.source) for segment in segments]
    for tally, segment, size in zip(tallies, segments, sizes, strict=True):
        tally.counts.lines = size + segment.headers
        tally.counts.headers = segment.headers
        tally.counts.ok = size
    place = pl.Series(starts[1:], dtype=pl.UInt32).search_sorted(verdicts["index"], side="right")
    counted = verdicts.select(place.alias("place"), "status").group_by("place", "status").len()
    for index, status, number in counted.iter_rows():
        counts = tallies[index].counts
        name = _COUNTED[status]
        counts.ok -= number
        setattr(counts, name, getattr(counts, name) + number)
    for fault in faults:
        index = bisect_right(starts, fault.index) - 1
        line = fault.index - starts[index] + segments[index].headers + 1
        tallies[index].fault(line, fault, buffer.dropped.get(fault.index, 0))
    for at, what in buffer.apart.items():
        index = bisect_right(starts, at) - 1
        tallies[index].apart(at - starts[index] + segments[index].headers + 1, what)
    return tallies
