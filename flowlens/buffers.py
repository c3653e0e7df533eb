"""Buffers: whole lines of one layout, from one source or from many small ones joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowlens.layouts import Layout


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a buffer's lines that comes from one source.

    `lines` is None where it is all that the buffer holds. `headers` lines stood above it and have
    been taken off.
    """

    source: int
    lines: int | None = None
    headers: int = 0


@dataclass(frozen=True, slots=True)
class Buffer:
    """Whole lines of one layout, from one source or many small ones in a row.

    `dropped` maps a line's index to the bytes that were cut off its end for its length.
    """

    layout: Layout
    text: bytes
    segments: tuple[Segment, ...]
    dropped: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Joined:
    """Small sources of one layout, in the making of a buffer; `size` is in bytes."""

    layout: Layout
    parts: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    size: int = 0

    def add(self, source: int, text: bytes, skip: int) -> None:
        """Append a source without the `skip` bytes of its header line."""
        lines = text[skip:] if skip else text
        if lines and not lines.endswith(b"\n"):
            lines += b"\n"
        self.parts.append(lines)
        self.segments.append(Segment(source, lines.count(b"\n"), int(skip > 0)))
        self.size += len(lines)

    def buffer(self) -> Buffer:
        """The buffer of what was added."""
        text = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        return Buffer(self.layout, text, tuple(self.segments))
