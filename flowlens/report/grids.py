"""The report's tables as cells, the same for the terminal and for Markdown. Not yet escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowlens.report.model import Report, Row, Section
from flowlens.report.numbers import percent_text, running
from flowlens.report.words import (
    CAUSES,
    CLASSES,
    amount,
    clock,
    count,
    pair,
    port,
    port_service,
    service,
)

ADDRESS = "address"
"""A column of addresses or ENIs: where room is short, the middle of a cell goes."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column. Where room is short, the columns of the highest `rank` go first; 0 stays."""

    name: str
    cells: tuple[str, ...]
    number: bool = False
    rank: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with its title; `empty` is what is said instead when it has no rows."""

    name: str
    title: str
    columns: tuple[Cells, ...]
    empty: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    of: Callable[[Row], str]
    number: bool = False
    rank: int = 0
    kind: str = ""


def _number(name: str, key: str, rank: int = 0) -> _Column:
    return _Column(name, lambda row: f"{row[key]:,}", True, rank)


def _text(name: str, key: str, rank: int = 0, kind: str = "") -> _Column:
    return _Column(name, lambda row: "-" if row[key] is None else str(row[key]), False, rank, kind)


def _port(rank: int = 0) -> _Column:
    return _Column("port", lambda row: port(row["protocol"], row["dstport"]), rank=rank)


def _service(rank: int = 0) -> _Column:
    return _Column("service", lambda row: service(row["protocol"], row["dstport"]), rank=rank)


def _time(name: str, key: str, report: Report, rank: int) -> _Column:
    return _Column(name, lambda row: clock(row[key], report), True, rank)


def _bytes(name: str, key: str, rank: int = 0) -> _Column:
    return _Column(name, lambda row: amount(row[key]), True, rank)


def _grid(
    name: str,
    title: str,
    section: Section | None,
    columns: Sequence[_Column],
    *,
    shares_after: int | None = None,
    others: str = "other",
    empty: str = "",
) -> Grid:
    """A section as cells; with shares, records and percent stand after so many columns."""
    if section is None or not section.rows:
        return Grid(name, title, (), empty)
    rest = [f"{section.others:,} {others}"] if section.others else []
    cells = [
        _cells(column, section.top, rest if place == 0 else [""] * len(rest))
        for place, column in enumerate(columns)
    ]
    if shares_after is not None:
        cells[shares_after:shares_after] = _shares(section)
    return Grid(name, title, tuple(cells), empty, bool(rest))


def _cells(column: _Column, rows: Sequence[Row], rest: list[str]) -> Cells:
    texts = (*(column.of(row) for row in rows), *rest)
    return Cells(column.name, texts, column.number, column.rank, column.kind)


def _shares(section: Section) -> list[Cells]:
    counts = [row["records"] for row in section.top]
    if section.others:
        counts.append(section.other_records)
    whole = section.records
    return [
        Cells("records", tuple(f"{value:,}" for value in counts), True),
        Cells("%", tuple(percent_text(value, whole) for value in counts), True),
        Cells("cum%", tuple(percent_text(value, whole) for value in running(counts)), True, 3),
    ]


def classes(report: Report) -> Grid:
    """Rejects by class, each with what it mostly is."""
    names, counts, mostly = [], [], []
    whole = report.totals.reject
    for name, words in CLASSES.items():
        section = report.parts[f"refused_by_class.{name}"]
        if section.rows:
            names.append(words)
            counts.append(section.records)
            mostly.append(_mostly(report, name, section))
    if not names:
        return Grid("classes", "REFUSED", ())
    order = range(len(names))
    columns = (
        Cells("", tuple(names)),
        Cells("records", tuple(f"{counts[place]:,}" for place in order), True),
        Cells("%", tuple(percent_text(counts[place], whole) for place in order), True),
        Cells("mostly", tuple(mostly), rank=0),
    )
    return Grid("classes", "REFUSED", columns)


def _mostly(report: Report, name: str, section: Section) -> str:
    """The pair that makes up half of a class or more, else its first port."""
    if name == "late":  # their destination ports are ephemeral and say nothing
        return "leftovers of connections, backscatter: rarely a fault"
    pairs = report.parts[f"refused_pairs.{name}"]
    row = pairs.top[0]
    if row["records"] * 2 >= section.records:
        what = f"{pair(row['srcaddr'], row['dstaddr'])} {port(row['protocol'], row['dstport'])}"
        return f"{what} {percent_text(row['records'], section.records)}%"
    row = section.top[0]
    share = percent_text(row["records"], section.records)
    what = port_service(row["protocol"], row["dstport"])
    return f"{what} {share}% from {count(row['sources'], 'source')}"


def grids(report: Report) -> list[Grid]:
    """All tables after the classes, in the order of the screen; those without rows are left out."""
    sections, parts = report.sections, report.parts
    since = _time("first", "first_seen", report, 4)
    until = _time("last", "last_seen", report, 5)
    ends = [_text("source", "srcaddr", kind=ADDRESS), _text("destination", "dstaddr", kind=ADDRESS)]
    worked = _Column("worked before", lambda row: "yes" if row["worked_before"] else "no", rank=6)
    result = [
        _grid(
            f"refused_pairs.{name}",
            f"REFUSED {CLASSES[name]}",
            parts[f"refused_pairs.{name}"],
            [*ends, _port(), _service(7), since, until, worked],
            shares_after=4,
            others="other pairs",
        )
        for name in ("internal", "outbound")
    ]
    result += [
        _grid(
            "rejected_by_port",
            "REJECTED BY PORT",
            sections["rejected_by_port"],
            [
                _port(),
                _service(),
                _number("sources", "sources"),
                _number("ENIs", "enis"),
                _number("packets", "packets", 4),
                _bytes("bytes", "bytes", 5),
            ],
            shares_after=2,
            others="others",
        ),
        _grid(
            "rejected_by_eni_port",
            "REJECTED BY ENI AND PORT",
            sections["rejected_by_eni_port"],
            [
                _text("ENI", "interface_id", kind=ADDRESS),
                _port(),
                _service(2),
                _number("sources", "sources"),
                since,
                until,
            ],
            shares_after=3,
            others="others",
        ),
        _grid(
            "rejected_by_source",
            "REJECTED BY SOURCE",
            sections["rejected_by_source"],
            [
                _text("source", "srcaddr", kind=ADDRESS),
                _number("ports", "ports"),
                _number("ENIs", "enis"),
                _number("packets", "packets", 6),
                since,
                until,
            ],
            shares_after=1,
            others="others",
        ),
        _sessions(report),
        _replies(report),
    ]
    return [grid for grid in result if grid.columns or grid.empty]


def _sessions(report: Report) -> Grid:
    section = report.parts["accepted_after_rejected.answered"]
    every = report.sections["accepted_after_rejected"]
    empty = ""
    if every.rows:
        empty = f"none of {every.rows:,} accepted after a reject; nothing came back"
    return _grid(
        "accepted_after_rejected.answered",
        "ANSWERED AFTER REJECTED",
        section,
        [
            _text("source", "srcaddr", kind=ADDRESS),
            _text("ENI", "interface_id", kind=ADDRESS),
            _text("port", "dstport"),
            _number("refused", "rejected_records"),
            _number("ports", "rejected_ports", 5),
            _time("from", "first_reject", report, 4),
            _time("accepted", "first_accept", report, 0),
            _bytes("in", "bytes_in", 1),
            _bytes("out", "bytes_out"),
        ],
        others="others",
        empty=empty,
    )


def _replies(report: Report) -> Grid:
    sides = {"client": "to our client", "server": "from our server", "unknown": "unknown"}
    return _grid(
        "refused_replies",
        "REPLIES REFUSED",
        report.sections["refused_replies"],
        [
            _text("ENI", "interface_id", kind=ADDRESS),
            _Column("reply", lambda row: sides.get(row["side"], "unknown")),
            _text("peer", "peer", kind=ADDRESS),
            _text("port", "port"),
            _Column("cause", lambda row: CAUSES.get(row["likely_cause"], "-")),
            _number("accepted before", "replies_accepted_before", 5),
            _time("first", "first_seen", report, 4),
        ],
        shares_after=4,
        others="others",
    )
