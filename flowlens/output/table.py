"""A plain text table: two blanks between columns, amounts to the right, no lines to wade through.

Widths are display widths: wide characters count two, combining ones none.
"""

from __future__ import annotations

from dataclasses import replace

from flowlens.core import escape
from flowlens.output.preview import Column, Preview

_GAP = "  "
_NARROWEST = 16  # keeps an IPv4 address whole and an ENI recognisable


def table_text(rows: Preview, *, width: int | None) -> str:
    """The table with its header, and beneath it what is not shown.

    `width` is the terminal's; None is a pipe or a file and cuts nothing. On a terminal, long
    text is shortened with an ellipsis; what still doesn't fit is left off on the right, and named.
    """
    from rich.cells import cell_len

    columns = [_escaped(column) for column in rows.columns]
    widths = [max(map(cell_len, [column.name, *column.cells])) for column in columns]
    kept = len(columns)
    if width is not None:
        shortest = [_shortest(c, w) for c, w in zip(columns, widths, strict=True)]
        while kept > 1 and _line_width(shortest[:kept]) > width:
            kept -= 1
        widths = _squeezed(widths[:kept], shortest[:kept], width)
    padded = [_padded(c, w) for c, w in zip(columns[:kept], widths[:kept], strict=True)]
    lines = [_GAP.join(cells).rstrip() for cells in zip(*padded, strict=True)]
    if rows.cut:
        lines.append(rows.cut)
    if kept < len(columns):
        names = ", ".join(column.name for column in columns[kept:])
        lines.append(_shortened(f"no room for {names}", width or 0))
    return "\n".join(lines) + "\n"


def _escaped(column: Column) -> Column:
    cells = [escape.terminal(cell) for cell in column.cells]
    return replace(column, name=escape.terminal(column.name), cells=cells)


def _line_width(widths: list[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _shortest(column: Column, width: int) -> int:
    """How narrow the column may get: numbers and times not at all, text not below readable."""
    return width if column.firm else min(width, _NARROWEST)


def _squeezed(widths: list[int], shortest: list[int], width: int) -> list[int]:
    """The widths, the widest texts narrowed first, until the line fits or nothing gives.

    >>> _squeezed([10, 60, 30], [10, 16, 16], 64)
    [10, 25, 25]
    """
    result = list(widths)
    while (over := _line_width(result) - width) > 0:
        loose = [i for i, least in enumerate(shortest) if result[i] > least]
        if not loose:
            break
        widest = max(result[i] for i in loose)
        among = [i for i in loose if result[i] == widest]
        floor = max((result[i] for i in loose if result[i] < widest), default=0)
        step = max(1, min(widest - floor, over // len(among)))
        for i in among:
            result[i] = max(shortest[i], result[i] - step)
    return result


def _padded(column: Column, width: int) -> list[str]:
    """Header and cells at exactly `width`."""
    from rich.cells import cell_len

    result = []
    for text in (column.name, *column.cells):
        short = _shortened(text, width)
        blanks = " " * (width - cell_len(short))
        result.append(blanks + short if column.number else short + blanks)
    return result


def _shortened(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"
