"""Units: what an envelope holds one after another, gathered into blocks of lines.

A unit is an event, an object or a row; each becomes one line, so that places count as they do in a
text. What is no line of its own keeps its place as a blank one, and is told apart by its index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import cast

from flowlens.accounting import KEPT_TEXT
from flowlens.blocks import Block
from flowlens.buffers import Apart, Aside, Fault
from flowlens.envelopes.repeats import Repeats
from flowlens.envelopes.rows import as_json, layout, line
from flowlens.inflate import BLOCK
from flowlens.judge import Reason

MOST_KEYS = 250
"""Keys that the rows of an input may have in all: every one becomes a column of every row."""

_FAULT = 500
"""About what a fault takes beside its text; bytes."""

_NAMES = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*(?: |$))+")
_ODD = ("  ", " \n", "\n ", "\n\n", "True", "False", "[", "{")
"""What stands between values or lines where a value is empty, and in values that are no text."""

Row = Mapping[str, object]


@dataclass(slots=True)
class Units:
    """Units on their way into blocks; rows of named values and plain lines don't share one."""

    _lines: list[str] = field(default_factory=list)
    _apart: dict[int, Apart] = field(default_factory=dict)
    _rows: bool = False
    _size: int = 0
    _keys: dict[str, None] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)
    _ids: list[str] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)

    def messages(self, texts: list[str], ids: Sequence[str | None]) -> Iterator[Block]:
        """Texts that are a record each; those whose id was there before are repeats."""
        yield from self._turn(rows=False)
        places: Sequence[int] = range(len(self._lines), len(self._lines) + len(ids))
        if not all(ids):
            places, ids = (
                [places[at] for at, text in enumerate(ids) if text],
                list(filter(None, ids)),
            )
        self._ids += cast("Sequence[str]", ids)
        self._places += places
        self._size += sum(map(len, texts)) + len(texts)
        self._lines += texts
        yield from self.due()

    def rows(self, rows: Sequence[Row]) -> Iterator[Block]:
        """Rows of named values, under all the names there have been in this input."""
        names = [key for keys in dict.fromkeys(map(tuple, rows)) for key in keys]
        if len(self._keys.keys() | names) > MOST_KEYS:
            for row in rows:
                if len(self._keys.keys() | row) > MOST_KEYS:
                    self.fault(f"more than {MOST_KEYS} different keys in one input", as_json(row))
                else:
                    yield from self.rows([row])
            return
        yield from self._named(names)
        keys = tuple(self._keys)
        try:
            values = list(map(itemgetter(*keys), rows)) if len(keys) > 1 else None
        except KeyError:
            values = None
        yield from self._values(values or [tuple(map(row.get, keys)) for row in rows])

    def values(self, names: Sequence[str], values: list[tuple[object, ...]]) -> Iterator[Block]:
        """Rows of values under names that stay the same."""
        yield from self._named(names)
        yield from self._values(values)

    def _named(self, names: Iterable[str]) -> Iterator[Block]:
        yield from self._turn(rows=True)
        known = len(self._keys)
        self._keys.update((name, None) for name in names if not name.startswith("@"))
        if len(self._keys) > known:
            yield from self._block(tuple(self._keys)[:known])

    def _values(self, values: list[tuple[object, ...]]) -> Iterator[Block]:
        form = " ".join(["%s"] * len(self._keys))
        lines = [form % row for row in values]
        if not _in_order(lines, len(self._keys)):
            lines = [line(row) for row in values]
            for place, text in enumerate(lines):
                # It would be taken for a header, and set the layout of the rows behind it.
                if _NAMES.fullmatch(text):
                    self._apart[len(self._lines) + place] = Fault(
                        Reason.BAD_VALUE, "nothing but names", text[:KEPT_TEXT], len(text.encode())
                    )
                    lines[place] = ""
        self._size += sum(map(len, lines)) + len(lines)
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
        if self._size >= BLOCK:
            yield from self._block(tuple(self._keys))

    def end(self) -> Iterator[Block]:
        """The last block."""
        yield from self._block(tuple(self._keys))

    def _turn(self, *, rows: bool) -> Iterator[Block]:
        if rows != self._rows:
            yield from self._block(tuple(self._keys))
            self._rows = rows

    def _block(self, keys: tuple[str, ...]) -> Iterator[Block]:
        if not self._lines:
            return
        self._drop_repeats()
        text = "\n".join(self._lines)
        if text.count("\n") >= len(self._lines):
            text = "\n".join(one.rstrip("\r\n").replace("\n", "\v") for one in self._lines)
        yield Block(_encoded(text + "\n"), {}, self._apart, layout(keys) if self._rows else None)
        self._lines, self._apart, self._size = [], {}, 0

    def _drop_repeats(self) -> None:
        """Blank the lines whose id was there before: all at once, for each look has its price."""
        if self._ids:
            for number in self._repeats.seen(self._ids):
                self._lines[self._places[number]] = ""
                self._apart[self._places[number]] = Aside.REPEAT
            self._ids, self._places = [], []


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
