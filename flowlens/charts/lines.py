"""Any answer with a moment and an amount: the amount over time, a line for each kind."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    WIDTH,
    ZOOM,
    Spec,
    colours,
    framed,
    moments,
    tip,
    tip_amount,
    tip_time,
)
from flowlens.charts.rows import OTHERS, frame, labels, milliseconds, names, spelled, values

MOST = 2000
KINDS = 6
"""At most so many points of a line, and lines with a colour of their own."""


def lines(table: pa.Table, title: str, *, moment: str, amount: str, about: list[str]) -> Spec:
    """The column `amount` by the column `moment`; the largest of what `about` names, and others."""
    rows = frame(table)
    rows = rows.select(
        pl.Series("kind", names(rows, about) if about else [spelled(amount)] * rows.height),
        milliseconds(moment).alias("at"),
        pl.col(amount).cast(pl.Float64).alias("amount"),
    ).drop_nulls()
    ranked = (
        rows.group_by("kind")
        .agg(pl.col("amount").sum())
        .sort("amount", "kind", descending=[True, False])
    )["kind"].to_list()
    few = ranked if len(ranked) <= KINDS else ranked[: KINDS - 1]
    shown = dict(zip(few, labels(few), strict=True))
    low, high = int(rows["at"].min() or 0), int(rows["at"].max() or 0)  # type: ignore[arg-type]
    every = (high - low) // MOST if rows["at"].n_unique() > MOST else 1
    drawn = (
        rows.with_columns(
            pl.col("kind").replace_strict(shown, default=OTHERS, return_dtype=pl.String),
            (pl.col("at") - low) // every * every + low,
        )
        .group_by("kind", "at")
        .agg(pl.col("amount").sum())
        .sort("kind", "at")
    )
    kinds = [*shown.values(), *([OTHERS] if len(ranked) > len(few) else [])]
    notes = [f"{spelled(amount)} by {spelled(moment)}"]
    if len(ranked) > len(few):
        notes.append(f"the {len(few)} largest of {len(ranked):,}; the others are one line")
    return framed(
        title,
        notes,
        values(drawn),
        {
            "params": [ZOOM],
            "width": WIDTH,
            "height": 280,
            "mark": {"type": "line", "point": {"size": 24}},
            "encoding": {
                **moments("at", drawn),
                "y": {"field": "amount", "type": "quantitative", "title": spelled(amount)},
                "color": {"field": "kind", "type": "nominal", "title": None,
                          "scale": {"domain": kinds, "range": colours(kinds)},
                          "legend": {"orient": "bottom"} if len(kinds) > 1 else None},
                "tooltip": [tip("kind", "what"), tip_time("at", spelled(moment)),
                            tip_amount("amount", spelled(amount))],
            },
        },
    )  # fmt: skip
