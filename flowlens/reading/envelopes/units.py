"""Units: what an envelope holds one after another, gathered into blocks of lines.

A unit is an event, an object or a row; each becomes one line, so that places count as they do in a
text. What is no line of its own keeps its place as a blank one, and is told apart by its index.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from typing import cast

from flowlens.core.counts import KEPT_TEXT
from flowlens.reading import ocsf
from flowlens.reading.blocks import MOST_LINES, Block, NoLayoutError
from flowlens.reading.decompress import BLOCK
from flowlens.reading.envelopes.jsonstream import anything
from flowlens.reading.envelopes.repeats import Repeats
from flowlens.reading.envelopes.rows import as_json, fitted, line
from flowlens.records.buffers import Apart, Aside, Fault, Keyed
from flowlens.records.columnnames import (
    NamesError,
    columns,
    holds_record,
    is_settled,
    require_record,
)
from flowlens.records.layouts import Layout, from_table
from flowlens.records.validate import Reason

MOST_KEYS = 250
"""Keys that the rows of an input may have in all: every one becomes a column of every row."""

_SHAPES = 1000
"""Sets of keys whose columns are remembered."""

_FAULT = 500
"""About what a fault takes beside its text; bytes."""

_NAMES = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*(?: |$))+")
_ODD = ("  ", " \n", "\n ", "\n\n", "True", "False", "[", "{")
"""What stands between values or lines where a value is empty, and in values that are no text."""

Row = Mapping[str, object]


@dataclass(slots=True)
class Units:
    """Units on their way into blocks."""

    _lines: list[str] = field(default_factory=list)
    _apart: dict[int, Apart] = field(default_factory=dict)
    _keyed: list[int] = field(default_factory=list)
    _messages: bool = False
    _size: int = 0
    _columns: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict
    )
    _repeats: Repeats = field(default_factory=Repeats)
    _ids: list[Hashable] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)
    _error: NamesError | None = None

    def messages(self, texts: list[str], ids: Sequence[str | None]) -> Iterator[Block]:
        """Texts that are a record each, or a record's JSON; one that was there before under the
        same id is a repeat.
        """
        if "{" not in "".join(texts):
            yield from self._plain(texts, ids)
            return
        told = zip_longest(texts, ids, map(_row, texts))
        for is_row, group in groupby(told, lambda one: one[2] is not None):
            some, own, rows = zip(*group, strict=True)
            if is_row:
                identities = [
                    identity and (text, identity) for text, identity in zip(some, own, strict=True)
                ]
                yield from self.rows(cast("Sequence[Row]", rows), identities)
            else:
                yield from self._plain(list(some), own)

    def _plain(self, texts: list[str], ids: Sequence[str | None]) -> Iterator[Block]:
        self._messages = True
        if ids and all(ids):
            self._ids += zip(texts, ids, strict=True)
            self._places += range(len(self._lines), len(self._lines) + len(ids))
        elif any(ids):
            pairs = zip(texts, ids, strict=True)
            self._identify([identity and (text, identity) for text, identity in pairs])
        self._size += sum(map(len, texts)) + len(texts)
        self._lines += texts
        yield from self.due()

    def rows(self, rows: Sequence[Row], ids: Sequence[Hashable] = ()) -> Iterator[Block]:
        """Rows of named values, under all the columns there have been in this input."""
        alike = dict.fromkeys(map(tuple, rows))
        if len(alike) == 1:
            yield from self._alike(next(iter(alike)), rows, ids)
            return
        held: list[dict[str, object]] = []
        own: list[Hashable] = []
        for row, identity in zip_longest(rows, ids):
            try:
                names, places = self._names_of(tuple(row), rows)
            except NamesError as error:
                yield from self._uneven(held, own)
                held, own = [], []
                yield from self._refused([row], [identity], error)
            else:
                held.append({place: row[name] for name, place in zip(names, places, strict=True)})
                own.append(identity)
        yield from self._uneven(held, own)

    def _alike(
        self, keys: tuple[str, ...], rows: Sequence[Row], ids: Sequence[Hashable]
    ) -> Iterator[Block]:
        """Rows that have the same keys."""
        try:
            names, places = self._names_of(keys, rows)
        except NamesError as error:
            yield from self._refused(rows, ids, error)
            return
        yield from self._named(names, places)
        self._identify(ids)
        yield from self._values(places, [[row[name] for row in rows] for name in names])

    def _uneven(
        self, rows: Sequence[dict[str, object]], ids: Sequence[Hashable]
    ) -> Iterator[Block]:
        """Rows by their columns, of which each may lack some."""
        if rows:
            places = tuple(dict.fromkeys(place for row in rows for place in row))
            yield from self._named([self._names[place] for place in places], places)
            self._identify(ids)
            yield from self._values(places, [[row.get(place) for row in rows] for place in places])

    def _names_of(
        self, keys: tuple[str, ...], rows: Sequence[Row]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names among keys, and their columns.

        Raises:
            NamesError: they can't be told apart, or there are too many in this input.
        """
        if (known := self._known.get(keys)) is not None:
            return known
        names = tuple(name for name in keys if not name.startswith("@"))
        if len(names) <= MOST_KEYS:
            places = columns(names, lambda name: (row.get(name) for row in rows))
            new = dict(zip(places, names, strict=True))
            if len(self._names.keys() | new) <= MOST_KEYS:
                self._names = {**new, **self._names}
                self._remember(keys, names, places)
                return names, places
        raise NamesError(f"more than {MOST_KEYS} different keys in one input")

    def _remember(
        self, keys: tuple[str, ...], names: tuple[str, ...], places: tuple[str, ...]
    ) -> None:
        """What keys are, once a value has told it: it stays so."""
        if all(is_settled(name, place) for name, place in zip(names, places, strict=True)):
            if len(self._known) >= _SHAPES:
                self._known.clear()
            self._known[keys] = names, places

    def table(self, names: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Block]:
        """Rows under names that stay the same, given by their columns.

        Raises:
            NoLayoutError: the names are no flow log's.
        """
        keys = tuple(names)
        if keys not in self._known:
            try:
                places = columns(names, lambda name: values[names.index(name)])
                require_record(names, places)
            except NamesError as error:
                raise NoLayoutError(str(error)) from error
            self._remember(keys, keys, places)
        else:
            _, places = self._known[keys]
        yield from self._named(names, places)
        yield from self._values(places, values)

    def _refused(
        self, rows: Sequence[Row], ids: Sequence[Hashable], error: NamesError
    ) -> Iterator[Block]:
        self._error = self._error or error
        for row, identity in zip_longest(rows, ids):
            self._identify([identity])
            self.fault(str(error), as_json(row))
            yield from self.due()

    def _named(self, names: Sequence[str], places: Sequence[str]) -> Iterator[Block]:
        new = {place: name for name, place in zip(names, places, strict=True)}
        if not new.keys() <= self._columns.keys():
            if self._keyed:
                yield from self._block()
            self._columns |= {**new, **self._columns}

    def _values(self, places: Sequence[str], values: Sequence[Sequence[object]]) -> Iterator[Block]:
        """Rows, given by their columns."""
        held = dict(zip(places, values, strict=True))
        rows = len(values[0]) if values else 0
        nothing = [None] * rows
        fit = [
            fitted(column, held[column]) if column in held else nothing for column in self._columns
        ]
        form = " ".join(["%s"] * len(self._columns))
        found = list(zip(*fit, strict=True))
        lines = [form % row for row in found]
        if not _in_order(lines, len(self._columns)):
            lines = [line(row) for row in found]
            for place, text in enumerate(lines):
                # It would be taken for a header, and set the layout of the rows behind it.
                if _NAMES.fullmatch(text):
                    self._apart[len(self._lines) + place] = Fault(
                        Reason.BAD_VALUE, "nothing but names", text[:KEPT_TEXT], len(text.encode())
                    )
                    lines[place] = ""
        self._size += sum(map(len, lines)) + len(lines)
        self._keyed += range(len(self._lines), len(self._lines) + len(lines))
        self._lines += lines
        yield from self.due()

    def aside(self, what: Apart) -> None:
        """A unit that is no line."""
        self._apart[len(self._lines)] = what
        self._lines.append("")

    def fault(self, detail: str, text: bytes, length: int | None = None) -> None:
        """A unit that can't be a record, by its text."""
        kept = text[:KEPT_TEXT].decode("utf-8", "backslashreplace")
        size = len(text) if length is None else length
        self.aside(Fault(Reason.BAD_VALUE, detail, kept, size))
        self._size += len(kept) + _FAULT

    def due(self) -> Iterator[Block]:
        """A block, if there is enough for one."""
        if self._size >= BLOCK or len(self._lines) >= MOST_LINES:
            yield from self._block()

    def end(self) -> Iterator[Block]:
        """The last block."""
        yield from self._block()

    def _identify(self, ids: Sequence[Hashable]) -> None:
        """Remember what tells the next units from others, of those that have something."""
        for place, identity in enumerate(ids, len(self._lines)):
            if identity:
                self._ids.append(identity)
                self._places.append(place)

    def _block(self) -> Iterator[Block]:
        """What is held as a block.

        Raises:
            NoLayoutError: all that the input begins with has two names for one field.
        """
        if not self._lines:
            return
        if self._error and not self._columns and len(self._apart) == len(self._lines):
            raise NoLayoutError(str(self._error)) from self._error
        self._error = None
        self._drop_repeats()
        text = "\n".join(self._lines)
        if text.count("\n") >= len(self._lines):
            text = "\n".join(one.rstrip("\r\n").replace("\n", "\v") for one in self._lines)
        told, keyed = None, None
        if self._columns and not self._messages:
            told = self._layout()
        elif self._keyed:
            keyed = Keyed(self._layout(), self._keyed)
        yield Block(_encoded(text + "\n"), {}, self._apart, told, keyed)
        self._lines, self._apart, self._size = [], {}, 0
        self._keyed, self._messages = [], False

    def _layout(self) -> Layout:
        return from_table(tuple(self._columns), tuple(self._columns.values()))

    def _drop_repeats(self) -> None:
        """Blank the lines whose id was there before: all at once, for each look has its price."""
        if self._ids:
            for number in self._repeats.seen(self._ids):
                self._lines[self._places[number]] = ""
                self._apart[self._places[number]] = Aside.REPEAT
            self._ids, self._places = [], []


def _row(text: str) -> Row | None:
    """The row that a message is, if it is the JSON of one."""
    if text.lstrip()[:1] != "{":
        return None
    found = anything(f"[{text}]".encode("utf-8", "surrogateescape"))
    if found is None or len(found) != 1 or not isinstance(found[0], dict):
        return None
    row = found[0]
    if ocsf.is_event(row) and row["class_uid"] == ocsf.CLASS:
        return ocsf.flat(row)
    return row if holds_record(row) else None


def _encoded(text: str) -> bytes:
    for errors in ("strict", "surrogateescape"):
        try:
            return text.encode("utf-8", errors)
        except UnicodeEncodeError:
            continue
    return text.encode("utf-8", "surrogatepass")


def _in_order(lines: list[str], columns: int) -> bool:
    """Whether each of the lines has as many tokens as there are columns, and none is a header."""
    text = "\n".join(["", *lines, ""])
    return (
        text.count(" ") == (columns - 1) * len(lines)
        and text.count("\n") == len(lines) + 1
        and text.replace("\n", " ").isprintable()
        and not any(odd in text for odd in _ODD)
        and not any(line[:1].isalpha() and _NAMES.fullmatch(line) for line in lines)
    )
