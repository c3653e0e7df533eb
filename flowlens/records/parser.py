"""From lines of one layout to a table of flows, with every line accounted for.

The patterns of the layout sort the lines by vector; the few that match none are judged one by one.
What is parsed after that is known to be good, so the CSV reader can neither fail nor guess.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl
import pyarrow as pa
from polars.expr.whenthen import ChainedThen, Then

from flowlens.records.buffers import Buffer
from flowlens.records.fields import field_of
from flowlens.records.layouts import Layout
from flowlens.records.patterns import patterns
from flowlens.records.sections import NAMES, Section, by_layout
from flowlens.records.table import build, span, uncompressed
from flowlens.records.tallies import BLANK, HEADER, MALFORMED, Faults, Tally, tallied
from flowlens.records.tokens import unpacked
from flowlens.records.validate import MAX_LINE, Header, Malformed, Record, Status, Verdict, judge

FOREIGN = "\x01"
"""What stands for bytes that are no UTF-8: a control, which no record has."""
_UNTIDY = r"[ \t\r\v\f]{2,}|[\t\r\v\f]"
"""What one blank stands for; in a line that is in order there is nothing of it."""

_RECORDS = [str(status) for status in Status]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question needs of each record.

    Lines without one of `literals` can't be part of the answer: they are checked and counted, and
    not parsed further. `select` narrows a parsed table to the window and the filters.
    """

    columns: tuple[str, ...]
    literals: tuple[str, ...] = ()
    select: Callable[[pa.Table], pa.Table] | None = None


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
    faults = Faults()
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
    tallies = tallied(buffer, len(lines), pl.concat(verdicts), faults)
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
        clean = "\n".join(originals).encode("ascii", "replace").replace(b"?", FOREIGN.encode())
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
    status: Then | ChainedThen = pl.when(text == "").then(pl.lit(BLANK))
    for pattern, name in zip((match.ok, match.nodata, match.skipdata), _RECORDS, strict=True):
        if pattern is not None:
            status = status.when(text.str.contains(pattern)).then(pl.lit(name))
    sure = (pl.col("line").str.len_bytes() <= MAX_LINE) & ~text.str.contains(NAMES)
    return rest.with_columns(pl.when(sure).then(status).alias("status"))


def _judged(
    rest: pl.DataFrame, section: Section, original: Callable[[int], str], faults: Faults
) -> pl.DataFrame:
    """Fill in the statuses that no pattern tells; malformed lines are added to `faults`.

    A line that stands there again and again is judged once.
    """
    unsure = rest.filter(pl.col("status").is_null()).select("index", "line")
    if unsure.is_empty():
        return rest
    # Lines that were no UTF-8 look alike and needn't be.
    own = pl.when(pl.col("line").str.contains(FOREIGN, literal=True)).then("index")
    unsure = unsure.with_columns(own.alias("own"))
    first = unsure.group_by("line", "own", maintain_order=True).agg(pl.col("index").first())
    judged: list[tuple[str, str, int | None]] = []
    for place in section.place(first["index"]):
        text = original(place)
        verdict = judge(text, section.layout)
        canonical = verdict.text if isinstance(verdict, Record) else ""
        kind = _kind(text, verdict, section.layout, faults)
        judged.append((_status(verdict), canonical, kind))
    schema = {"status": pl.String, "text": pl.String, "kind": pl.UInt32}
    told = first.select("line", "own").hstack(pl.DataFrame(judged, schema=schema, orient="row"))
    sure = unsure.join(told, on=["line", "own"], nulls_equal=True, maintain_order="left")
    bad = sure.filter(pl.col("kind").is_not_null())
    faults.stand(section.place(bad["index"]), bad["kind"])
    return rest.update(sure.select("index", "status", "text"), on="index")


def _kind(line: str, verdict: Verdict, layout: Layout, faults: Faults) -> int | None:
    """The number of a malformed line's fault, as its reader wrote it; None for any other line."""
    if not isinstance(verdict, Malformed):
        return None
    if layout.named:
        line, verdict = unpacked(line), Malformed(verdict.reason, unpacked(verdict.detail))
    return faults.kind(line, verdict)


def _status(verdict: Verdict) -> str:
    match verdict:
        case Record():
            return str(verdict.status)
        case Header():
            return HEADER
        case Malformed():
            return MALFORMED
    return BLANK


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
    faults: Faults,
) -> _Scattered:
    """Lines of layouts that have few each, judged one by one and written under one layout."""
    statuses: list[str] = []
    kinds: list[int | None] = []
    texts: list[str] = []
    places: list[int] = []
    sources = (field_of(name).source for name in wanted.columns)
    columns = tuple(dict.fromkeys(["log_status", *sources]))
    for place, layout in lines:
        line = original(place)
        verdict = judge(line, layout)
        statuses.append(_status(verdict))
        kinds.append(_kind(line, verdict, layout, faults))
        if isinstance(verdict, Record) and all(text in verdict.text for text in wanted.literals):
            values = dict(zip(layout.columns, verdict.text.split(" "), strict=True))
            values["log_status"] = verdict.status
            texts.append(" ".join(values.get(column, "-") for column in columns))
            places.append(place)
    verdicts = pl.DataFrame(
        {"index": [place for place, _ in lines], "status": statuses, "kind": kinds},
        schema={"index": pl.UInt32, "status": pl.String, "kind": pl.UInt32},
    )
    bad = verdicts.filter(pl.col("kind").is_not_null())
    faults.stand(bad["index"], bad["kind"])
    return _Scattered(
        build("\n".join(texts).encode(), len(texts), Layout(columns), wanted.columns),
        pl.Series(places, dtype=pl.UInt32),
        verdicts.filter(pl.col("status") != Status.OK).select("index", "status"),
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
