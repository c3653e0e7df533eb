"""From pieces of bytes to blocks of whole lines, and what layout a source begins with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flowlens.reading.decompress import BLOCK
from flowlens.records.buffers import Apart, Keyed
from flowlens.records.layouts import (
    DEFAULT,
    TRANSIT_GATEWAY,
    DuplicateFieldError,
    Layout,
    from_header,
    stamped,
    streamed,
)
from flowlens.records.patterns import STAMP
from flowlens.records.validate import MAX_LINE, Header, Malformed, Record, bad_values, judge

PROOF_LINES = 200
"""Lines looked at to find a source's layout; later ones can't make it readable."""

MOST_LINES = 1 << 18
"""Lines in a block, about: each takes memory beside its text. Records fill one by their bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines. `dropped` maps a line's index to the bytes cut off its end for its length.

    An envelope says what stands `apart` among them, as a blank line, and under which `layout` it
    has written the others, if it knows their fields. Those of some alone are `keyed`.
    """

    text: bytes
    dropped: dict[int, int]
    apart: dict[int, Apart] = field(default_factory=dict)
    layout: Layout | None = None
    keyed: Keyed | None = None

    def messages(self) -> bytes:
        """The lines that are not keyed."""
        if self.keyed is None:
            return self.text
        keyed = set(self.keyed.places)
        lines = self.text.split(b"\n")
        return b"\n".join(line for place, line in enumerate(lines) if place not in keyed)


class NoLayoutError(Exception):
    """No layout fits a source; the message says what its beginning looks like."""


def blocks(
    pieces: Iterable[bytes], size: int = BLOCK, *, whole: Callable[[], bool] = lambda: True
) -> Iterator[Block]:
    """Cut a stream at its newlines into blocks of about `size` bytes or `MOST_LINES` lines.

    Memory stays flat whatever the lines are: of one longer than 64 KiB only that much is kept. The
    last block may end without a newline; if the stream is then not `whole`, that line is left out.
    """
    full: list[bytes] = []
    dropped: dict[int, int] = {}
    held, lines = 0, 0
    tail, cut = b"", 0
    for piece, newlines in _counted(pieces):
        first = piece.find(b"\n")
        if first < 0:
            tail, cut = _extend(tail, piece, cut)
            continue
        head, cut = _extend(tail, piece[:first], cut)
        if cut:
            dropped[sum(part.count(b"\n") for part in full)] = cut
        last = piece.rfind(b"\n")
        full += [head, piece[first : last + 1]]
        held += len(head) + last + 1 - first
        tail, cut = piece[last + 1 :], 0
        lines += newlines
        if held >= size or lines >= MOST_LINES:
            yield Block(b"".join(full), dropped)
            full, dropped, held, lines = [], {}, 0, 0
    if tail and whole():
        if cut:
            dropped[sum(part.count(b"\n") for part in full)] = cut
        full.append(tail)
    if full:
        yield Block(b"".join(full), dropped)


def _counted(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """The pieces with their numbers of newlines, of which none has more than `MOST_LINES`."""
    for piece in pieces:
        newlines, rest = piece.count(b"\n"), piece
        while newlines > MOST_LINES:
            *_, rest = piece.split(b"\n", MOST_LINES)
            yield piece[: len(piece) - len(rest)], MOST_LINES
            piece, newlines = rest, newlines - MOST_LINES
        yield rest, newlines


def has_short_lines(text: bytes) -> bool:
    """Whether a text has more lines than a block, and shorter ones than records are."""
    lines = text.count(b"\n")
    return lines > MOST_LINES and len(text) < _RECORD * lines


_RECORD = 32
"""Bytes that a line of a record hardly ever falls short of."""


def _extend(tail: bytes, more: bytes, cut: int) -> tuple[bytes, int]:
    joined = tail + more
    keep = MAX_LINE + 1
    return joined[:keep], cut + max(0, len(joined) - keep)


def beginning(text: bytes, given: Layout | None) -> tuple[Layout, int]:
    """The layout of a source by its first block, and the bytes its header line takes.

    Raises:
        NoLayoutError: no header, none given, and the values don't prove the default format.
        DuplicateFieldError: the header names a field twice.
    """
    end = text.find(b"\n") + 1 or len(text)
    header = _header(text[:end])
    if header is not None:
        return header, end
    lines = text[: PROOF_LINES * MAX_LINE].split(b"\n", PROOF_LINES)[:PROOF_LINES]
    shown = [line.decode("utf-8", "surrogateescape") for line in lines if line.strip()]
    if given is not None:
        return _before(shown, given), 0
    candidates = _candidates(shown)
    for line in shown:
        for layout in candidates:
            verdict = judge(line, layout)
            if isinstance(verdict, Record):
                return layout, 0
            if isinstance(verdict, Header):
                return verdict.layout, 0
    if not shown:
        return DEFAULT, 0
    raise NoLayoutError(_nearly(shown[0], candidates) or _look(shown[0]))


def _candidates(lines: list[str], *bases: Layout) -> list[Layout]:
    """The default formats, with what stands before each record where lines begin with a time."""
    befores = (stamped, streamed) if any(map(_STAMP.match, lines)) else (_bare,)
    return [before(base) for before in befores for base in bases or (DEFAULT, TRANSIT_GATEWAY)]


def _bare(layout: Layout) -> Layout:
    return layout


def _before(lines: list[str], given: Layout) -> Layout:
    """The layout given, with what stands before each record, as some line proves."""
    first, *others = _candidates(lines, given)
    proven = (
        layout
        for layout in (first, *others)
        if others and any(isinstance(judge(line, layout), Record) for line in lines)
    )
    return next(proven, first)


def _nearly(line: str, candidates: list[Layout]) -> str:
    """What keeps a line from being a record in a default format, if it is but a few values."""
    for layout in candidates:
        verdict = judge(line, layout)
        bad = bad_values(line, layout)
        if isinstance(verdict, Malformed) and bad and 4 * len(bad) < len(layout.columns):
            return (
                "its first line is a record in the default format but for a value: "
                f"{verdict.detail} ({verdict.reason}); "
                "if it has other fields, give them by --layout '${version} ${account-id} …'"
            )
    return ""


_STAMP = re.compile(r"\s*" + STAMP + r"[ \t]")


def _header(line: bytes) -> Layout | None:
    """The header in a source's first line, if it is one; most sources repeat the same few."""
    if line not in _SEEN:
        if len(_SEEN) > _SEEN_MOST:
            _SEEN.clear()
        _SEEN[line] = from_header(line.decode("utf-8", "replace")) if len(line) < MAX_LINE else None
    return _SEEN[line]


_SEEN: dict[bytes, Layout | None] = {}
_SEEN_MOST = 1000


def _look(line: str) -> str:
    """What a line that fits nothing looks like, in few words."""
    text = line.encode("utf-8", "surrogateescape")[:80].decode("utf-8", "replace")
    if line.startswith("PAR1"):
        return "it is Parquet; save it as a file whose name ends in .parquet, and give that"
    if line.encode("utf-8", "surrogateescape").startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16, as PowerShell writes it; save it as UTF-8"
    if "\x00" in text or text.count("\ufffd") > len(text) // 8:
        return "no flow-log layout fits: it is binary"
    return (
        f"no flow-log layout fits its first line {text!r}; "
        "give its fields by --layout '${version} ${account-id} …'"
    )


__all__ = ["Block", "DuplicateFieldError", "NoLayoutError", "beginning", "blocks"]
