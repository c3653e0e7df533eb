"""JSON values from a stream of any length: objects one after another, or elements of an array.

A stretch of many values is cut off where a value may end, and decoded at once. A cut inside a
string or a nested value can't be decoded, so a stretch that can be was cut rightly; where none can,
values are taken one by one. Nothing but the current stretch is held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flowlens.core.counts import KEPT_TEXT
from flowlens.reading.decompress import BLOCK

LARGEST = 8 * BLOCK
"""A single value that is longer can't be read; bytes."""


class Event(msgspec.Struct, gc=False):
    """What counts of a CloudWatch event: its text, and its id in either spelling."""

    message: str | None = None
    eventId: str | None = None  # noqa: N815
    id: str | None = None


class Pair(msgspec.Struct, gc=False):
    """A value of a row of Logs Insights, and its name."""

    field: str
    value: str | None = None


class Document(Event, gc=False):
    """What counts of an object at the top: an event itself, or a page or payload of them."""

    messageType: str | None = None  # noqa: N815
    events: list[Event] | None = None
    logEvents: list[Event] | None = None  # noqa: N815
    results: list[list[Pair]] | None = None

    @property
    def is_known(self) -> bool:
        """Whether it has one of the shapes that are read typed."""
        parts = (self.message, self.events, self.logEvents, self.results)
        return any(part is not None for part in parts)


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch that is no JSON: its text, as far as it is kept, and its length in bytes."""

    text: bytes
    length: int


Batch = list[Document] | list[Event] | list[list[Pair]] | list[Any] | Damage
"""Values in a row: typed where all are of one kind, else as plain Python values."""

ARRAYS = frozenset(("events", "logEvents", "results", "Records", "records"))
"""Keys whose array is read element by element, however long it is."""


def _number(text: str) -> int | float:
    """A number with a point or an exponent; a whole one is an integer."""
    number = float(text)
    return int(number) if number.is_integer() else number


_DOCUMENTS = msgspec.json.Decoder(list[Document])
_ELEMENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "events": msgspec.json.Decoder(list[Event]),
    "logEvents": msgspec.json.Decoder(list[Event]),
    "results": msgspec.json.Decoder(list[list[Pair]]),
}
_ANYTHING = msgspec.json.Decoder(list[Any], float_hook=_number)

_BETWEEN = re.compile(rb"\}\s*\{")
"""In valid JSON only between values at the top, or in a string."""
_BETWEEN_ELEMENTS = {
    b"{": re.compile(rb"(?<=\})\s*,\s*(?=\{)"),
    b"[": re.compile(rb"(?<=\])\s*,\s*(?=\[)"),
    b'"': re.compile(rb'(?<=")\s*,\s*(?=")'),
}
_RESUME = re.compile(rb"[}\n][\s,]*+")
"""After damage, what the next value may stand behind; taken whole, so that each is seen once."""
_RESUME_TEXT = re.compile(rb"[,\n][\s,]*+")
"""The same in an array of texts."""
_BROKEN = "the JSON breaks off"
_TAIL = 1 << 16
_COMMA = b"},\n{"
_AROUND = 9
_ATTEMPTS = 6
"""Failed cuts in what is held, after which its values are taken one by one."""
_WINDOW = 1 << 15
"""Values that are shorter are looked at in a part of what is held; bytes."""
_TOP = b"}"
_NEAR_END = 8
"""A literal or an escape that is not whole ends so many characters before the end, at most."""
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_scan = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
"""Finds ends alone: numbers may have more digits than Python reads."""


@dataclass(slots=True)
class Values:
    """The values of a stream; after the last, `broken` says how it broke off, if it did.

    Stretches of about `size` bytes are held. Objects that were longer have `passed` with nothing
    given but the elements of arrays that they may have had.
    """

    pieces: Iterable[bytes]
    size: int = BLOCK
    broken: str = ""
    passed: bool = False
    _text: _Text = field(init=False)
    _typed: bool = True

    def __iter__(self) -> Iterator[Batch]:
        """Batches of values, in order."""
        self._text = _Text(iter(self.pieces), self.size)
        while self._text.more():
            yield from self._top()

    def _top(self) -> Iterator[Batch]:
        text = self._text
        if text.peek() == b"[":
            text.at += 1
            yield from self._array("")
            return
        if text.peek() != b"{":
            yield from self._damaged()
            return
        for end, stretch in text.documents():
            found = _documents(stretch, typed=self._typed)
            if found is not None:
                text.at = end
                self._typed = isinstance(found[0], Document)
                yield found
                return
            text.failed += 1
        whole = None
        if text.ended or text.failed:
            whole = text.whole_value(2 * self.size)
        elif text.at:
            text.fill(self.size)
            return
        if whole is None:
            yield from self._object()
            return
        stretch = text.buffer[text.at : whole]
        text.at = whole
        yield _whole(stretch)

    def _object(self) -> Iterator[Batch]:
        """An object that is longer than what is held, or broken: its arrays by their elements."""
        text = self._text
        text.mark, text.at = text.at, text.at + 1
        while text.more() and text.peek() != b"}":
            key = text.key()
            if key in ARRAYS and text.peek() == b"[":
                text.mark, text.at = None, text.at + 1
                yield from self._array(key)
                continue
            end = None if key is None else text.whole_value()
            if end is None:
                break
            text.at = end
        start, text.mark = text.mark, None
        if text.peek() == b"}":
            text.at += 1
            if start is not None:
                yield _whole(text.buffer[start : text.at])
            else:
                self.passed = True
            return
        if start is not None:
            # Not from here on: the next object may have been taken for a value of this one.
            text.short, text.at = False, start
        yield from self._damaged()

    def _array(self, key: str) -> Iterator[Batch]:
        """The elements of an array, whose bracket has been passed, to its end."""
        text = self._text
        among_texts = text.more() and text.peek() == b'"'
        while text.more():
            if text.peek() == b"]":
                text.at += 1
                return
            found = self._some(key)
            if found:
                yield found
            else:
                yield from self._damaged(among_texts=among_texts)
        self.broken = self.broken or _BROKEN

    def _some(self, key: str) -> Batch | None:
        """As many elements as are held, or one."""
        text = self._text
        for end in text.elements():
            found = _elements(text.buffer[text.at : end], key)
            if found:
                text.at = end
                return found
            text.failed += 1
        whole = text.whole_value()
        if whole is None:
            return None
        start, text.at = text.at, whole
        return _elements(text.buffer[start:whole], key)

    def _damaged(self, *, among_texts: bool = False) -> Iterator[Batch]:
        """Pass over what is no JSON, to where a value may begin again."""
        text = self._text
        if text.ended and (text.short or not text.peek()):
            self.broken, text.at = _BROKEN, len(text.buffer)
            return
        kept, length, found = b"", 0, False
        while not found:
            end, may_resume = text.resumption(among_texts=among_texts)
            kept = (kept + text.buffer[text.at : end])[:KEPT_TEXT]
            length += end - text.at
            text.at = end
            if may_resume:
                if not text.more():
                    break
                found = text.peek() == (b'"' if among_texts else b"{")
            elif text.ended:
                break
            else:
                # Not `more`, which would go past the line end that the next value stands behind.
                text.fill(self.size)
        if found or not kept.lstrip().startswith((b"{", b"[", b'"')):
            yield Damage(kept.strip(), length)
        else:
            self.broken = self.broken or _BROKEN


@dataclass(slots=True)
class _Text:
    """The part of a stream that is held, from `at` on.

    From `mark` on where it is set. `failed` counts cuts that could not be decoded; `uncut` holds
    what has been looked for in vain to cut behind; `short` says that the value last looked at goes
    on beyond what is held.
    """

    pieces: Iterator[bytes]
    size: int
    buffer: bytes = b""
    at: int = 0
    mark: int | None = None
    ended: bool = False
    failed: int = 0
    uncut: bytes = b""
    short: bool = False
    _latin: str = ""
    _part: str = ""
    _part_at: int = 0

    def more(self) -> bool:
        """Go on to the next thing that is no blank and no comma; false at the end."""
        if len(self.buffer) - self.at < min(_TAIL, self.size) and not self.ended:
            self.fill(self.size)
        while True:
            while self.buffer[self.at : self.at + 1] in (b" ", b"\t", b"\r", b"\n", b","):
                self.at += 1
            if self.at < len(self.buffer):
                return True
            if self.ended:
                return False
            self.fill(self.size)

    def fill(self, size: int) -> None:
        """Hold at least `size` bytes from `at` on, if there are as many."""
        if self.mark is not None and self.at - self.mark > LARGEST:
            self.mark = None
        start = self.at if self.mark is None else self.mark
        parts = [self.buffer[start:]]
        held = len(self.buffer) - self.at
        while held < size:
            piece = next(self.pieces, None)
            if piece is None:
                self.ended = True
                break
            parts.append(piece)
            held += len(piece)
        self.buffer, self.at = b"".join(parts), self.at - start
        self.mark = None if self.mark is None else 0
        self.failed, self.uncut, self._latin, self._part = 0, b"", "", ""

    def peek(self) -> bytes:
        return self.buffer[self.at : self.at + 1]

    def documents(self) -> Iterator[tuple[int, bytes]]:
        """Where the values held at the top may end, and their text with commas between them.

        A line end can't stand in a string, so a comma put into one shows when it is decoded.
        """
        if self.failed >= _ATTEMPTS:
            return
        ends = [len(self.buffer)] if self.ended else []
        first = None if _TOP in self.uncut else _BETWEEN.search(self.buffer, self.at)
        if first is None:
            self.uncut += _TOP
        else:
            # With what stands around it, it is rare, and found many times as fast.
            around = self.buffer[first.start() - 1 : first.end() + _AROUND]
            end = ends[0] if ends else self.buffer.rindex(around) + 2
            comma = around[:1] + _COMMA + around[1 + len(first.group()) :]
            yield end, self.buffer[self.at : end].replace(around, comma)
            *_, last = _BETWEEN.finditer(self.buffer, self.at)
            ends.append(last.start() + 1)
        for end in ends:
            if self.failed < _ATTEMPTS:
                yield end, _BETWEEN.sub(_COMMA, self.buffer[self.at : end])

    def elements(self) -> Iterator[int]:
        """Where the elements of an array that are held may end."""
        between = _BETWEEN_ELEMENTS.get(self.peek())
        if between is None or self.failed >= _ATTEMPTS:
            return
        if self.ended:
            end = len(self.buffer)
            for _ in range(_ATTEMPTS // 2):
                end = self.buffer.rfind(b"]", self.at, end)
                if end < 0:
                    break
                yield end
        kind = self.peek()
        if kind in self.uncut:
            return
        for start in (max(self.at, len(self.buffer) - _TAIL), self.at):
            ends = [last.start() for last in between.finditer(self.buffer, start)]
            if ends:
                yield ends[-1]
                return
        self.uncut += kind

    def resumption(self, *, among_texts: bool) -> tuple[int, bool]:
        """Where damage may end at the soonest, and whether a value that is there may be read."""
        behind, opening = (_RESUME_TEXT, b'"') if among_texts else (_RESUME, b"{")
        for run in behind.finditer(self.buffer, self.at):
            if run.end() == len(self.buffer) or self.buffer.startswith(opening, run.end()):
                return run.end(), True
        return len(self.buffer), False

    def value(self, start: int) -> int | None:
        """Where the value ends that begins at `start`; None if it is broken or not held whole."""
        # One character a byte: the structure of JSON is ASCII, so positions stay what they are.
        # An error counts the lines above it, so there must not be all that is held above it.
        held = self._part_at + len(self._part)
        if start < self._part_at or (start > held - _WINDOW and held < len(self.buffer)):
            self._part_at = start
            self._part = self.buffer[start : start + 2 * _WINDOW].decode("latin-1")
            held = start + len(self._part)
        at, end = self._part_at, self._end(self._part, start - self._part_at)
        if self.short and held < len(self.buffer):
            self._latin = self._latin or self.buffer.decode("latin-1")
            at, end = 0, self._end(self._latin, start)
        if end is not None and self.ended:
            self.short = False
        return None if end is None or self.short else at + end

    def _end(self, text: str, start: int) -> int | None:
        """Where in a text the value ends that begins at `start`; `short` if it may go on behind."""
        try:
            _, end = _scan(text, start)
        except json.JSONDecodeError as error:
            near = error.pos >= len(text) - _NEAR_END
            self.short = near or error.msg.startswith("Unterminated string")
            return None
        except RecursionError:
            self.short = False
            return None
        self.short = text[end - 1] not in '}]"' and end == len(text)
        return int(end)

    def whole_value(self, most: int = LARGEST) -> int | None:
        """Where the value at `at` ends, holding up to `most` bytes of the stream to see it."""
        while True:
            end = self.value(self.at)
            whole = end is not None or self.ended or not self.short
            if whole or len(self.buffer) - self.at >= most:
                return end
            self.fill(2 * max(len(self.buffer) - self.at, self.size))

    def key(self) -> str | None:
        """The key at `at`, and go on to its value; None if there is none."""
        if self.peek() != b'"':
            return None
        end = self.whole_value()
        if end is None:
            return None
        key, self.at = self.buffer[self.at + 1 : end - 1].decode("latin-1"), end
        if not self.more() or self.peek() != b":":
            return None
        self.at += 1
        return key if self.more() else None


def _whole(stretch: bytes) -> Batch:
    """One value at the top."""
    return _documents(stretch) or Damage(stretch[:KEPT_TEXT], len(stretch))


def _documents(stretch: bytes, *, typed: bool = True) -> list[Any] | None:
    """Values at the top; None if they are no JSON. Objects of unknown shape come as dicts.

    Where they are not expected to be `typed`, all do.
    """
    text = b"[" + stretch + b"]"
    if not typed or b'"class_uid"' in stretch:
        return anything(text)
    try:
        found = _DOCUMENTS.decode(text)
    except _FAULTS:
        return anything(text)
    if None not in [value.message for value in found]:
        return found
    pages = (value.events for value in found if value.events)
    if all(one.is_known for one in found) and not any(map(_lack_messages, pages)):
        return found
    return anything(text)


def _lack_messages(events: list[Event]) -> bool:
    return None in [event.message for event in events]


def _elements(stretch: bytes, key: str) -> Batch | None:
    """Elements of an array; None if they are no JSON."""
    text = b"[" + stretch + b"]"
    if key in _ELEMENTS:
        try:
            found: list[Any] = _ELEMENTS[key].decode(text)
        except _FAULTS:
            return anything(text)
        return anything(text) if key == "events" and _lack_messages(found) else found
    return anything(text)


def anything(text: bytes) -> list[Any] | None:
    """Any array of JSON; None if it is none."""
    try:
        return _ANYTHING.decode(text)
    except _FAULTS:
        pass
    try:
        # Lone surrogates are JSON for the standard library alone.
        readable = text.decode("utf-8", "surrogateescape")
        found: list[Any] = json.loads(readable, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return found
