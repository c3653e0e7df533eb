"""A table as HTML, for a notebook and for a page of its own; every value is escaped.

Nothing is loaded from anywhere. The colours are those of the text around, so it is readable on
light and on dark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Protocol

from flowlens.output import escape
from flowlens.output.preview import Column, Preview, identifiers

_MAIN = ("records", "bytes", "packets")
_PLACES = {"step", "sure"}
"""Numbers that say which and not how much."""

_LONG = 28
"""Letters from which on the whole of a cell is said on hover, for it may be cut."""

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)Z")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


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
    """A table with its style; a head has its unit, and its meaning on hover."""
    return framed(table(rows, meanings))


def html_page(rows: Preview, meanings: Sequence[Meaning] = ()) -> str:
    """A whole page with one table, that loads nothing and runs nothing."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="color-scheme" content="light dark">\n<title>flowlens</title>\n'
        "<style>body { font-family: Arial, 'Liberation Sans', Helvetica, sans-serif; }</style>\n"
        f"</head>\n<body>\n{html_table(rows, meanings)}\n</body>\n</html>\n"
    )


def framed(*parts: str) -> str:
    """Parts that are HTML already, in the frame that they take their style from."""
    return f'<div class="flowlens"><style>{_style()}</style>{"".join(parts)}</div>'


def table(rows: Preview, meanings: Sequence[Meaning] = ()) -> str:
    """A `<table>` with amounts to the right, and a bar behind the main one of them."""
    known = {item.name: item for item in meanings}
    main = _main(rows.columns)
    heads = "".join(_head(column, known.get(column.name)) for column in rows.columns)
    cells = [_cells(column, bar=column is main) for column in rows.columns]
    lines = "".join(f"<tr>{''.join(line)}</tr>\n" for line in zip(*cells, strict=True))
    note = rows.cut or ("" if lines else "no rows")
    caption = f"<caption>{note}</caption>" if note else ""
    return f"<table>{caption}<thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody></table>"


@cache
def _style() -> str:
    return files("flowlens.output").joinpath("table.css").read_text(encoding="utf-8")


def _head(column: Column, item: Meaning | None) -> str:
    name = escape.html(column.name)
    # What is counted and what it is counted in often have one name.
    unit = item.unit if item and item.unit != column.name else ""
    small = f"<small>{escape.html(unit)}</small>" if unit else ""
    tip = f' title="{escape.html(item.meaning)}"' if item and item.meaning else ""
    side = ' class="n"' if column.number else ""
    return f'<th scope="col"{side}{tip}>{name}{small}</th>'


def _cells(column: Column, *, bar: bool) -> list[str]:
    shares = _shares(column.cells) if bar else [None] * len(column.cells)
    return [
        _cell(text, column.number, share) for text, share in zip(column.cells, shares, strict=True)
    ]


def _cell(text: str, number: bool, share: float | None) -> str:
    names = [name for name, has in (("n", number), ("none", text == "-")) if has]
    more = ""
    if share is not None:
        names.append("bar")
        more = f' style="--share:{share:.1f}%" title="{share:.1f} % of the largest here"'
    elif len(text) > _LONG:
        more = f' title="{escape.html(text)}"'
    kinds = f' class="{" ".join(names)}"' if names else ""
    shown = _INSTANT.sub(r"\1 \2", text)
    return f"<td{kinds}{more}>{escape.html(shown)}</td>"


def _main(columns: Sequence[Column]) -> Column | None:
    """The amount that a table is about: records, bytes or packets, else its first one."""
    told = {*identifiers(), *_PLACES}
    amounts = [column for column in columns if column.number and column.name not in told]
    usual = (column for column in amounts if column.name in _MAIN)
    return next(usual, amounts[0] if amounts else None)


def _shares(cells: Sequence[str]) -> list[float | None]:
    """Each as percent of the largest; none where one is below zero, or no number."""
    try:
        values = [None if cell == "-" else float(cell.replace(",", "")) for cell in cells]
    except ValueError:
        return [None] * len(cells)
    most = max((value for value in values if value is not None), default=0.0)
    least = min((value for value in values if value is not None), default=0.0)
    if least < 0 or not 0 < most < float("inf"):
        return [None] * len(cells)
    return [None if value is None else 100 * value / most for value in values]
