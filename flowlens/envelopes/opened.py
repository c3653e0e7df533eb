"""Opening a source's envelope: which one it is, told by how the content begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from flowlens.blocks import Block, blocks
from flowlens.envelopes import delimited
from flowlens.envelopes.events import Events
from flowlens.envelopes.packed import DEEPEST, TooDeepError, packing, payload, unpacked
from flowlens.envelopes.values import Values
from flowlens.inflate import Inflated

HEAD = 1 << 16
"""Bytes that show what a source is."""

_JSON = (b"{", b"[")
_BLANKS = 4096
"""Blank bytes that may stand before JSON."""

LINES = "lines"


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


def is_lines(head: bytes) -> bool:
    """Whether content that begins so is nothing but lines."""
    return not (packing(head) or _start(head) in _JSON or delimited.header(_first(head)))


def opened(inflated: Inflated) -> Opened:
    """Open the envelope of a source.

    Raises:
        NoLayoutError: it is packed in itself too often, or holds JSON of something else (this also
            while the blocks are taken).
    """
    content = Opened()
    pieces, innermost = inflated.pieces, inflated
    content._breaks.append(lambda: inflated.broken)
    head, pieces = _looked(pieces)
    while form := packing(head):
        if len(content._layers) == DEEPEST:
            raise TooDeepError
        innermost = unpacked(form, pieces)
        content._layers.append(form)
        content._breaks.append(lambda inner=innermost: inner.broken)  # type: ignore[misc]
        head, pieces = _looked(innermost.pieces)
    if _start(head) in _JSON:
        values = Values(pieces)
        events = Events(values, payload)
        content._breaks.append(lambda: values.broken)
        content.blocks, content.aside, content._kinds = events.blocks(), events.aside, events.kinds
    elif heading := delimited.header(_first(head)):
        rows = delimited.Delimited(heading)
        content._kinds[rows.kind] = None
        content.blocks = rows.blocks(pieces)
    else:
        content.blocks = blocks(pieces, whole=lambda: not content.broken)
    return content


def _start(head: bytes) -> bytes:
    return head[:_BLANKS].lstrip()[:1]


def _first(head: bytes) -> bytes:
    end = head.find(b"\n")
    return head if end < 0 else head[:end]


def _looked(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of a content, without a byte order mark, and the content again."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD or b"\n" in head:
            break
    head = without_mark(head)
    return head, chain([head], pieces)


def without_mark(text: bytes) -> bytes:
    """The text without a UTF-8 byte order mark."""
    return text.removeprefix(b"\xef\xbb\xbf")
