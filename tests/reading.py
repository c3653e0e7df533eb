"""Reading files in a test: rows, counts and malformed lines, by the ways there are."""

from __future__ import annotations

import bz2
import gzip
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlens.core.counts import Account, Counts, MalformedLine
from flowlens.inputs.find import find
from flowlens.reading.blocks import beginning, blocks
from flowlens.reading.decompress import zstd
from flowlens.reading.reader import Reading
from flowlens.records.buffers import Buffer, Segment
from flowlens.records.fields import fields
from flowlens.records.layouts import Layout
from flowlens.records.parser import Wanted, parse

ALL = tuple(fields())
DEFAULT_HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
GOOD = "2 123456789012 eni-1 192.0.2.1 10.0.0.5 40000 22 6 20 4249 1418530010 1418530070 REJECT OK"


@dataclass(frozen=True)
class Outcome:
    """What a read gave; `malformed` holds every line put aside."""

    rows: list[dict[str, Any]]
    account: Account
    malformed: list[MalformedLine]

    @property
    def counts(self) -> Counts:
        return self.account.total


def read(
    *paths: object,
    columns: tuple[str, ...] = ALL,
    literals: tuple[str, ...] = (),
    layout: Layout | None = None,
) -> Outcome:
    malformed: list[MalformedLine] = []
    reading = Reading(
        find([str(path) for path in paths]),
        Wanted(columns, literals),
        layout=layout,
        on_malformed=malformed.append,
    )
    rows = [row for table in reading for row in table.to_pylist()]
    return Outcome(rows, reading.account, malformed)


def _members(data: bytes) -> bytes:
    """Gzip members that end anywhere, in the middle of a line too, one of them empty."""
    cut = len(data) // 3
    parts = (data[:cut], b"", data[cut:])
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip members": _members,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
}


@contextmanager
def pipe(path: Path, data: bytes) -> Iterator[Path]:
    """A named pipe that gives the data once; it is read in blocks, as a large file is."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    try:
        yield path
    finally:
        writer.join()
        path.unlink()


def by_blocks(data: bytes, size: int, piece: int) -> tuple[Counts, list[tuple[int, str]]]:
    """Counts and malformed lines of a text cut into blocks of about `size` bytes."""
    layout, skip = beginning(data, None)
    counts = Counts(lines=int(skip > 0), headers=int(skip > 0))
    malformed: list[tuple[int, str]] = []
    text = data[skip:]
    pieces = (text[start : start + piece] for start in range(0, len(text), piece))
    for block in blocks(pieces, size):
        buffer = Buffer(layout, block.text, (Segment(0),), block.dropped)
        parsed = parse(buffer, Wanted(ALL))
        (tally,) = parsed.tallies
        malformed += [(counts.lines + line.line, line.reason) for line in tally.malformed]
        counts.add(tally.counts)
        layout = parsed.layouts[-1]
    return counts, malformed


def by_segments(layout: Layout, chunks: Iterable[bytes]) -> tuple[Counts, list[tuple[int, str]]]:
    """Counts and malformed lines of chunks of whole lines, each as a source of its own."""
    texts = list(chunks)
    segments = [Segment(index, text.count(b"\n")) for index, text in enumerate(texts)]
    parsed = parse(Buffer(layout, b"".join(texts), tuple(segments)), Wanted(ALL))
    counts = Counts()
    malformed: list[tuple[int, str]] = []
    for index, tally in enumerate(parsed.tallies):
        assert tally.source == index
        malformed += [(counts.lines + line.line, line.reason) for line in tally.malformed]
        counts.add(tally.counts)
    return counts, malformed


def text_lines(data: bytes) -> int:
    """How many lines a text has; the last may lack its newline."""
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
