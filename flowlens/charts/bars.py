"""The largest of many, as bars: ports, sources, ENIs, whatever a row is about."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import OTHER, STEP, WIDTH, Spec, action_colour, framed, tip, tip_amount
from flowlens.charts.rows import action_column, frame, labels, names, spelled, values, what

MOST = 25


def bars(table: pa.Table, title: str, *, about: Sequence[str], amount: str, colour: str) -> Spec:
    """Rows named by the columns `about`, by `amount`, the largest first; the rest is one bar."""
    rows = frame(table)
    ranked = (
        rows.select(
            pl.Series("name", names(rows, about), dtype=pl.String),
            pl.col(amount).cast(pl.Float64).alias("amount"),
        )
        .group_by("name", maintain_order=True)
        .agg(pl.col("amount").sum())
        .sort("amount", "name", descending=[True, False], nulls_last=True)
    )
    rest = ranked.slice(MOST)
    shown = ranked.head(MOST).with_columns(rest=pl.lit(False))
    noun = what(about)
    notes = [f"{spelled(amount)} by {noun}" if noun else spelled(amount)]
    if rest.height:
        others = {"name": f"{rest.height:,} others", "amount": rest["amount"].sum(), "rest": True}
        shown = pl.concat([shown, pl.DataFrame([others], schema=shown.schema)])
        notes.append(f"the {MOST} largest of {ranked.height:,}; the others are one bar")
    if action_column(table) in about:
        fill = _by_action(shown["name"].to_list())
    else:
        fill = {"condition": {"test": "datum.rest", "value": OTHER}, "value": colour}
    shown = shown.with_columns(pl.Series("label", labels(shown["name"].to_list())))
    encoding: Spec = {
        "y": {
            "field": "label",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"ticks": False, "domain": False, "labelLimit": 320},
        },
        "x": {
            "field": "amount",
            "type": "quantitative",
            "title": spelled(amount),
            "axis": {"orient": "top", "tickMinStep": 1, "tickCount": 6},
        },
        "tooltip": [tip("name", noun or "rows"), tip_amount("amount", spelled(amount))],
    }
    bar = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2, "height": {"band": 0.72}},
        "encoding": {"color": fill},
    }
    number = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {"text": {"field": "amount", "type": "quantitative", "format": ","}},
    }
    return framed(
        title,
        notes,
        values(shown),
        {
            "width": WIDTH - 160,
            "height": {"step": STEP},
            "encoding": encoding,
            "layer": [bar, number],
        },
    )


def _by_action(names: Sequence[str]) -> Spec:
    """Each action in its own colour, whatever else a bar is about; others have none."""
    shown = [action_colour(name) or OTHER for name in names]
    scale = {"domain": list(names), "range": shown}
    return {"field": "name", "type": "nominal", "scale": scale, "legend": None}
