"""Sections: the lines of a buffer, sorted by the layout under which each stands.

A header sets the layout of the lines behind it. Lines of one layout are taken together wherever
they stand, so that it costs nothing how often the layout changes; and what few lines a layout has
are left to be judged one by one, for each section costs what some hundred lines cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from flowlens.records.buffers import Buffer
from flowlens.records.layouts import DuplicateFieldError, Layout, from_header, sibling
from flowlens.records.patterns import is_typed, patterns
from flowlens.records.validate import MAX_LINE

FEW = 100
"""Lines of a layout that are fewer are judged one by one."""

BLANKS = r"[ \t\r\v\f]+"
_NAME = "[A-Za-z][A-Za-z0-9_-]*"
NAMES = rf"^\x{{FEFF}}*[ \t\r\v\f]*{_NAME}(?:{BLANKS}{_NAME})*[ \t\r\v\f]*$"
"""A line of nothing but names: a header, perhaps."""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under one layout; `places` are their indexes in the buffer, None if they are all of it.

    `ok` is true where a line matches the layout's pattern for records with traffic; `rest` holds
    the others, as index in the section and line.
    """

    layout: Layout
    lines: pl.Series
    ok: pl.Series
    rest: pl.DataFrame
    places: pl.Series | None = None

    def place(self, index: pl.Series) -> pl.Series:
        """Indexes in the section as indexes in the buffer."""
        return index if self.places is None else self.places.gather(index)


@dataclass(frozen=True, slots=True)
class Sorted:
    """A buffer's lines by their layouts.

    `scattered` are lines of layouts that have few, by index in the buffer. `layouts` are those that
    some line stood under; the last is the one in force at the buffer's end.
    """

    sections: list[Section]
    scattered: list[tuple[int, Layout]]
    layouts: tuple[Layout, ...]


def by_layout(lines: pl.Series, buffer: Buffer) -> Sorted:
    """Sort the lines of a buffer by layout; of most buffers all stand under the one it begins with.

    Each source begins with the buffer's layout again.
    """
    ok = _matches(lines, buffer.layout)
    rest = _rest(lines, ok)
    known = _Known()
    known.number(buffer.layout)
    headers = _headers(rest, known)
    keyed = buffer.keyed
    other = sibling(buffer.layout)
    among = other is not None and rest["line"].str.contains(other.begins).any()
    if len(known.layouts) == 1 and not among and keyed is None:
        return Sorted([Section(buffer.layout, lines, ok, rest)], [], (buffer.layout,))
    numbers = _in_force(len(lines), headers, buffer)
    last = known.layouts[numbers[-1]] if len(numbers) else buffer.layout
    numbers = _with_siblings(lines, numbers, known)
    if keyed is not None:
        own = pl.lit(known.number(keyed.layout), dtype=pl.UInt32)
        numbers = numbers.scatter(keyed.places, pl.select(own).to_series()[0])
    sections, scattered = _grouped(lines, numbers, known.layouts)
    return Sorted(sections, scattered, (*known.layouts, last))


@dataclass(slots=True)
class _Known:
    """The layouts of a buffer by number; two headers of the same columns set the same one."""

    layouts: list[Layout] = field(default_factory=list)
    _numbers: dict[tuple[str, ...], int] = field(default_factory=dict)

    def number(self, layout: Layout) -> int:
        found = self._numbers.setdefault(layout.columns, len(self.layouts))
        if found == len(self.layouts):
            self.layouts.append(layout)
        return found


def _headers(rest: pl.DataFrame, known: _Known) -> pl.DataFrame:
    """The header lines: index, and the number of the layout that each sets."""
    line = pl.col("line")
    names = rest.filter((line.str.len_bytes() <= MAX_LINE) & line.str.contains(NAMES))
    texts = names["line"].unique(maintain_order=True)
    found = [(text, _header(text)) for text in texts]
    numbers = pl.DataFrame(
        {
            "line": [text for text, layout in found if layout],
            "number": [known.number(layout) for _, layout in found if layout],
        },
        schema={"line": pl.String, "number": pl.UInt32},
    )
    return names.join(numbers, on="line", maintain_order="left").select("index", "number")


def _header(line: str) -> Layout | None:
    try:
        return from_header(line)
    except DuplicateFieldError:
        return None


def _in_force(lines: int, headers: pl.DataFrame, buffer: Buffer) -> pl.Series:
    """For each line the number of the layout in force; a header stands under its own."""
    numbers = pl.select(pl.repeat(None, lines, dtype=pl.UInt32)).to_series()
    begins = accumulate((segment.lines or 0 for segment in buffer.segments[:-1]), initial=0)
    numbers = numbers.scatter([begin for begin in begins if begin < lines], 0)
    return numbers.scatter(headers["index"], headers["number"]).forward_fill()


def _with_siblings(lines: pl.Series, numbers: pl.Series, known: _Known) -> pl.Series:
    """The numbers, where lines of a default format's sibling have that one's."""
    for number, layout in enumerate(list(known.layouts)):
        other = sibling(layout)
        if other is not None:
            theirs = (numbers == number) & lines.str.contains(other.begins)
            if theirs.any():
                numbers = numbers.scatter(theirs.arg_true(), known.number(other.layout))
    return numbers


def _grouped(
    lines: pl.Series, numbers: pl.Series, layouts: list[Layout]
) -> tuple[list[Section], list[tuple[int, Layout]]]:
    frame = pl.DataFrame({"line": lines, "number": numbers}).with_row_index("index")
    few = pl.len().over("number") < FEW
    scattered = [
        (index, layouts[number])
        for index, number in frame.filter(few).select("index", "number").iter_rows()
    ]
    sections = []
    for group in frame.filter(~few).partition_by("number", maintain_order=True):
        layout = layouts[group["number"][0]]
        ok = _matches(group["line"], layout)
        rest = _rest(group["line"], ok)
        sections.append(Section(layout, group["line"], ok, rest, group["index"]))
    return sections, scattered


def _rest(lines: pl.Series, ok: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"line": lines}).with_row_index("index").filter(~ok)


def _matches(lines: pl.Series, layout: Layout) -> pl.Series:
    """Where a line is a record with traffic; a layout of texts alone can't tell it from names."""
    ok = lines.str.contains(patterns(layout).ok) & (lines.str.len_bytes() <= MAX_LINE)
    return ok if is_typed(layout) else ok & ~lines.str.contains(NAMES)
