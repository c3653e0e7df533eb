"""Messages with tabs between them: what the AWS CLI prints of a list of texts as text.

Source: AWS CLI user guide, "Text output format": `--query 'events[].message' --output text` is a
line for each page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowlens.reading.blocks import PROOF_LINES
from flowlens.records.layouts import DEFAULT, TRANSIT_GATEWAY, Layout
from flowlens.records.validate import Record, judge

MESSAGES = "messages with tabs between"

_CELLS = 20
"""Cells of a line that are looked at."""


def has_tabs_between(head: bytes, given: Layout | None) -> bool:
    """Whether in content that begins so tabs stand between records, and not within them.

    >>> has_tabs_between(b"192.0.2.1 22\\t192.0.2.2 23\\n", Layout(("srcaddr", "dstport")))
    True
    >>> has_tabs_between(b"192.0.2.1\\t22\\n", Layout(("srcaddr", "dstport")))
    False
    """
    if b"\t" not in head:
        return False
    layouts = [given] if given else [DEFAULT, TRANSIT_GATEWAY]
    return any(
        _holds_several(line, layouts) for line in head.split(b"\n", PROOF_LINES)[:PROOF_LINES]
    )


def _holds_several(line: bytes, layouts: list[Layout]) -> bool:
    cells = [
        cell.decode("utf-8", "surrogateescape").strip()
        for cell in line.split(b"\t", _CELLS)[:_CELLS]
        if cell.strip()
    ]
    return (
        len(cells) > 1
        and all(" " in cell for cell in cells)
        and any(isinstance(judge(cell, layout), Record) for cell in cells for layout in layouts)
    )


def by_line(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The messages a line each."""
    return (piece.replace(b"\t", b"\n") for piece in pieces)
