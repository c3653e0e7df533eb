"""Words and columns made to fit a screen, measured as it shows them: wide characters count two."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from rich.cells import cell_len, chop_cells

from flowlens.core import escape
from flowlens.output.human import middle
from flowlens.output.preview import Column, Preview
from flowlens.output.table import table_text

_LABEL = 7
_UNBROKEN = "\N{NO-BREAK SPACE}"
_NARROWEST = 12


def wrapped(words: str, room: int, *, indent: str = "") -> list[str]:
    """Lines of escaped text, none longer than the room; a word longer than a line is broken.

    >>> wrapped("one two  three four", 13, indent=" ")
    [' one two', ' three four']
    """
    most = max(room - len(indent), _NARROWEST)
    lines: list[str] = []
    for word in filter(None, escape.terminal(words).split(" ")):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines += chop_cells(word, most)
    return [indent + line for line in lines]


def pointed(parts: Sequence[str], room: int) -> list[str]:
    """Short sentences with points between, wrapped there alone: a command stays in one line.

    >>> pointed(["all: --limit 0", "why: --explain A"], 20)
    ['all: --limit 0 ·', 'why: --explain A']
    """
    whole = (escape.terminal(part).replace(" ", _UNBROKEN) for part in parts)
    return [line.replace(_UNBROKEN, " ") for line in wrapped(" · ".join(whole), room)]


def labelled(label: str, words: str, room: int) -> list[str]:
    """Wrapped text behind its label."""
    first, *rest = wrapped(words, room - _LABEL)
    return [f"{label:<{_LABEL}}{first}", *(" " * _LABEL + line for line in rest)]


def lines_of(
    columns: Sequence[Column],
    room: int,
    *,
    drop: Sequence[str] = (),
    cut: Collection[str] = (),
    last: Sequence[str] = (),
) -> list[str]:
    """A table as lines, its header first.

    Where room is short, the columns named in `drop` go, the first one first; then cells of those
    in `cut` lose their middle; then the columns in `last` go.
    """
    kept = [replace(c, cells=[escape.terminal(cell) for cell in c.cells]) for c in columns]
    kept = _dropped(kept, room, drop)
    loose = [place for place, column in enumerate(kept) if column.name in cut]
    while loose and _total(kept) > room:
        place = max(loose, key=lambda place: _width(kept[place]))
        size = _width(kept[place]) - 1
        if size < _NARROWEST:
            break
        kept[place] = replace(kept[place], cells=[_short(c, size) for c in kept[place].cells])
    kept = _dropped(kept, room, last)
    return table_text(Preview(kept, 0, 0), width=None).rstrip("\n").split("\n")


def _dropped(columns: list[Column], room: int, names: Sequence[str]) -> list[Column]:
    for name in names:
        if _total(columns) > room:
            columns = [column for column in columns if column.name != name]
    return columns


def _short(text: str, size: int) -> str:
    """The text in so many cells at most."""
    most = size
    while cell_len(short := middle(text, most)) > size:
        most -= 1
    return short


def _width(column: Column) -> int:
    return max(map(cell_len, (column.name, *column.cells)))


def _total(columns: Sequence[Column]) -> int:
    return sum(map(_width, columns)) + 2 * (len(columns) - 1)
