"""A look at the sources' headers before they are read: which fields do they have?"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from contextlib import suppress

from flowlens.fields import fields
from flowlens.inflate import inflate, opened
from flowlens.layouts import DuplicateFieldError, Layout, from_header
from flowlens.sources import Source

_PEEK = 65_536


def unknown_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns of the sources' headers that the field table lacks, sorted."""
    known = fields()
    return tuple(name for name in header_columns(sources, given) if name not in known)


def header_columns(sources: Iterable[Source], given: Layout | None) -> tuple[str, ...]:
    """Columns that stand in the first line of some source, or in the layout given; sorted."""
    found = set(given.columns) if given else set()
    for source in sources:
        with suppress(OSError, DuplicateFieldError):
            header = from_header(_first_line(source))
            found.update(header.columns if header else ())
    return tuple(sorted(found))


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
