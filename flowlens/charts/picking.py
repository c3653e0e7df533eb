"""Which picture suits an answer: told by its columns, for named queries and for anybody's SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from flowlens.charts import bars, lines, matrix, shapes, silences, timeline
from flowlens.charts.chart import Chart
from flowlens.charts.looks import ACCEPT, ACTIONS, REJECT, Spec, nothing
from flowlens.charts.rows import action_column, amounts, drawable, keys, times
from flowlens.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Rule:
    """Tables that have these columns are drawn so."""

    columns: tuple[str, ...]
    draw: Callable[[pa.Table, str], Spec]


def _tiles(down: tuple[str, ...], across: tuple[str, ...], amount: str) -> _Rule:
    def draw(table: pa.Table, title: str) -> Spec:
        colour = _colour(table, title, amount)
        return matrix.matrix(table, title, down=down, across=across, amount=amount, colour=colour)

    return _Rule((*down, *across, amount), draw)


_RULES = (
    _Rule(("bucket", "action", "records"), timeline.timeline),
    _Rule(("interface_id", "hour", "skipdata", "missing_minutes"), silences.coverage),
    _Rule(("interface_id", "gap_start", "gap_end", "minutes"), silences.gaps),
    _Rule(("srcaddr", "tier", "shape", "hosts", "ports", "records"), shapes.shapes),
    _tiles(("pkt_srcaddr",), ("pkt_dstaddr",), "bytes"),
    _tiles(("srcaddr",), ("dstaddr",), "bytes"),
    _tiles(("class", "srcaddr"), ("dstaddr", "protocol", "dstport"), "records"),
    _tiles(("client",), ("server",), "records"),
    _tiles(("interface_id",), ("protocol", "dstport"), "records"),
)
"""The first that fits; what none fits is drawn by the kinds of its columns."""


def chart_of(table: pa.Table, title: str) -> Chart:
    """The picture that suits a table; without rows it says that there are none.

    Raises:
        UsageError: none of the columns is an amount that could be drawn.
    """
    if not table.num_rows:
        return Chart(nothing(title))
    table = drawable(table)
    for rule in _RULES:
        if set(rule.columns) <= set(table.column_names):
            return Chart(rule.draw(table, title))
    return Chart(_by_kinds(table, title))


def _by_kinds(table: pa.Table, title: str) -> Spec:
    """Amounts over time where a moment leads the columns, else the largest as bars."""
    numbers = amounts(table)
    if not numbers:
        given = ", ".join(table.column_names[:8])
        raise UsageError(
            f"no chart{title and f' of {title}'}: no column is an amount ({given}); "
            "add one, such as count(*) as records"
        )
    about = keys(table)
    first = table.column_names[0]
    if first in times(table):
        return lines.lines(table, title, moment=first, amount=numbers[0], about=about)
    return bars.bars(
        table, title, about=about, amount=numbers[0], colour=_colour(table, title, numbers[0])
    )


def _colour(table: pa.Table, title: str, amount: str) -> str:
    """That of the rows' one action, or else of rejects where title or amount speak of these."""
    column = action_column(table)
    told = set(table[column].to_pylist()) if column else set()
    if len(told) == 1:
        return ACTIONS[told.pop()]
    words = f"{title} {amount}".lower()
    return REJECT if any(word in words for word in ("reject", "refus", "prob")) else ACCEPT
