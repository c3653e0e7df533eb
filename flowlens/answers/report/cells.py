"""Tables as cells: columns with their rank, the shares of tops, and the line of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowlens.answers.report.model import Report, Row, Section
from flowlens.answers.report.numbers import percent_text, running
from flowlens.answers.report.words import clock
from flowlens.output.human import amount, count, port, service

ADDRESS = "address"
"""A column of addresses or ENIs: where room is short, the middle of a cell goes."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column. Where room is short, the columns of the highest `rank` go first; 0 stays.

    `keys` are what the cells are sorted by, where their texts don't tell.
    """

    name: str
    cells: tuple[str, ...]
    number: bool = False
    rank: int = 0
    kind: str = ""
    keys: tuple[float | str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with its title; `empty` is what is said instead when it has no rows.

    `query` is the named query that it shows, `others` how many of its last rows stand for several.
    """

    title: str
    columns: tuple[Cells, ...]
    empty: str = ""
    query: str = ""
    others: int = 0

    @property
    def name(self) -> str:
        """The title where nobody shouts: `Rejected by ENI and port`."""
        return self.title.capitalize().replace(" eni", " ENI")


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be: its name, the text of a row, and what rows are sorted by."""

    name: str
    of: Callable[[Row], str]
    number: bool = False
    rank: int = 0
    kind: str = ""
    key: Callable[[Row], float | str | None] | None = None


def number_(name: str, key: str, rank: int = 0) -> Column:
    """An amount."""
    return Column(
        name,
        lambda row: "-" if row[key] is None else f"{row[key]:,}",
        True,
        rank,
        key=lambda row: row[key],
    )


def text_(name: str, key: str, rank: int = 0, kind: str = "") -> Column:
    """A text, `-` where there is none."""
    return Column(name, lambda row: "-" if row[key] is None else str(row[key]), False, rank, kind)


def port_(rank: int = 0) -> Column:
    """Protocol and destination port as `23/tcp`."""
    return Column(
        "port",
        lambda row: port(row["protocol"], row["dstport"]),
        rank=rank,
        key=lambda row: row["dstport"],
    )


def service_(rank: int = 0) -> Column:
    """What usually listens on that port."""
    return Column("service", lambda row: service(row["protocol"], row["dstport"]), rank=rank)


def time_(name: str, key: str, report: Report, rank: int) -> Column:
    """A moment, as short as the span allows."""
    return Column(
        name,
        lambda row: clock(row[key], report),
        True,
        rank,
        key=lambda row: row[key] and row[key].timestamp(),
    )


def bytes_(name: str, key: str, rank: int = 0) -> Column:
    """An amount of bytes."""
    return Column(name, lambda row: amount(row[key]), True, rank, key=lambda row: row[key])


def grid(
    title: str,
    section: Section | None,
    columns: Sequence[Column],
    *,
    query: str = "",
    shares_after: int | None = None,
    others: str = "other",
    percent_rank: int = 0,
    empty: str = "",
) -> Grid:
    """A section as cells; with shares, records and percent stand after so many columns."""
    if section is None or not section.rows:
        return Grid(title, (), empty, query)
    rest = [count(section.others, others)] if section.others else []
    cells = list(rows_of(columns, section.top, rest))
    if shares_after is not None:
        cells[shares_after:shares_after] = _shares(section, percent_rank)
    return Grid(title, tuple(cells), empty, query, len(rest))


def rows_of(columns: Sequence[Column], rows: Sequence[Row], rest: list[str]) -> tuple[Cells, ...]:
    """Rows as cells; `rest` is what stands beneath them in the first column."""
    return tuple(
        _cells(column, rows, rest if place == 0 else [""] * len(rest))
        for place, column in enumerate(columns)
    )


def _cells(column: Column, rows: Sequence[Row], rest: list[str]) -> Cells:
    texts = (*(column.of(row) for row in rows), *rest)
    keys = () if column.key is None else tuple(column.key(row) for row in rows)
    return Cells(column.name, texts, column.number, column.rank, column.kind, keys)


def _shares(section: Section, rank: int) -> list[Cells]:
    counts = [row["records"] for row in section.top]
    if section.others:
        counts.append(section.other_records)
    whole = section.records
    return [
        Cells("records", tuple(f"{value:,}" for value in counts), True, keys=tuple(counts)),
        Cells("%", tuple(percent_text(value, whole) for value in counts), True, rank),
        Cells("cum%", tuple(percent_text(value, whole) for value in running(counts)), True, 3),
    ]
