"""A look at how the sources begin before they are read: which fields do they have?"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from flowlens.inputs.find import Source
from flowlens.reading.blocks import PROOF_LINES, NoLayoutError, beginning
from flowlens.reading.decompress import Inflated, inflate, opened
from flowlens.reading.envelopes.detect import is_lines, without_mark
from flowlens.reading.envelopes.detect import opened as envelope
from flowlens.records.fields import fields
from flowlens.records.layouts import DuplicateFieldError, Layout, sibling

_PEEK = 65_536
_MOST = 1 << 20
"""Bytes of a source that are looked at."""

TOGETHER = 64
"""Sources whose beginnings are brought near at the same time, where they lie elsewhere."""


def unknown_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns of the sources' headers that the field table lacks, sorted."""
    known = fields()
    return tuple(name for name in header_columns(sources, given) if name not in known)


def header_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns that the beginning of some source names, or the layout given; sorted.

    Of sources of one kind only the first is looked at, and of a live one only its layout.
    """
    found = set(given.columns) if given else set()
    telling = _telling(sources)
    while together := list(islice(telling, TOGETHER)):
        for source in together:
            if source.ahead:
                source.ahead()
        for source in together:
            found.update(source.layout.columns if source.layout else ())
            with suppress(OSError, DuplicateFieldError, NoLayoutError):
                found.update(_columns(_beginning(source), given or source.layout))
    return tuple(sorted(found))


def _telling(sources: Iterable[Source]) -> Iterator[Source]:
    """The sources that may tell something new."""
    kinds: set[str] = set()
    for source in sources:
        if source.kind not in kinds:
            yield source
        if source.kind:
            kinds.add(source.kind)


def _peeked() -> bytes:
    """What standard input begins with; it stays to be read."""
    stream = sys.stdin.buffer
    return stream.peek(_PEEK) if isinstance(stream, io.BufferedReader) else b""


def _beginning(source: Source) -> bytes:
    if source.is_stdin:
        pieces = inflate(io.BytesIO(_peeked())).pieces
    elif source.size is None:
        return b""
    else:
        with opened(source) as file:
            pieces = iter([next(iter(inflate(file).pieces), b"")])
    return without_mark(next(pieces, b""))[:_MOST]


def _columns(text: bytes, given: Layout | None) -> Iterator[str]:
    """The columns of the lines, or of the rows in an envelope."""
    if is_lines(text, given):
        yield from _of_lines(text, given)
        return
    for block in envelope(Inflated("", iter([text])), given).blocks:
        keyed = block.layout or (block.keyed and block.keyed.layout)
        yield from keyed.columns if keyed else ()
        if block.layout is None:
            yield from _of_lines(block.messages(), given)


def _of_lines(text: bytes, given: Layout | None) -> Iterator[str]:
    """The columns that a header names; of lines without one those that their values prove."""
    layout, _ = beginning(text, given)
    yield from layout.fields
    other = sibling(layout)
    lines = text.split(b"\n", PROOF_LINES)[:PROOF_LINES]
    if other and any(re.search(other.begins, line.decode("utf-8", "replace")) for line in lines):
        yield from other.layout.fields
