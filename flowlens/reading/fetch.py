"""Fetching: from sources to buffers of decompressed lines, before anything is parsed.

Small files are fetched in groups and joined by layout, for the files that AWS delivers are many
and small.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from flowlens.inputs.find import Source
from flowlens.reading.blocks import (
    MOST_LINES,
    Block,
    NoLayoutError,
    beginning,
    has_short_lines,
)
from flowlens.reading.decompress import BLOCK, Inflated, inflate, opened
from flowlens.reading.envelopes.detect import HEAD, LINES, is_lines, without_mark
from flowlens.reading.envelopes.detect import opened as envelope
from flowlens.records.buffers import Buffer, Joined
from flowlens.records.fields import EXPORT_TIME, STREAM
from flowlens.records.layouts import DuplicateFieldError, Layout, Origin

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

_STAMPED = {(EXPORT_TIME,): "export lines", (EXPORT_TIME, STREAM): "lines of aws logs tail"}


@dataclass(slots=True)
class Note:
    """What was learned of a source beside its lines."""

    source: int
    layout: Layout | None = None
    compression: str = ""
    envelope: str = ""
    aside: Counter[str] = field(default_factory=Counter)
    broken: str = ""
    unreadable: str = ""
    failed: bool = False

    @property
    def form(self) -> str:
        """The envelope by its name; lines with a time before each are an export's."""
        before = self.layout.before if self.layout else ()
        return self.envelope.replace(LINES, _STAMPED[before], 1) if before else self.envelope

    def refuse(self, error: Exception) -> None:
        """Say why the source can't be read, or, where a layout was found already, not on."""
        self.failed = isinstance(error, OSError)
        text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        if self.layout is not None:
            self.broken = text
        else:
            self.unreadable = text


@dataclass(slots=True)
class Fetched:
    """Some of a group: buffers to parse, and what was learned of the sources.

    `too_large` are small files that expand too far or hold lines of several kinds; `done` counts
    bytes on disk.
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
    joined: dict[tuple[tuple[str, ...], Origin | None], Joined] = {}
    for index, source in group:
        note = Note(index)
        try:
            block = _fetched(source, note, given or source.layout)
            if block is None:
                portion.too_large.append((index, source))
                continue
            portion.done += source.size or 0
            layout, skip = block.layout, 0
            if layout is None:
                layout, skip = beginning(block.text, given or source.layout)
            note.layout = layout
        except REFUSED as error:
            note.refuse(error)
            portion.notes.append(note)
            continue
        portion.notes.append(note)
        form = layout.columns, layout.origin if layout.named else None
        joined.setdefault(form, Joined(layout)).add(index, block.text, skip, block.apart)
        parts = joined.values()
        if (
            sum(part.size for part in parts) >= BLOCK
            or sum(part.lines for part in parts) >= MOST_LINES
        ):
            portion.buffers = [part.buffer() for part in joined.values()]
            yield portion
            portion, joined = Fetched(), {}
    portion.buffers = [part.buffer() for part in joined.values()]
    yield portion


def _fetched(source: Source, note: Note, given: Layout | None) -> Block | None:
    """A small file's lines, or None if it has too many or of too many kinds to be read at once."""
    parts: list[bytes] = []
    size = 0
    with opened(source) as file:
        inflated = inflate(file)
        for piece in inflated.pieces:
            parts.append(piece)
            size += len(piece)
            if size > SMALL_MOST:
                return None
    text = parts[0] if len(parts) == 1 else b"".join(parts)
    note.compression, note.broken = inflated.compression, inflated.broken
    text = without_mark(text)
    if has_short_lines(text):
        return None
    if is_lines(text[:HEAD], given):
        note.envelope = LINES
        return Block(text[: text.rfind(b"\n") + 1] if inflated.broken else text, {})
    content = envelope(Inflated("", iter([text]), inflated.broken), given)
    block = next(content.blocks, Block(b"", {}))
    if block.keyed or next(content.blocks, None) is not None:
        return None
    note.envelope, note.aside = content.envelope, content.aside
    note.broken = note.broken or content.broken
    return block


def threads() -> int:
    """How many threads read: one for each processor we may use, and at least two."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(2, len(affinity(0)) if affinity else os.cpu_count() or 2)
