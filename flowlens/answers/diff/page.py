"""The page of `flowlens diff`: what changed, the most urgent first; to be read in a mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flowlens.answers.diff.diff import Difference
from flowlens.answers.diff.tables import Grid, grids
from flowlens.answers.diff.text import headline, notes, place, rule, side, totals
from flowlens.core import escape
from flowlens.output import markup
from flowlens.output.fitting import labelled, lines_of, wrapped
from flowlens.output.formats import Format
from flowlens.output.markdown import markdown_text
from flowlens.output.page import json_text
from flowlens.output.preview import Preview, cut

PIPED = 80
WIDEST = 140

_TITLE = "flowlens diff"
_ALL = "All rows: --limit 0."


def page(difference: Difference, format: Format, *, width: int | None = None) -> str:
    """The whole page in one format; `width` is the terminal's."""
    if format is Format.JSON:
        return json_text(difference.to_dict())
    if format is Format.HTML:
        return markup.page(_title(difference), *_html(difference))
    if format is Format.MARKDOWN:
        return _markdown(difference)
    return _text(difference, min(width or PIPED, WIDEST))


def fragment(difference: Difference) -> str:
    """The page as a part of another one, in HTML."""
    return markup.framed(*_html(difference))


def _title(difference: Difference) -> str:
    """The page's name, with what both sides were read from."""
    before, after = difference.before, difference.after
    return f"{_TITLE} {place(before)}" if before.inputs == after.inputs else _TITLE


def _sides(difference: Difference) -> list[tuple[str, str]]:
    before, after = difference.before, difference.after
    apart = before.inputs != after.inputs
    return [("before", side(before, inputs=apart)), ("after", side(after, inputs=apart))]


def _end(difference: Difference, shown: Sequence[Grid]) -> str:
    """The rule, and how to see the rest where there is one."""
    more = any(grid.shown < grid.total for grid in shown)
    said = rule(difference)
    return f"{said} {_ALL}" if more else said


def _text(difference: Difference, room: int) -> str:
    top = wrapped(_title(difference), room)
    for label, words in _sides(difference):
        top += labelled(label, words, room)
    for note in notes(difference):
        top += labelled("note", note, room)
    shown = list(grids(difference))
    blocks = [top, wrapped(headline(difference), room), _lines(totals(difference), room)]
    for grid in shown:
        title, colon, rest = grid.title.partition(":")
        lines = _lines(grid, room - 1)
        more = [cut(grid.shown, grid.total)] if grid.shown < grid.total else []
        blocks.append(
            [
                *wrapped(f"{title.upper()}{colon}{rest}", room),
                *(f" {line}" for line in lines),
                *(f" {line}" for line in more),
            ]
        )
    blocks.append(wrapped(_end(difference, shown), room))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _lines(grid: Grid, room: int) -> list[str]:
    return lines_of(grid.columns, room, drop=grid.drop, cut=("ENI", "source", "port"))


def _markdown(difference: Difference) -> str:
    said = [f"{label}: {words}" for label, words in _sides(difference)]
    said += notes(difference)
    shown = list(grids(difference))
    blocks = [
        f"# {escape.markdown(_title(difference))}",
        "\n".join(f"- {escape.markdown(line)}" for line in said),
        f"**{escape.markdown(headline(difference))}**",
        _cells(totals(difference)),
    ]
    for grid in shown:
        blocks += [f"## {escape.markdown(grid.title)}", _cells(grid)]
    blocks.append(f"*{escape.markdown(_end(difference, shown))}*")
    return "\n\n".join(blocks) + "\n"


def _cells(grid: Grid) -> str:
    columns = [replace(column, firm=True) for column in grid.columns]
    return markdown_text(Preview(columns, grid.shown, grid.total)).rstrip("\n")


def _html(difference: Difference) -> list[str]:
    said = [*(f"{label}: {words}" for label, words in _sides(difference)), *notes(difference)]
    shown = list(grids(difference))
    parts = [f"<h3>{escape.html(_title(difference))}</h3>"]
    parts += [f'<p class="soft">{escape.html(line)}</p>' for line in said]
    parts.append(f"<p><b>{escape.html(headline(difference))}</b></p>")
    for grid in (totals(difference), *shown):
        title = f"<h4>{escape.html(grid.title)}</h4>" if grid.title else ""
        columns = [markup.Column(c.name, c.cells, number=c.number) for c in grid.columns]
        note = cut(grid.shown, grid.total) or ""
        parts.append(f"{title}{markup.table(columns, note=note)}")
    parts.append(f'<p class="soft">{escape.html(_end(difference, shown))}</p>')
    return parts
