"""CSV to units: the console's download of events, and what Logs Insights exports."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from flowlens.blocks import Block, blocks
from flowlens.buffers import Aside
from flowlens.envelopes.rows import is_record
from flowlens.envelopes.units import Units
from flowlens.judge import MAX_LINE

_MESSAGE = ("message", "@message")
_AT_ONCE = 10_000
"""Rows taken into units together."""
_LONGEST = 20
"""Lines that one row may go on over; a quote left open must not take in all that follows."""


def header(line: bytes) -> list[str] | None:
    """The names in a CSV's first line, if it is one that holds messages or records."""
    if b"," not in line and line.strip(b'"\r') != b"@message":
        return None
    try:
        names = next(csv.reader([line.decode().rstrip("\r")], strict=True), [])
    except (csv.Error, UnicodeDecodeError):
        return None
    names = [name.strip() for name in names]
    whole = any(name in _MESSAGE for name in names) or (is_record(names) and len(names) > 1)
    return names if whole and len(set(names)) == len(names) else None


@dataclass(slots=True)
class Delimited:
    """The rows of a CSV under the names of its header."""

    names: list[str]
    _units: Units = field(default_factory=Units)

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
        for row in _rows(pieces):
            if isinstance(row, list) and len(row) == len(self.names) and row != self.names:
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
            elif [name.strip() for name in row] == self.names:
                self._units.aside(Aside.HEADER)
            else:
                text = ",".join(row).encode("utf-8", "surrogateescape")
                detail = f"{len(row)} columns where the header has {len(self.names)}"
                self._units.fault(detail, text)
            yield from self._units.due()
        yield from self._add(held)
        yield from self._units.end()

    def _add(self, rows: list[list[str]]) -> Iterator[Block]:
        if not rows:
            return
        place = self._message
        if place is not None:
            yield from self._units.messages([row[place] for row in rows], [])
            return
        kept = [name for name in self.names if not name.startswith("@")]
        values = itemgetter(*(self.names.index(name) for name in kept))
        yield from self._units.values(kept, list(map(values, rows)))


@dataclass(frozen=True, slots=True)
class _Broken:
    """A line that begins no row."""

    text: bytes


def _rows(pieces: Iterable[bytes]) -> Iterator[list[str] | _Broken]:
    """The rows; after a line that begins none, the next line is tried."""
    source = _Lines(blocks(pieces))
    reader = csv.reader(source, strict=True)
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
            reader = csv.reader(source, strict=True)
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
