"""A small HTML table, as a notebook shows a result; every value is escaped, nothing is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from flowlens.output import escape
from flowlens.output.preview import Preview


class Meaning(Protocol):
    """What a column says of itself."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def unit(self) -> str:
        """Its unit, or nothing."""

    @property
    def meaning(self) -> str:
        """What it tells."""


def html_table(rows: Preview, meanings: Sequence[Meaning] = ()) -> str:
    """A `<table>` with amounts to the right; a header tells its unit and meaning on hover."""
    known = {item.name: item for item in meanings}
    heads, alignments = [], []
    for column in rows.columns:
        item = known.get(column.name)
        tip = ", ".join(text for text in (item.meaning, item.unit) if text) if item else ""
        alignments.append("right" if column.number else "left")
        heads.append(
            f'<th style="text-align:{alignments[-1]}" title="{escape.html(tip)}">'
            f"{escape.html(column.name)}</th>"
        )
    lines = []
    for cells in zip(*(column.cells for column in rows.columns), strict=True):
        body = "".join(
            f'<td style="text-align:{side}">{escape.html(cell)}</td>'
            for side, cell in zip(alignments, cells, strict=True)
        )
        lines.append(f"<tr>{body}</tr>")
    note = f"<caption style='caption-side:bottom'>{rows.cut}</caption>" if rows.cut else ""
    table = "".join(lines)
    return f"<table>{note}<thead><tr>{''.join(heads)}</tr></thead><tbody>{table}</tbody></table>"
