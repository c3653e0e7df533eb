"""Units: what an envelope holds one after another, gathered into blocks of lines.

A unit is an event, an object or a row; each becomes one line, so that places count as they do in a
text. What is no line of its own keeps its place as a blank one, and is told apart by its index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from flowlens.accounting import KEPT_TEXT
from flowlens.blocks import Block
from flowlens.buffers import Apart, Aside, Fault
from flowlens.envelopes.repeats import Repeats
from flowlens.envelopes.rows import layout, line
from flowlens.inflate import BLOCK
from flowlens.judge import Reason

_NAMES = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*(?: |$))+")

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

    def messages(self, texts: list[str], ids: Sequence[str | None]) -> Iterator[Block]:
        """Texts that are a record each; those whose id was there before are repeats."""
        yield from self._turn(rows=False)
        known = [place for place, text in enumerate(ids) if text]
        if known:
            named = ids if len(known) == len(ids) else [ids[place] for place in known]
            for place in self._repeats.seen([str(text) for text in named]):
                texts[known[place]] = ""
                self._apart[len(self._lines) + known[place]] = Aside.REPEAT
        self._size += sum(map(len, texts)) + len(texts)
        self._lines += texts
        yield from self._full()

    def rows(self, rows: Sequence[Row]) -> Iterator[Block]:
        """Rows of named values, under all the names there have been in this input."""
        yield from self._turn(rows=True)
        known = len(self._keys)
        for keys in {tuple(row): None for row in rows}:
            self._keys.update((key, None) for key in keys if not key.startswith("@"))
        if len(self._keys) > known:
            yield from self._block(tuple(self._keys)[:known])
        lines = _lines(rows, tuple(self._keys))
        for place, text in enumerate(lines):
            # It would be taken for a header, and set the layout of the rows behind it.
            if _NAMES.fullmatch(text):
                self._apart[len(self._lines) + place] = Fault(
                    Reason.BAD_VALUE, "nothing but names", text[:KEPT_TEXT], len(text.encode())
                )
                lines[place] = ""
        self._size += sum(map(len, lines)) + len(lines)
        self._lines += lines
        yield from self._full()

    def aside(self, what: Apart) -> None:
        """A unit that is no line."""
        self._apart[len(self._lines)] = what
        self._lines.append("")

    def fault(self, detail: str, text: bytes, length: int | None = None) -> None:
        """A unit that can't be a record, by its text."""
        kept = text[:KEPT_TEXT].decode("utf-8", "backslashreplace")
        size = len(text) if length is None else length
        self.aside(Fault(Reason.BAD_VALUE, detail, kept, size))

    def end(self) -> Iterator[Block]:
        """The last block."""
        yield from self._block(tuple(self._keys))

    def _turn(self, *, rows: bool) -> Iterator[Block]:
        if rows != self._rows:
            yield from self._block(tuple(self._keys))
            self._rows = rows

    def _full(self) -> Iterator[Block]:
        if self._size >= BLOCK:
            yield from self._block(tuple(self._keys))

    def _block(self, keys: tuple[str, ...]) -> Iterator[Block]:
        if not self._lines:
            return
        text = "\n".join(self._lines)
        if text.count("\n") >= len(self._lines):
            text = "\n".join(one.rstrip("\r\n").replace("\n", "\v") for one in self._lines)
        yield Block(_encoded(text + "\n"), {}, self._apart, layout(keys) if self._rows else None)
        self._lines, self._apart, self._size = [], {}, 0


def _encoded(text: str) -> bytes:
    for errors in ("strict", "surrogateescape"):
        try:
            return text.encode("utf-8", errors)
        except UnicodeEncodeError:
            continue
    return text.encode("utf-8", "surrogatepass")


def _lines(rows: Sequence[Row], keys: tuple[str, ...]) -> list[str]:
    if len(keys) < 2:
        return [line(row.get(key) for key in keys) for row in rows]
    values = itemgetter(*keys)
    form = " ".join(["%s"] * len(keys))
    blanks = len(keys) - 1
    lines = []
    for row in rows:
        try:
            found = values(row)
        except KeyError:
            found = tuple(map(row.get, keys))
        text = form % found
        odd = text.count(" ") != blanks or not text.isprintable() or "  " in text
        if odd or text[0] == " " or text[-1] == " " or float in map(type, found):
            text = line(found)
        lines.append(text)
    return lines
