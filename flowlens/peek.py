"""A look at the sources' headers before they are read: which fields do they have?"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from flowlens.fields import fields
from flowlens.inflate import inflate, opened
from flowlens.layouts import DuplicateFieldError, Layout, from_header
from flowlens.sources import Source

_PEEK = 65_536

TOGETHER = 64
"""Sources whose beginnings are brought near at the same time, where they lie elsewhere."""


def unknown_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns of the sources' headers that the field table lacks, sorted."""
    known = fields()
    return tuple(name for name in header_columns(sources, given) if name not in known)


def header_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns that stand in the first line of some source, or in the layout given; sorted.

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
            with suppress(OSError, DuplicateFieldError):
                header = from_header(_first_line(source))
                found.update(header.columns if header else ())
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


def _first_line(source: Source) -> str:
    if source.is_stdin:
        pieces = inflate(io.BytesIO(_peeked())).pieces
    elif source.size is None:
        return ""
    else:
        with opened(source) as file:
            pieces = iter([next(iter(inflate(file).pieces), b"")])
    return next(pieces, b"").split(b"\n", 1)[0].decode("utf-8", "replace")
