"""What holds of every input, however it is broken; and how a fuzzer is started."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import atheris

from flowlens.core.counts import Counts
from flowlens.reading.blocks import Block, beginning
from flowlens.reading.envelopes.detect import Opened
from flowlens.reading.fetch import REFUSED
from flowlens.records.buffers import Buffer, Fault, Segment
from flowlens.records.layouts import Layout
from flowlens.records.parser import Parsed, Wanted, parse

COLUMNS = ("interface_id", "srcaddr", "dstaddr", "dstport", "bytes", "start_time", "end_time")
"""Enough to see each kind of value; every column of a line is checked in any case."""

_ONE_IN = 8
"""Inputs of which one is parsed too: that takes ten times as long as opening its envelope."""


@dataclass
class Outcome:
    """What a content gave: its units, its counts where it was parsed, and why it was refused."""

    units: list[tuple[str, ...]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    refused: str = ""
    broken: str = ""

    @property
    def damaged(self) -> bool:
        """Whether some of it could not be told apart, so that what is found next may vary."""
        return bool(("broken",) in self.units or self.refused or self.broken)


def outcome(opening: Callable[[], Opened]) -> Outcome:
    """Read a content as `reader` reads a large source, and hold it to what must be so."""
    found = Outcome()
    layout: Layout | None = None
    try:
        content = opening()
        for block in content.blocks:
            check(block)
            found.units += _units(block)
            if crc32(block.text) % _ONE_IN == 0:
                parsed, headers = _parsed(block, layout)
                found.counts.add(accounted(parsed, len(lines(block.text)), headers))
                layout = parsed.layouts[-1]
        found.broken = content.broken
        assert "\n" not in content.envelope
    except REFUSED as error:
        found.refused = one_line(error)
    assert "\n" not in found.broken
    assert found.counts.adds_up, found.counts
    return found


def _parsed(block: Block, layout: Layout | None) -> tuple[Parsed, int]:
    """A block's table and tally, and how many headers were taken off before."""
    skip = 0
    layout = block.layout or layout
    if layout is None:
        layout, skip = beginning(block.messages(), None)
        skip = 0 if block.keyed else skip
    headers = int(skip > 0)
    buffer = Buffer(
        layout,
        block.text[skip:],
        (Segment(0, None, headers),),
        {line - headers: cut for line, cut in block.dropped.items()},
        {line - headers: what for line, what in block.apart.items()},
        block.keyed,
    )
    return parse(buffer, Wanted(COLUMNS)), headers


def accounted(parsed: Parsed, number: int, headers: int) -> Counts:
    """The counts of what was parsed, which are those of so many lines, and of its rows."""
    (tally,) = parsed.tallies
    counts = tally.counts
    parsed.table.validate(full=True)
    assert counts.adds_up, counts
    assert counts.records == parsed.table.num_rows
    assert counts.lines == number
    assert counts.headers >= headers
    assert all(
        getattr(counts, name) >= 0 for name in ("ok", "nodata", "skipdata", "blanks", "malformed")
    ), counts
    places = [fault.line for fault in tally.malformed]
    assert places == sorted(places)
    assert len(places) == counts.malformed
    assert all(headers < place <= number for place in places)
    assert all("\n" not in fault.detail for fault in tally.malformed)
    return counts


def check(block: Block) -> None:
    """Whether what a block says of its lines can be so."""
    texts = lines(block.text)
    assert texts
    assert all(0 <= index < len(texts) for index in (*block.apart, *block.dropped))
    assert not any(texts[index] for index in block.apart)


def _units(block: Block) -> list[tuple[str, ...]]:
    """What each unit of a block is, apart from nulls that fill it up to the block's columns."""
    units: list[tuple[str, ...]] = []
    for place, text in enumerate(lines(block.text)):
        what = block.apart.get(place)
        if isinstance(what, Fault):
            units.append(("broken" if what.detail.startswith("broken") else "fault",))
        elif what is not None:
            units.append((what.name,))
        else:
            tokens = text.decode("utf-8", "surrogateescape").split(" ")
            if block.layout or (block.keyed and place in block.keyed.places):
                tokens = ["-" if token == "None" else token for token in tokens]
                while tokens and tokens[-1] == "-":
                    tokens.pop()
            units.append(("", *tokens))
    return units


def one_line(error: Exception) -> str:
    """What an error says: that must be one line."""
    text = str(error)
    assert len(text.splitlines()) == 1, text
    return text


def lines(text: bytes) -> list[bytes]:
    """The lines of a text whose last may lack its newline."""
    return text.removesuffix(b"\n").split(b"\n") if text else []


def run(target: Callable[[bytes], None], seeds: Iterable[bytes]) -> None:
    """Fuzz until libFuzzer's options say to stop; seeds go into the corpus directory, if given."""
    corpus = next((Path(name) for name in sys.argv[1:] if not name.startswith("-")), None)
    if corpus is not None and not corpus.is_file():
        corpus.mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
