"""Buffers: whole lines of one layout, from one source or from many small ones joined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flowlens.records.layouts import Layout


class Aside(StrEnum):
    """What a unit of an envelope can be beside a line, by the name of its count."""

    HEADER = "headers"
    BLANK = "blanks"
    REPEAT = "repeats"


@dataclass(frozen=True, slots=True)
class Fault:
    """A unit that can't be a record: the reason's code, what shows it, its text and its length."""

    reason: str
    detail: str
    text: str
    length: int


Apart = Aside | Fault
"""What a blank line stands for, where the envelope knows it."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """Lines that an envelope has written from named values: their layout, and their indexes."""

    layout: Layout
    places: list[int]


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

    `dropped` maps a line's index to the bytes that were cut off its end for its length; `apart` a
    blank line's to what it stands for; `keyed` lines stand under a layout of their own.
    """

    layout: Layout
    text: bytes
    segments: tuple[Segment, ...]
    dropped: Mapping[int, int] = field(default_factory=dict)
    apart: Mapping[int, Apart] = field(default_factory=dict)
    keyed: Keyed | None = None


@dataclass(slots=True)
class Joined:
    """Small sources of one layout, in the making of a buffer; `size` is in bytes."""

    layout: Layout
    parts: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    apart: dict[int, Apart] = field(default_factory=dict)
    size: int = 0
    lines: int = 0

    def add(
        self, source: int, text: bytes, skip: int, apart: Mapping[int, Apart] | None = None
    ) -> None:
        """Append a source's text without the `skip` bytes of its header line."""
        lines = text[skip:] if skip else text
        if lines and not lines.endswith(b"\n"):
            lines += b"\n"
        self.parts.append(lines)
        number = lines.count(b"\n")
        self.segments.append(Segment(source, number, int(skip > 0)))
        for index, what in (apart or {}).items():
            self.apart[self.lines + index - int(skip > 0)] = what
        self.size += len(lines)
        self.lines += number

    def buffer(self) -> Buffer:
        """The buffer of what was added."""
        text = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        return Buffer(self.layout, text, tuple(self.segments), {}, self.apart)
