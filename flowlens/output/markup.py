"""Tables as HTML, the frame that gives them their style, and a page around; texts are escaped here.

Nothing is loaded from anywhere. The colours are those of the text around, so it is readable on
light and on dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flowlens.core import escape

_LONG = 24
"""Letters from which on a cell may be cut, and is whole on hover."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Bar:
    """Bars behind the cells of a column: percents, None for no bar, and what they are shares of."""

    percents: Sequence[float | None]
    of: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is shown; None is a null, and `wholes` are for hover where `cells` are not."""

    name: str
    cells: Sequence[str | None]
    number: bool = False
    unit: str = ""
    meaning: str = ""
    bar: Bar | None = None
    wholes: Sequence[str | None] | None = None


def table(columns: Sequence[Column], *, note: str = "") -> str:
    """A `<table>` with amounts to the right, and a note beneath; it says where there is no row."""
    lines = [
        f"<tr>{''.join(_cell(column, place) for column in columns)}</tr>\n"
        for place in range(len(columns[0].cells) if columns else 0)
    ]
    said = note or ("" if lines else "no rows")
    caption = f"<caption>{escape.html(said)}</caption>" if said else ""
    heads = "".join(map(_head, columns))
    return (
        f"<table>{caption}<thead><tr>{heads}</tr></thead>\n<tbody>{''.join(lines)}</tbody></table>"
    )


def framed(*parts: str) -> str:
    """Parts that are HTML already, in the frame that they take their style from."""
    return f'<div class="flowlens"><style>{_style()}</style>{"".join(parts)}</div>'


def page(title: str, *parts: str) -> str:
    """A whole page, that loads nothing and runs nothing."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{escape.html(title)}</title>\n'
        "<style>body { font-family: Arial, 'Liberation Sans', Helvetica, sans-serif; }</style>\n"
        f"</head>\n<body>\n{framed(*parts)}\n</body>\n</html>\n"
    )


@cache
def _style() -> str:
    return files("flowlens.output").joinpath("table.css").read_text(encoding="utf-8")


def _head(column: Column) -> str:
    # What is counted and what it is counted in often have one name.
    unit = "" if column.unit == column.name else column.unit
    below = f"<small>{escape.html(unit)}</small>" if unit else ""
    attributes = ' class="n"' if column.number else ""
    if column.meaning:
        attributes += f' title="{escape.html(column.meaning)}"'
    return f'<th scope="col"{attributes}>{escape.html(column.name)}{below}</th>'


def _cell(column: Column, place: int) -> str:
    text = column.cells[place]
    kinds, attributes, hover = ["n"] if column.number else [], "", ""
    if text is None:
        kinds.append("none")
        text = "-"
    else:
        whole = column.wholes[place] if column.wholes is not None else text
        hover = whole if whole and (whole != text or len(whole) > _LONG) else ""
    percent = column.bar.percents[place] if column.bar else None
    if column.bar and percent is not None:
        kinds.append("bar")
        attributes = f' style="--share:{percent:.1f}%"'
        hover = f"{_percent(percent)} {column.bar.of}"
    if hover:
        attributes += f' title="{escape.html(hover)}"'
    classes = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{classes}{attributes}>{escape.html(text)}</td>"


def _percent(value: float) -> str:
    """Percent with one decimal; what is there is never 0.0, and a part is never 100.0.

    >>> _percent(12.345), _percent(0.01), _percent(0.0), _percent(99.99), _percent(100.0)
    ('12.3%', '<0.1%', '0.0%', '>99.9%', '100.0%')
    """
    if 0 < value < 0.05:
        return "<0.1%"
    return ">99.9%" if 99.95 <= value < 100 else f"{value:.1f}%"
