"""Tallies: what became of the lines of each segment of a buffer, and where the malformed ones are.

A malformed line that stands there again and again is kept once, and its places are numbers in a
column: a few bytes of compressed input may hold millions of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import accumulate

import polars as pl

from flowlens.core.counts import KEPT_TEXT, Counts, MalformedLine
from flowlens.records.buffers import Apart, Aside, Buffer
from flowlens.records.validate import Malformed, Status

HEADER, BLANK, MALFORMED = "header", "blank", "malformed"
_COUNTED = {
    HEADER: "headers",
    BLANK: "blanks",
    MALFORMED: "malformed",
    Status.OK: "ok",
    Status.NODATA: "nodata",
    Status.SKIPDATA: "skipdata",
}


@dataclass(slots=True)
class Faults:
    """The malformed lines of a buffer: each text and its fault once, and the places of each."""

    _kinds: list[tuple[str, Malformed]] = field(default_factory=list)
    _places: list[pl.DataFrame] = field(default_factory=list)

    def kind(self, text: str, fault: Malformed) -> int:
        """The number of a text and its fault."""
        self._kinds.append((text, fault))
        return len(self._kinds) - 1

    def stand(self, index: pl.Series, kind: pl.Series) -> None:
        """Malformed lines by their indexes in the buffer and the numbers of their kinds."""
        columns = {"index": index.cast(pl.UInt32), "kind": kind.cast(pl.UInt32)}
        self._places.append(pl.DataFrame(columns))

    def between(self, first: int, end: int) -> pl.DataFrame:
        """Those at the indexes from `first` to before `end`, in order: index and kind."""
        places = self._ordered()
        start, stop = (int(places["index"].search_sorted(at)) for at in (first, end))
        return places.slice(start, stop - start)

    def told(self, kind: int) -> tuple[str, Malformed]:
        """The text and the fault of a number."""
        return self._kinds[kind]

    def _ordered(self) -> pl.DataFrame:
        if len(self._places) != 1:
            none = pl.DataFrame(schema={"index": pl.UInt32, "kind": pl.UInt32})
            self._places = [pl.concat([none, *self._places]).sort("index")]
        return self._places[0]


@dataclass(slots=True)
class Tally:
    """The counts of one segment, and what an envelope told of it."""

    source: int
    counts: Counts = field(default_factory=Counts)
    _above: int = 0
    """What is taken off an index in the buffer to have a line number in the segment."""
    _places: pl.DataFrame = field(default_factory=pl.DataFrame)
    _faults: Faults = field(default_factory=Faults)
    _dropped: dict[int, int] = field(default_factory=dict)
    _apart: list[MalformedLine] = field(default_factory=list)

    @property
    def malformed(self) -> Iterator[MalformedLine]:
        """The malformed lines in order; their numbers count from the segment's first line."""
        apart = sorted(self._apart, key=lambda fault: fault.line)
        return merge(self._lines(), apart, key=lambda fault: fault.line)

    def _lines(self) -> Iterator[MalformedLine]:
        for index, kind in self._places.iter_rows():
            text, fault = self._faults.told(kind)
            data = text.encode("utf-8", "surrogateescape")
            kept = data[:KEPT_TEXT].decode("utf-8", "backslashreplace")
            size = len(data) + self._dropped.get(index, 0)
            line = index - self._above
            yield MalformedLine("", line, str(fault.reason), fault.detail, kept, size)

    def _apart_at(self, line: int, what: Apart) -> None:
        """Count a blank line for what it stands for."""
        self.counts.blanks -= 1
        if isinstance(what, Aside):
            setattr(self.counts, what, getattr(self.counts, what) + 1)
            return
        self.counts.malformed += 1
        self.counts.reasons[what.reason] += 1
        fault = MalformedLine("", line, what.reason, what.detail, what.text, what.length)
        self._apart.append(fault)


def tallied(buffer: Buffer, lines: int, verdicts: pl.DataFrame, faults: Faults) -> list[Tally]:
    """Count by segment; what the verdicts don't name is a record with traffic."""
    segments = buffer.segments
    sizes = [segment.lines if segment.lines is not None else lines for segment in segments]
    starts = [0, *accumulate(sizes)]
    tallies = []
    for start, segment, size in zip(starts, segments, sizes, strict=False):
        tally = Tally(segment.source, _above=start - segment.headers - 1)
        tally.counts.lines = size + segment.headers
        tally.counts.headers = segment.headers
        tally.counts.ok = size
        tallies.append(tally)
    place = pl.Series(starts[1:], dtype=pl.UInt32).search_sorted(verdicts["index"], side="right")
    counted = verdicts.select(place.alias("place"), "status").group_by("place", "status").len()
    for index, status, number in counted.iter_rows():
        counts = tallies[index].counts
        name = _COUNTED[status]
        counts.ok -= number
        setattr(counts, name, getattr(counts, name) + number)
    for start, size, tally in zip(starts, sizes, tallies, strict=False):
        if tally.counts.malformed:
            tally._faults, tally._dropped = faults, dict(buffer.dropped)
            tally._places = faults.between(start, start + size)
            for kind, number in tally._places["kind"].value_counts().iter_rows():
                tally.counts.reasons[str(faults.told(kind)[1].reason)] += number
    for at, what in buffer.apart.items():
        index = bisect_right(starts, at) - 1
        tallies[index]._apart_at(at - tallies[index]._above, what)
    return tallies
