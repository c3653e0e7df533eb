"""Units: what an envelope holds one after another, gathered into blocks of lines.

A unit is an event, an object or a row; each becomes one line, so that places count as they do in a
text. What is no line of its own keeps its place as a blank one, and is told apart by its index.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import cast

from flowlens.accounting import KEPT_TEXT
from flowlens.blocks import Block
from flowlens.buffers import Apart, Aside, Fault, Keyed
from flowlens.envelopes.repeats import Repeats
from flowlens.envelopes.rows import as_json, is_record, layout, line
from flowlens.envelopes.values import anything
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
    """Units on their way into blocks."""

    _lines: list[str] = field(default_factory=list)
    _apart: dict[int, Apart] = field(default_factory=dict)
    _keyed: list[int] = field(default_factory=list)
    _messages: bool = False
    _size: int = 0
    _keys: dict[str, None] = field(default_factory=dict)
    _repeats: Repeats = field(default_factory=Repeats)
    _ids: list[Hashable] = field(default_factory=list)
    _places: list[int] = field(default_factory=list)

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
        """Rows of named values, under all the names there have been in this input."""
        names = [key for keys in dict.fromkeys(map(tuple, rows)) for key in keys]
        if len(self._keys.keys() | names) > MOST_KEYS:
            for row, identity in zip_longest(rows, ids):
                if len(self._keys.keys() | row) > MOST_KEYS:
                    self.fault(f"more than {MOST_KEYS} different keys in one input", as_json(row))
                else:
                    yield from self.rows([row], [identity])
            return
        yield from self._named(names)
        self._identify(ids)
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
        if self._size >= BLOCK:
            yield from self._block(tuple(self._keys))

    def end(self) -> Iterator[Block]:
        """The last block."""
        yield from self._block(tuple(self._keys))

    def _identify(self, ids: Sequence[Hashable]) -> None:
        """Remember what tells the next units from others, of those that have something."""
        for place, identity in enumerate(ids, len(self._lines)):
            if identity:
                self._ids.append(identity)
                self._places.append(place)

    def _block(self, keys: tuple[str, ...]) -> Iterator[Block]:
        if not self._lines:
            return
        self._drop_repeats()
        text = "\n".join(self._lines)
        if text.count("\n") >= len(self._lines):
            text = "\n".join(one.rstrip("\r\n").replace("\n", "\v") for one in self._lines)
        told, keyed = None, None
        if keys and not self._messages:
            told = layout(keys)
        elif self._keyed:
            keyed = Keyed(layout(keys), self._keyed)
        yield Block(_encoded(text + "\n"), {}, self._apart, told, keyed)
        self._lines, self._apart, self._size = [], {}, 0
        self._keyed, self._messages = [], False

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
    return found[0] if is_record(found[0]) else None


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
