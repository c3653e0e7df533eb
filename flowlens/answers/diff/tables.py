"""The tables of a difference: one for each kind of change, cells as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowlens.answers.diff.diff import CHANGES, Difference
from flowlens.answers.diff.side import Side
from flowlens.output.human import count, port_service
from flowlens.output.preview import Column

Row = Mapping[str, Any]

_TITLES = {
    "opened": "Let in now, and not before",
    "closed": "Let in before, and only refused now",
    "ports_rose": "Ports refused more",
    "new_sources": "New sources: refused, and in no record before",
    "new_enis": "New ENIs",
    "gone_enis": "ENIs gone: no record any more, not even one without traffic",
    "changed_enis": "ENIs with many more or fewer records",
    "ports_fell": "Ports refused less",
    "gone_sources": "Sources gone: refused before, and in no record now",
}


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with its title; `columns` show the first of `total` rows.

    Where room is short, the columns named in `drop` go, the first one first.
    """

    title: str
    columns: Sequence[Column]
    total: int
    drop: Sequence[str] = ()

    @property
    def shown(self) -> int:
        """Rows in it."""
        return len(self.columns[0].cells)


def grids(difference: Difference, *, titles: Mapping[str, str] = _TITLES) -> Iterator[Grid]:
    """A table for each kind of change that there is, the most urgent first.

    `titles` are other ones than usual, by the name of the part.
    """
    for part in difference.parts:
        if part.top.rows:
            query, change = CHANGES[part.name]
            columns = _COLUMNS[query](difference, part.top.head.to_pylist(), change)
            title = titles.get(part.name, _TITLES[part.name])
            yield Grid(title, columns, part.top.rows, _DROPPED[query])


def _inbound(difference: Difference, rows: Sequence[Row], change: str) -> list[Column]:
    opened = change == "opened"
    at = difference.after if opened else difference.before
    columns = [
        column("ENI", [row["interface_id"] or "-" for row in rows]),
        column("port", [port_service(row["protocol"], row["dstport"]) for row in rows]),
        column("records", [f"{row['records']:,}" for row in rows], number=True),
        column("sources", [_peers(row) for row in rows]),
    ]
    if opened:
        columns += [
            column("since", [_clock(row["first_seen"], at) for row in rows]),
            column("before", [_before(row) for row in rows]),
        ]
    else:
        columns += [
            column("until", [_clock(row["last_seen"], at) for row in rows]),
            column("refused now", [f"{row['rejected_after']:,}" for row in rows], number=True),
        ]
    return columns


def _peers(row: Row) -> str:
    """How many sources, and whether they are outside."""
    number, outside = row["sources"], row["outside"]
    if not outside:
        return f"{number:,}, all own"
    return f"{number:,} outside" if outside == number else f"{number:,}, {outside:,} outside"


def _before(row: Row) -> str:
    if row["new_eni"]:
        return "new ENI"
    return f"{row['rejected_before']:,} refused" if row["rejected_before"] else "nothing"


def _ports(difference: Difference, rows: Sequence[Row], change: str) -> list[Column]:
    pairs = [(row["records_before"], row["records_after"]) for row in rows]
    return [
        column("port", [port_service(row["protocol"], row["dstport"]) for row in rows]),
        column("before", [f"{before:,}" for before, _ in pairs], number=True),
        column("after", [f"{after:,}" for _, after in pairs], number=True),
        column("change", [_factor(*pair, difference) for pair in pairs], number=True),
        column("sources", [_pair(row["sources_before"], row["sources_after"]) for row in rows]),
    ]


def _sources(difference: Difference, rows: Sequence[Row], change: str) -> list[Column]:
    new = change == "new"
    at, seen = (difference.after, "first_seen") if new else (difference.before, "last_seen")
    columns = [column("source", [row["srcaddr"] for row in rows])]
    if any(row["inside"] for row in rows):
        columns.append(column("whose", ["own" if row["inside"] else "outside" for row in rows]))
    if len({row["network"] for row in rows if row["inside"]}) > 1:
        columns.append(column("network", [row["network"] or "-" for row in rows]))
    return [
        *columns,
        column("refused", [f"{row['records']:,}" for row in rows], number=True),
        column("at", [_target(row) for row in rows]),
        column("ENIs", [f"{row['enis']:,}" for row in rows], number=True),
        column("since" if new else "until", [_clock(row[seen], at) for row in rows]),
    ]


def _target(row: Row) -> str:
    """What a source was refused at: its one port, or how many there were."""
    if row["protocol"] is None or row["dstport"] is None:
        return count(row["ports"], "port")
    return port_service(row["protocol"], row["dstport"])


def _enis(difference: Difference, rows: Sequence[Row], change: str) -> list[Column]:
    columns = [column("ENI", [row["interface_id"] for row in rows])]
    if change == "changed":
        for title, name in (("refused", "rejected"), ("accepted", "accepted")):
            pairs = [(row[f"{name}_before"], row[f"{name}_after"]) for row in rows]
            if name == "rejected" or difference.accepts:
                columns += [
                    column(title, [_pair(*pair) for pair in pairs]),
                    column("change", [_factor(*pair, difference) for pair in pairs], number=True),
                ]
        return columns
    new = change == "new"
    at, seen = (difference.after, "first_seen") if new else (difference.before, "last_seen")
    now = "after" if new else "before"
    return [
        *columns,
        column("refused", [f"{row[f'rejected_{now}']:,}" for row in rows], number=True),
        column("accepted", [f"{row[f'accepted_{now}']:,}" for row in rows], number=True),
        column("since" if new else "until", [_clock(row[seen], at) for row in rows]),
    ]


_COLUMNS: Mapping[str, Callable[[Difference, Sequence[Row], str], list[Column]]] = {
    "inbound_changes": _inbound,
    "port_changes": _ports,
    "source_changes": _sources,
    "eni_changes": _enis,
}
_DROPPED = {
    "inbound_changes": ("since", "until", "records"),
    "port_changes": ("sources",),
    "source_changes": ("ENIs", "whose"),
    "eni_changes": (),
}


def column(name: str, cells: Sequence[str], *, number: bool = False) -> Column:
    """A column whose cells stay whole."""
    return Column(name, list(cells), number, firm=True)


def _pair(before: int, after: int) -> str:
    return f"{before:,} → {after:,}"


def _factor(before: int, after: int, difference: Difference) -> str:
    """How many times as many, per hour where the sides differ in length."""
    ratio = difference.ratio(before, after)
    if ratio is None:
        return "new" if after else "-"
    return times(ratio) if after else "none left"


def times(ratio: float) -> str:
    """A factor with as many decimals as tell something.

    >>> times(1234.5), times(12.34), times(2.44), times(1.04), times(0.123), times(0.004)
    ('×1,234', '×12', '×2.4', '×1.04', '×0.12', '×0.004')
    """
    if ratio >= 9.95:
        return f"×{ratio:,.0f}"
    if ratio >= 1.95:
        return f"×{ratio:.1f}"
    return f"×{ratio:.2f}" if ratio >= 0.1 else f"×{ratio:.1g}"


def _clock(moment: datetime | None, at: Side) -> str:
    """A moment, as short as the time of its side allows."""
    if moment is None or at.start is None or at.end is None:
        return "-"
    if at.seconds <= 86_400:
        return f"{moment:%H:%M}"
    return f"{moment:%m-%d %H:%M}" if at.start.year == at.end.year else f"{moment:%Y-%m-%d}"
