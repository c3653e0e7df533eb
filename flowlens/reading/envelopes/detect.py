"""Opening a source's envelope: which one it is, told by how the content begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from flowlens.reading.blocks import Block, blocks
from flowlens.reading.decompress import Inflated
from flowlens.reading.envelopes import csv, printed
from flowlens.reading.envelopes.events import Events, holds_records
from flowlens.reading.envelopes.jsonstream import Values
from flowlens.reading.envelopes.packed import DEEPEST, TooDeepError, packing, payloads, unpacked
from flowlens.reading.envelopes.tabs import MESSAGES, by_line, has_tabs_between
from flowlens.records.layouts import Layout

HEAD = 1 << 16
"""Bytes that show what a source is."""

_JSON = (b"{", b"[")
_BLANKS = 4096
"""Blank bytes that may stand before JSON."""

LINES = "lines"
COLOURS, STAMPED = "colours", "lines of aws logs tail"


@dataclass(slots=True)
class Opened:
    """A source's lines, out of whatever they were wrapped in.

    After the last block `broken` says how the source broke off, if it did, and `aside` what else
    was in it, by number.
    """

    blocks: Iterator[Block] = field(default_factory=lambda: iter(()))
    aside: Counter[str] = field(default_factory=Counter)
    _layers: list[str] = field(default_factory=list)
    _kinds: dict[str, None] = field(default_factory=dict)
    _breaks: list[Callable[[], str]] = field(default_factory=list)

    @property
    def envelope(self) -> str:
        """What holds the records, as far as it has been read: `JSON, pages of events, in gzip`."""
        return " in ".join(["; ".join(self._kinds) or LINES, *reversed(self._layers)])

    @property
    def broken(self) -> str:
        """How the source broke off."""
        return next((text for said in self._breaks if (text := said())), "")


def is_lines(head: bytes, given: Layout | None = None) -> bool:
    """Whether content that begins so is nothing but lines; `given` is the layout of its records."""
    return not (
        packing(head)
        or _is_json(head, given)
        or csv.header(_first(head))
        or printed.is_coloured(head)
        or printed.is_stamped(head)
        or printed.quoted(head)
        or printed.is_table(head)
        or has_tabs_between(head, given)
    )


def opened(inflated: Inflated, given: Layout | None = None) -> Opened:
    """Open the envelope of a source, whose records have the layout `given`, if one is.

    Raises:
        NoLayoutError: it is packed in itself too often, or holds JSON of something else (this also
            while the blocks are taken).
    """
    content = Opened()
    pieces, innermost = inflated.pieces, inflated
    content._breaks.append(lambda: inflated.broken)
    head, pieces = _looked(pieces)
    while not printed.packed_lines(head) and (form := packing(head)):
        if len(content._layers) == DEEPEST:
            raise TooDeepError
        innermost = unpacked(form, pieces)
        content._layers.append(form)
        content._breaks.append(lambda inner=innermost: inner.broken)  # type: ignore[misc]
        head, pieces = _looked(innermost.pieces)
    if printed.is_coloured(head):
        content._layers.append(COLOURS)
        head, pieces = _looked(printed.plain(pieces))
    if printed.is_stamped(head):
        content._layers.append(STAMPED)
        head, pieces = _looked(printed.unstamped(head, pieces))
    values: Values | printed.Lines | None = None
    if _is_json(head, given):
        values = Values(pieces)
    elif csv.header(_first(head)) is None:
        is_table = printed.is_table(head)
        if is_table or printed.quoted(head) or printed.packed_lines(head):
            values = printed.Lines(pieces, is_table)
    if values is not None:
        events = Events(values, payloads)
        content._breaks.append(lambda: values.broken)
        content.blocks, content.aside, content._kinds = events.blocks(), events.aside, events.kinds
    elif heading := csv.header(_first(head)):
        rows = csv.Delimited(heading)
        content._kinds[rows.kind] = None
        content.blocks = rows.blocks(pieces)
    elif has_tabs_between(head, given):
        content._kinds[MESSAGES] = None
        content.blocks = blocks(by_line(pieces), whole=lambda: not content.broken)
    else:
        content.blocks = blocks(pieces, whole=lambda: not content.broken)
    return content


def _is_json(head: bytes, given: Layout | None) -> bool:
    """Whether this is JSON. Who gives a layout says that there are records in text: then it must
    hold some, and what merely begins with a bracket is a line.
    """
    return _start(head) in _JSON and (given is None or holds_records(head[:HEAD]))


def _start(head: bytes) -> bytes:
    return head[:_BLANKS].lstrip()[:1]


def _first(head: bytes) -> bytes:
    end = head.find(b"\n")
    return head if end < 0 else head[:end]


def _looked(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of a content, without a byte order mark, and the content again."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= HEAD:
            break
    head = without_mark(b"".join(parts))
    return head, chain([head], pieces)


def without_mark(text: bytes) -> bytes:
    """The text without a UTF-8 byte order mark."""
    return text.removeprefix(b"\xef\xbb\xbf")
