"""The report's tables for the page: what a cell is sorted by, and the SQL behind a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowlens.answers.report.cells import Cells, Grid
from flowlens.answers.report.model import Report
from flowlens.answers.report.tables import classes, grids
from flowlens.sql import catalog


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's text, what it is sorted by (empty: its text), and its share in percent, if any."""

    text: str
    key: str
    share: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row; the page may be narrowed by `eni` and `port`; `rest` stands for the others."""

    cells: Sequence[Cell]
    eni: str | None
    port: str | None
    rest: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heads, each with whether it is a number."""

    name: str
    title: str
    heads: Sequence[tuple[str, bool]]
    lines: Sequence[Line]
    empty: str
    query: str
    sql: str


def tables(report: Report) -> list[Table]:
    """All tables of the report, classes first; none without rejects."""
    if not report.totals.reject:
        return []
    return [_table(grid, place) for place, grid in enumerate((classes(report), *grids(report)))]


def _table(grid: Grid, place: int) -> Table:
    heads = [column.name for column in grid.columns]
    size = len(grid.columns[0].cells) if grid.columns else 0
    return Table(
        name=f"table-{place}",
        title=grid.name,
        heads=[(column.name, column.number) for column in grid.columns],
        lines=[
            Line(
                [_cell(column, row) for column in grid.columns],
                _under(grid, heads, "ENI", row),
                _under(grid, heads, "port", row),
                row >= size - grid.others,
            )
            for row in range(size)
        ],
        empty=grid.empty,
        query=grid.query,
        sql=catalog.find(grid.query).sql if grid.query else "",
    )


def _cell(column: Cells, row: int) -> Cell:
    text = column.cells[row]
    key = column.keys[row] if row < len(column.keys) else None
    share = text.lstrip("<>") if column.name == "%" else ""
    return Cell(text, "" if key is None else f"{key}", share)


def _under(grid: Grid, heads: Sequence[str], head: str, row: int) -> str | None:
    return grid.columns[heads.index(head)].cells[row] if head in heads else None
