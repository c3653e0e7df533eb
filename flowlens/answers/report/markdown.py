"""The report as Markdown: the same words and tables, for a ticket or a chat."""

from __future__ import annotations

from flowlens.answers.report.cells import Grid
from flowlens.answers.report.chart import chart
from flowlens.answers.report.limits import blind, headline
from flowlens.answers.report.model import Report
from flowlens.answers.report.tables import classes, grids
from flowlens.answers.report.text import made_parts, read_parts
from flowlens.answers.report.words import span
from flowlens.core import escape
from flowlens.output.markdown import markdown_text
from flowlens.output.preview import Column, Preview


def markdown(report: Report) -> str:
    """The report as GitHub Markdown; columns that a narrow terminal leaves off are all there."""
    blocks = [f"# flowlens report: {escape.markdown(report.made.inputs)}"]
    times = span(report)
    blocks.append(_list([*([times] if times else []), ", ".join(read_parts(report))]))
    notes = [note.text for note in blind(report)]
    if notes:
        blocks += ["**What the log can't show**", _list(notes)]
    blocks.append(f"**{escape.markdown(headline(report))}**")
    drawn = chart(report, 80)
    if drawn:
        blocks.append("\n".join(["```", *drawn, "```"]))
    if report.look_first:
        blocks.append("## Look here first")
        lines = enumerate(report.look_first, 1)
        blocks.append("\n".join(f"{n}. **{f.label}** {escape.markdown(f.text)}" for n, f in lines))
    if report.totals.reject:
        for grid in (classes(report), *grids(report)):
            blocks += [f"## {escape.markdown(grid.name)}", _table(grid)]
    blocks.append(f"*{escape.markdown('; '.join(made_parts(report)))}*")
    return "\n\n".join(blocks) + "\n"


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {escape.markdown(line)}" for line in lines)


def _table(grid: Grid) -> str:
    if not grid.columns:
        return escape.markdown(grid.empty)
    columns = [Column(c.name, list(c.cells), c.number, firm=True) for c in grid.columns]
    return markdown_text(Preview(columns, 0, 0)).rstrip("\n")
