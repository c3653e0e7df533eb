"""CSV to units: the console's download of events, and what Logs Insights exports."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flowlens.core import escape
from flowlens.reading.blocks import Block, blocks
from flowlens.reading.envelopes.units import Units
from flowlens.records.buffers import Aside
from flowlens.records.columnnames import is_record, known
from flowlens.records.layouts import from_header
from flowlens.records.validate import MAX_LINE

_MESSAGE = ("message", "@message")
_AT_ONCE = 10_000
"""Rows taken into units together."""
_LONGEST = 20
"""Lines that one row may go on over; a quote left open must not take in all that follows."""


_DELIMITERS = (",", ";", "\t")
"""What parts the values; the first that a header has."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The first row of a table: its names, and what parts them."""

    names: tuple[str, ...]
    delimiter: str = ","


def header(line: bytes) -> Heading | None:
    """The names in a CSV's first line, if it is one that holds messages or records."""
    try:
        text = line.decode().rstrip("\r")
    except UnicodeDecodeError:
        return None
    for delimiter in _DELIMITERS:
        if delimiter in text or text.strip('"') == "@message":
            try:
                names = next(csv.reader([text], delimiter=delimiter, strict=True), [])
            except csv.Error:
                continue
            names = [name.strip() for name in names]
            if any(name in _MESSAGE for name in names) or _is_table(names, text, delimiter):
                return Heading(tuple(names), delimiter)
    return None


def _is_table(names: list[str], text: str, delimiter: str) -> bool:
    """Whether these are names of columns, of a flow log or of what was made of one."""
    if len([name for name in names if not name.startswith("@")]) < 2:
        return False
    # Tabs are blanks to AWS's text, whose header comes first; it has AWS's names alone.
    layout = from_header(text) if delimiter == "\t" else None
    if layout is not None and {known(name) for name in names} <= {None, *layout.columns}:
        return False
    return is_record(names) or 2 * sum(known(name) is not None for name in names) >= len(names)


@dataclass(slots=True)
class Delimited:
    """The rows of a CSV under the names of its header."""

    heading: Heading
    _units: Units = field(default_factory=Units)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the header."""
        return self.heading.names

    @property
    def kind(self) -> str:
        """What a row holds."""
        return "CSV of events" if self._message is not None else "CSV of records"

    @property
    def _message(self) -> int | None:
        return next((self.names.index(name) for name in _MESSAGE if name in self.names), None)

    def blocks(self, pieces: Iterable[bytes]) -> Iterator[Block]:
        """The rows as blocks of lines."""
        held: list[list[str]] = []
        for row in _rows(pieces, self.heading.delimiter):
            if isinstance(row, list) and len(row) == len(self.names) and not self._is_header(row):
                held.append(row)
                if len(held) >= _AT_ONCE:
                    yield from self._add(held)
                    held = []
                continue
            yield from self._add(held)
            held = []
            if isinstance(row, _Broken):
                self._units.fault("broken CSV", row.text)
            elif not row:
                self._units.aside(Aside.BLANK)
            elif self._is_header(row):
                self._units.aside(Aside.HEADER)
            else:
                text = ",".join(row).encode("utf-8", "surrogateescape")
                detail = f"{len(row)} columns where the header has {len(self.names)}"
                self._units.fault(detail, text)
            yield from self._units.due()
        yield from self._add(held)
        yield from self._units.end()

    def _is_header(self, row: list[str]) -> bool:
        return row[0].strip() == self.names[0] and tuple(map(str.strip, row)) == self.names

    def _add(self, rows: list[list[str]]) -> Iterator[Block]:
        if not rows:
            return
        place = self._message
        if place is not None:
            yield from self._units.messages([row[place] for row in rows], [])
            return
        kept = [place for place, name in enumerate(self.names) if not name.startswith("@")]
        values = [[_unguarded(row[place]) for row in rows] for place in kept]
        yield from self._units.table([self.names[place] for place in kept], values)


def _unguarded(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it."""
    return cell[1:] if cell[:1] == "'" and escape.is_formula(cell[1:]) else cell


@dataclass(frozen=True, slots=True)
class _Broken:
    """A line that begins no row."""

    text: bytes


def _rows(pieces: Iterable[bytes], delimiter: str) -> Iterator[list[str] | _Broken]:
    """The rows; after a line that begins none, the next line is tried."""
    source = _Lines(blocks(pieces))
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            first, *others = source.taken
            yield _Broken(first.rstrip("\r\n").encode("utf-8", "surrogateescape"))
            source.again = others + source.again
            reader = csv.reader(source, delimiter=delimiter, strict=True)
        else:
            yield row


class _Lines:
    """The lines of a stream, of which those since a row began can be given again."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self.again: list[str] = []
        self.taken: list[str] = []
        self._lines = (
            f"{line}\n"
            for block in blocks
            for line in block.text.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
        )

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _LONGEST or sum(map(len, self.taken)) > MAX_LINE:
            raise csv.Error("a row that goes on and on")
        line = self.again.pop(0) if self.again else next(self._lines)
        self.taken.append(line)
        return line
