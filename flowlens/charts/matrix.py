"""Two names and an amount, as a field of tiles: ENI and port, source and destination."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import STEP, STRENGTH, Spec, framed, tip, tip_amount
from flowlens.charts.rows import frame, labels, names, spelled, values, what

MOST = 24
"""Rows and columns of tiles; what is beyond them is put together in one more."""

_WRITTEN = 60
"""Tiles that have their number written on them, at most."""


def matrix(
    table: pa.Table,
    title: str,
    *,
    down: Sequence[str],
    across: Sequence[str],
    amount: str,
    colour: str,
) -> Spec:
    """A tile for what the columns `down` and `across` name, as strong as its amount."""
    rows = frame(table)
    cells = rows.select(
        pl.Series("down", names(rows, down), dtype=pl.String),
        pl.Series("across", names(rows, across), dtype=pl.String),
        pl.col(amount).fill_null(0).cast(pl.Float64).alias("amount"),
    )
    notes = [
        f"{spelled(amount)}: {what(down)} down, {what(across)} across; "
        "a stronger tile has more, a doubling as much anywhere"
    ]
    orders = {}
    for side, noun in (("down", what(down)), ("across", what(across))):
        every = cells[side].n_unique()
        cells, orders[side] = _ranked(cells, side)
        if every > MOST:
            notes.append(f"{noun}: the {MOST} largest of {every:,}; the others are put together")
    cells = cells.group_by("down", "across").agg(pl.col("amount").sum()).sort("down", "across")
    marks: list[Spec] = [
        {
            "mark": {"type": "rect", "color": colour, "cornerRadius": 2},
            "encoding": {
                "opacity": {
                    "field": "amount",
                    "type": "quantitative",
                    "scale": STRENGTH,
                    "legend": {"title": spelled(amount), "orient": "right", "symbolType": "square",
                               "symbolFillColor": colour, "symbolStrokeWidth": 0, "format": "~s"},
                }
            },
        }
    ]  # fmt: skip
    if cells.height <= _WRITTEN:
        number = {"field": "amount", "type": "quantitative", "format": "~s"}
        marks.append({"mark": {"type": "text"}, "encoding": {"text": number}})
    axis = {"ticks": False, "domain": False, "grid": False, "title": None}
    return framed(
        title,
        notes,
        values(cells),
        {
            "width": {"step": 28 if len(orders["across"]) > 12 else 48},
            "height": {"step": STEP + 4},
            "encoding": {
                "y": {"field": "down", "type": "nominal", "sort": orders["down"], "axis": axis},
                "x": {
                    "field": "across",
                    "type": "nominal",
                    "sort": orders["across"],
                    "axis": axis | {"orient": "top", "labelAngle": -40, "labelAlign": "left"},
                },
                "tooltip": [
                    tip("down", what(down)),
                    tip("across", what(across)),
                    tip_amount("amount", spelled(amount)),
                ],
            },
            "layer": marks,
        },
    )


def _ranked(cells: pl.DataFrame, side: str) -> tuple[pl.DataFrame, list[str]]:
    """The cells with the names of one side short and the smallest put together; their order."""
    totals = (
        cells.group_by(side)
        .agg(pl.col("amount").sum())
        .sort("amount", side, descending=[True, False])
    )
    every = totals[side].to_list()
    order = labels(every[:MOST])
    known = dict(zip(every[:MOST], order, strict=True))
    rest = f"{len(every) - MOST:,} others"
    if len(every) > MOST:
        order.append(rest)
    renamed = pl.col(side).replace_strict(known, default=rest, return_dtype=pl.String)
    return cells.with_columns(renamed), order
