"""Fetching: from sources to buffers of decompressed lines, before anything is parsed.

Small files are fetched in groups and joined by layout, for the files that AWS delivers are many
and small.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from flowlens.blocks import NoLayoutError, beginning
from flowlens.buffers import Buffer, Joined
from flowlens.inflate import BLOCK, Inflated, inflate, opened
from flowlens.layouts import DuplicateFieldError, Layout
from flowlens.sources import Source

GROUP = 2 << 20
"""Bytes on disk of the small files that are fetched together."""

GROUP_FILES = 1024

SMALL = 8 << 20
"""A file that is larger on disk is read in blocks; bytes."""

SMALL_MOST = 8 * BLOCK
"""A small file that expands beyond this is read in blocks instead; bytes."""

REFUSED = (NoLayoutError, DuplicateFieldError, OSError)
"""What makes a source unreadable, or breaks it off."""

Numbered = tuple[int, Source]


@dataclass(slots=True)
class Note:
    """What was learned of a source beside its lines."""

    source: int
    layout: Layout | None = None
    compression: str = ""
    broken: str = ""
    unreadable: str = ""

    def refuse(self, error: Exception) -> None:
        """Say why the source can't be read, or, where a layout was found already, not on."""
        text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        if self.layout is not None:
            self.broken = text
        else:
            self.unreadable = text


@dataclass(slots=True)
class Fetched:
    """Some of a group: buffers to parse, and what was learned of the sources.

    `too_large` are small files that expand too far; `done` counts bytes on disk.
    """

    buffers: list[Buffer] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    too_large: list[Numbered] = field(default_factory=list)
    done: int = 0


def divided(sources: Sequence[Numbered]) -> Iterator[list[Numbered] | Numbered]:
    """Groups of small files in a row, and single large or sizeless ones between them."""
    group: list[Numbered] = []
    held = 0
    for numbered in sources:
        size = numbered[1].size
        if size is None or size > SMALL:
            if group:
                yield group
            group, held = [], 0
            yield numbered
            continue
        group.append(numbered)
        held += size
        if held > GROUP or len(group) >= GROUP_FILES:
            yield group
            group, held = [], 0
    if group:
        yield group


def fetch(group: Sequence[Numbered], given: Layout | None) -> Iterator[Fetched]:
    """Fetch a group of small files, in portions of about 8 MiB of text, joined by layout."""
    portion = Fetched()
    joined: dict[tuple[str, ...], Joined] = {}
    for index, source in group:
        note = Note(index)
        try:
            with opened(source) as file:
                inflated = inflate(file)
                text = _bounded(inflated)
            if text is None:
                portion.too_large.append((index, source))
                continue
            portion.done += source.size or 0
            text = without_mark(text)
            layout, skip = beginning(text, given)
            note.layout = layout
            note.compression, note.broken = inflated.compression, inflated.broken
        except REFUSED as error:
            note.refuse(error)
            portion.notes.append(note)
            continue
        portion.notes.append(note)
        joined.setdefault(layout.columns, Joined(layout)).add(index, text, skip)
        if sum(part.size for part in joined.values()) >= BLOCK:
            portion.buffers = [part.buffer() for part in joined.values()]
            yield portion
            portion, joined = Fetched(), {}
    portion.buffers = [part.buffer() for part in joined.values()]
    yield portion


def _bounded(inflated: Inflated) -> bytes | None:
    """A small file's whole lines, or None if it expands too far."""
    parts: list[bytes] = []
    size = 0
    for piece in inflated.pieces:
        parts.append(piece)
        size += len(piece)
        if size > SMALL_MOST:
            return None
    text = parts[0] if len(parts) == 1 else b"".join(parts)
    return text[: text.rfind(b"\n") + 1] if inflated.broken else text


def without_mark(text: bytes) -> bytes:
    """The text without a UTF-8 byte order mark."""
    return text.removeprefix(b"\xef\xbb\xbf")


def threads() -> int:
    """How many threads read: one for each processor we may use, and at least two."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(2, len(affinity(0)) if affinity else os.cpu_count() or 2)
