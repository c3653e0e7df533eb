"""From lines of one layout to a table of flows, with every line accounted for.

The patterns of the layout sort the lines by vector; the few that match none are judged one by one.
What is parsed after that is known to be good, so the CSV reader can neither fail nor guess.
"""

from __future__ import annotations

import io
from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

import polars as pl
import pyarrow as pa
from polars.expr.whenthen import ChainedThen, Then

from flowlens.accounting import KEPT_TEXT, Counts, MalformedLine
from flowlens.buffers import Apart, Aside, Buffer
from flowlens.columns import build, span, uncompressed
from flowlens.fields import field_of
from flowlens.judge import MAX_LINE, Header, Malformed, Record, Status, Verdict, judge
from flowlens.layouts import Layout
from flowlens.patterns import patterns
from flowlens.sections import NAMES, Section, by_layout

_UNTIDY = r"[ \t\r\v\f]{2,}|[\t\r\v\f]"
"""What one blank stands for; in a line that is in order there is nothing of it."""
_REMEMBERED = 10_000
"""Verdicts that are kept, in case that the same line stands there again."""

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
    found = by_layout(lines, buffer)
    tables: list[pa.Table] = []
    places: list[pl.Series] = []
    verdicts: list[pl.DataFrame] = []
    faults: list[_Fault] = []
    for section in found.sections:
        verdict = _judged(_sorted(section), section, original, faults)
        verdicts.append(verdict.select(section.place(verdict["index"]), "status"))
        whole = buffer.text if section.places is None else None
        text, kept = _records(section, verdict, wanted.literals, whole)
        tables.append(build(text, len(kept), section.layout, wanted.columns))
        places.append(kept)
    if found.scattered:
        some = _scattered(found.scattered, original, wanted, faults)
        tables.append(some.table)
        places.append(some.places)
        verdicts.append(some.verdicts)
    table = _in_order(tables, places)
    faults.sort(key=lambda fault: fault.index)
    tallies = _tallies(buffer, len(lines), pl.concat(verdicts), faults)
    first, last = span(table)
    selected = table if wanted.select is None else wanted.select(table)
    return Parsed(selected, tallies, found.layouts, first, last)


def _in_order(tables: list[pa.Table], places: list[pl.Series]) -> pa.Table:
    """The rows of the tables by their places in the buffer; most buffers have one table."""
    table = pa.concat_tables(tables)
    if len(tables) == 1 or not table.num_columns:
        return table
    # Arrow can't take rows of string views; polars can, and shares them.
    rows = pl.DataFrame(table)[pl.concat(places).arg_sort()]
    ordered: pa.Table = rows.to_arrow(compat_level=pl.CompatLevel.newest())
    return ordered.cast(table.schema)


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


def _sorted(section: Section) -> pl.DataFrame:
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
    sure = (pl.col("line").str.len_bytes() <= MAX_LINE) & ~text.str.contains(NAMES)
    return rest.with_columns(pl.when(sure).then(status).alias("status"))


def _judged(
    rest: pl.DataFrame, section: Section, original: Callable[[int], str], faults: list[_Fault]
) -> pl.DataFrame:
    """Fill in the statuses that no pattern tells; malformed lines are added to `faults`."""
    open_lines = rest.filter(pl.col("status").is_null())["index"]
    if open_lines.is_empty():
        return rest
    judging = _Judging(original)
    judged: dict[str, list[object]] = {"index": [], "status": [], "text": []}
    for index, place in zip(open_lines, section.place(open_lines), strict=True):
        line, verdict = judging.verdict(place, section.layout)
        judged["index"].append(index)
        judged["text"].append(verdict.text if isinstance(verdict, Record) else "")
        judged["status"].append(_status(verdict))
        if isinstance(verdict, Malformed):
            faults.append(_Fault(place, line, verdict))
    schema = {name: rest.schema[name] for name in judged}
    return rest.update(pl.DataFrame(judged, schema=schema), on="index")


@dataclass(slots=True)
class _Judging:
    """Verdicts on single lines; what stands there again and again is judged once."""

    original: Callable[[int], str]
    _verdicts: dict[tuple[str, tuple[str, ...]], Verdict] = field(default_factory=dict)

    def verdict(self, place: int, layout: Layout) -> tuple[str, Verdict]:
        """The line at a place in the buffer, and what it is under a layout."""
        line = self.original(place)
        key = line, layout.columns
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[key] = judge(line, layout)
        return line, verdict


def _status(verdict: Verdict) -> str:
    match verdict:
        case Record():
            return str(verdict.status)
        case Header():
            return _HEADER
        case Malformed():
            return _MALFORMED
    return _BLANK


@dataclass(frozen=True, slots=True)
class _Scattered:
    """What lines of many layouts gave: rows at their places in the buffer, and other verdicts."""

    table: pa.Table
    places: pl.Series
    verdicts: pl.DataFrame


def _scattered(
    lines: list[tuple[int, Layout]],
    original: Callable[[int], str],
    wanted: Wanted,
    faults: list[_Fault],
) -> _Scattered:
    """Lines of layouts that have few each, judged one by one and written under one layout."""
    judging = _Judging(original)
    statuses: list[tuple[int, str]] = []
    texts: list[str] = []
    places: list[int] = []
    columns = tuple(
        dict.fromkeys(["log_status", *(field_of(name).source for name in wanted.columns)])
    )
    for place, layout in lines:
        line, verdict = judging.verdict(place, layout)
        statuses.append((place, _status(verdict)))
        if isinstance(verdict, Malformed):
            faults.append(_Fault(place, line, verdict))
        if isinstance(verdict, Record) and all(text in verdict.text for text in wanted.literals):
            values = dict(zip(layout.columns, verdict.text.split(" "), strict=True))
            values["log_status"] = verdict.status
            texts.append(" ".join(values.get(column, "-") for column in columns))
            places.append(place)
    return _Scattered(
        build("\n".join(texts).encode(), len(texts), Layout(columns), wanted.columns),
        pl.Series(places, dtype=pl.UInt32),
        pl.DataFrame(
            statuses, schema={"index": pl.UInt32, "status": pl.String}, orient="row"
        ).filter(pl.col("status") != Status.OK),
    )


def _records(
    section: Section, verdict: pl.DataFrame, literals: tuple[str, ...], whole: bytes | None
) -> tuple[bytes, pl.Series]:
    """The text of the section's records in canonical form, and their places in the buffer."""
    more = verdict.filter(pl.col("status").is_in(_RECORDS))
    changed = more.filter(pl.col("text") != pl.col("line"))
    if whole is not None and not literals and changed.is_empty() and len(more) == len(verdict):
        return whole, pl.select(pl.int_range(len(section.lines), dtype=pl.UInt32)).to_series()
    keep = section.ok.rename("keep").scatter(more["index"], True) if len(more) else section.ok
    lines = section.lines
    if not changed.is_empty():
        lines = lines.clone().scatter(changed["index"], changed["text"])
    for literal in literals:
        keep = keep & lines.str.contains(literal, literal=True)
    text = lines.filter(keep).str.join("\n").item().encode()
    return text, section.place(keep.arg_true())


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
