"""The report as a notebook shows it: the words and tables of the page, without its charts."""

from __future__ import annotations

from collections.abc import Iterable

from flowlens.answers.report.cells import Cells, Grid
from flowlens.answers.report.limits import blind, headline
from flowlens.answers.report.model import Finding, Report
from flowlens.answers.report.tables import classes, grids
from flowlens.answers.report.text import made_parts, read_parts
from flowlens.answers.report.words import span
from flowlens.core import escape
from flowlens.output import markup


def fragment(report: Report) -> str:
    """A `<div>` with everything that the text says; `Report.html` has the charts as well."""
    parts = [
        f"<h3>{escape.html(headline(report))}</h3>",
        _line(f"{report.made.inputs}  {span(report)}"),
        _line(", ".join(read_parts(report))),
    ]
    if notes := blind(report):
        parts.append(_list("ul", (escape.html(note.text) for note in notes), soft=True))
    if report.look_first:
        parts.append("<h4>Look here first</h4>")
        parts.append(_list("ol", map(_finding, report.look_first)))
    if report.totals.reject:
        parts += [_table(grid) for grid in (classes(report), *grids(report))]
    parts.append(_line("; ".join(made_parts(report)[:-1])))
    return markup.framed(*parts)


def _line(text: str) -> str:
    return f'<p class="soft">{escape.html(text)}</p>'


def _list(kind: str, items: Iterable[str], *, soft: bool = False) -> str:
    inner = "".join(f"<li>{item}</li>" for item in items)
    return f"<{kind}{' class=soft' if soft else ''}>{inner}</{kind}>"


def _finding(finding: Finding) -> str:
    urgent = ' class="urgent"' if finding.urgent else ""
    return f"<b{urgent}>{escape.html(finding.label)}</b> {escape.html(finding.text)}"


def _table(grid: Grid) -> str:
    title = f"<h4>{escape.html(grid.name)}</h4>"
    if not grid.columns:
        return title + _line(grid.empty)
    return title + markup.table([_column(column) for column in grid.columns])


def _column(column: Cells) -> markup.Column:
    bar = None
    if column.name == "%":
        shares = [float(cell.lstrip("<>")) if cell else None for cell in column.cells]
        bar = markup.Bar(shares, "of all records that this table is about")
    return markup.Column(column.name, column.cells, column.number, bar=bar)
