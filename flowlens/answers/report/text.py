"""The report on a terminal: what was read, what can't be seen, what to look at, then the tables.

Eighty columns when piped; a wider terminal gets whole names and more columns. Colour only marks
what words say as well.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace

from rich.cells import cell_len

from flowlens.answers.report.cells import ADDRESS, Cells, Grid
from flowlens.answers.report.chart import chart
from flowlens.answers.report.limits import blind, headline
from flowlens.answers.report.model import Report
from flowlens.answers.report.tables import classes, grids
from flowlens.answers.report.words import span
from flowlens.core import escape
from flowlens.output.human import count, middle
from flowlens.output.preview import Column, Preview
from flowlens.output.table import table_text

PIPED = 80
WIDEST = 140
_MARGIN = 7


def text(report: Report, *, width: int | None, colour: bool) -> str:
    """The report as text; `width` is the terminal's, None is a pipe or a file."""
    room = min(width or PIPED, WIDEST)
    paint = _Paint(colour)
    blocks = [_top(report, room, paint), _totals(report, room, paint), _first(report, room, paint)]
    if report.totals.reject:
        blocks.append(_grid(classes(report), room, paint))
        blocks += [_grid(grid, room, paint) for grid in grids(report)]
    blocks.append(_made(report, room, paint))
    return "\n\n".join(block for block in blocks if block) + "\n"


class _Paint:
    """ANSI colours, or none."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text

    def bold(self, text: str) -> str:
        return self(text, "1")

    def dim(self, text: str) -> str:
        return self(text, "2")

    def alarm(self, text: str) -> str:
        return self(text, "1;31")


def _lines(label: str, text: str, room: int) -> list[str]:
    """A sentence behind its label, wrapped; the text is escaped here."""
    wrapped = textwrap.wrap(
        escape.terminal(text),
        max(room - _MARGIN, 20),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"{label if place == 0 else '':<{_MARGIN}}{line}" for place, line in enumerate(wrapped)]


def _top(report: Report, room: int, paint: _Paint) -> str:
    place, times = escape.terminal(report.made.inputs), span(report)
    title = f"flowlens report  {place}"
    gap = room - cell_len(title) - cell_len(times)
    lines = [title + " " * gap + times if times and gap >= 2 else title]
    if times and gap < 2:
        lines.append(times.rjust(room))
    lines[0] = lines[0].replace("flowlens report", paint.bold("flowlens report"), 1)
    lines += _lines("read", "  ".join(read_parts(report)), room)
    for place_, note in enumerate(blind(report)):
        wrapped = _lines("blind" if place_ == 0 else "", f"· {note.text}", room)
        lines += [wrapped[0], *(line[:_MARGIN] + "  " + line[_MARGIN:] for line in wrapped[1:])]
    return "\n".join(lines)


def _totals(report: Report, room: int, paint: _Paint) -> str:
    lines = textwrap.wrap(escape.terminal(headline(report)), room)
    lines = [paint.bold(line) for line in lines]
    totals = report.totals
    if totals.accept and totals.reject:
        other = f", {totals.other:,} without an action" if totals.other else ""
        lines.append(f"ACCEPT {totals.accept:,}{other}")
    return "\n".join([*lines, *chart(report, room, mark=paint.alarm)])


def _first(report: Report, room: int, paint: _Paint) -> str:
    if not report.totals.reject and not report.look_first:
        return ""
    lines = [paint.bold("LOOK HERE FIRST")]
    for place, finding in enumerate(report.look_first, 1):
        label = f"{place:>2} {finding.label:<9} "
        wrapped = textwrap.wrap(
            escape.terminal(finding.text),
            room - len(label),
            break_long_words=False,
            break_on_hyphens=False,
        )
        shown = paint.alarm(label) if finding.urgent else paint.bold(label)
        lines.append(shown + wrapped[0])
        lines += [" " * len(label) + line for line in wrapped[1:]]
    if not report.look_first:
        lines.append("   nothing stands out; the tables below are what there is")
    return "\n".join(lines)


def _grid(grid: Grid, room: int, paint: _Paint) -> str:
    if not grid.columns:
        return f"{paint.bold(grid.title)}  {grid.empty}" if grid.empty else ""
    columns = _fitted(_headed(grid), room)
    preview = Preview([Column(c.name, list(c.cells), c.number, firm=True) for c in columns], 0, 0)
    header, *rows = table_text(preview, width=None).rstrip("\n").split("\n")
    # The title stands in the header, over the leading columns, whose names it needs no more.
    rest = header[len(grid.title) :]
    return "\n".join([paint.bold(grid.title) + paint.dim(rest), *rows])


def _headed(grid: Grid) -> tuple[Cells, ...]:
    """The columns with room for the title: leading names beneath it go, and the first may widen."""
    columns, place = list(grid.columns), 0
    for number, column in enumerate(columns):
        if place and (column.number or place > len(grid.title) + 1):
            break
        columns[number] = replace(column, name="")
        place += _cell_width(columns[number]) + 2
    missing = len(grid.title) + 2 - place
    if missing > 0:
        last = columns[number - 1]
        columns[number - 1] = replace(
            last, name="\N{NO-BREAK SPACE}" * (_cell_width(last) + missing)
        )
    return tuple(columns)


def _fitted(columns: tuple[Cells, ...], room: int) -> list[Cells]:
    """The columns that fit: the least needed are left off, then addresses lose their middle."""
    kept = list(columns)
    while _width(kept) > room and any(column.rank for column in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    over = _width(kept) - room
    long = [place for place, column in enumerate(kept) if column.kind == ADDRESS]
    while over > 0 and long:
        widest = max(long, key=lambda place: _cell_width(kept[place]))
        size = _cell_width(kept[widest]) - 1
        if size < 16:
            break
        cells = tuple(middle(cell, size) for cell in kept[widest].cells)
        kept[widest] = replace(kept[widest], cells=cells)
        over -= 1
    return kept


def _cell_width(column: Cells) -> int:
    return max(cell_len(escape.terminal(text)) for text in (column.name, *column.cells))


def _width(columns: list[Cells]) -> int:
    return sum(map(_cell_width, columns)) + 2 * (len(columns) - 1)


def read_parts(report: Report) -> list[str]:
    """What was read, as counts with their nouns."""
    read = report.read
    parts = [
        count(read.files, "file"),
        count(read.lines, "line"),
        count(read.records, "record"),
        f"{read.malformed:,} malformed",
        f"{read.truncated.count:,} truncated",
    ]
    if read.unreadable.count:
        parts.append(f"{read.unreadable.count:,} unreadable")
    if read.selected is not None:
        parts.append(f"{read.selected:,} pass the filter")
    return parts


def made_parts(report: Report) -> list[str]:
    """How the report was made."""
    made = report.made
    named = report.scanning.named if report.scanning else None
    asked = [f"names: {named.summary}"] if named else []
    return [
        f"flowlens {made.version}, as of {made.as_of:%Y-%m-%dT%H:%M:%SZ}",
        f"window: {made.window}",
        f"filter: {made.filter}",
        f"{count(report.read.files, 'input')} {made.inputs_hash}",
        *asked,
        "everything: --format json",
    ]


def _made(report: Report, room: int, paint: _Paint) -> str:
    lines = _lines("made", "; ".join(made_parts(report)), room)
    return "\n".join(paint.dim(line) for line in lines)
