"""What somebody touched over time: its hosts in one panel, its ports in another.

A horizontal scan is many rows above one, a vertical one a single row above many, a block both.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    ACTIONS,
    OTHER,
    STEP,
    WIDTH,
    Spec,
    framed,
    moments,
    tip,
    tip_amount,
    tip_time,
)
from flowlens.charts.rows import frame, labels, milliseconds, names, spelled, values
from flowlens.output.human import count

NAMED = 30
"""More rows than these have no names and stand close together, in their order."""

BINS = 60
"""Rows of a panel without names."""

MOMENTS = 240
"""Places in time that are told apart."""


def probes(table: pa.Table, title: str, *, host: str) -> Spec:
    """Touches by `first_seen`, `host`, `protocol`, `dstport`, `action` and `records`."""
    rows = frame(table).drop_nulls("first_seen").with_columns(milliseconds("first_seen"))
    low, high = (rows["first_seen"].min() or 0, rows["first_seen"].max() or 0)
    every = max(1000, (int(high) - int(low)) // MOMENTS)  # type: ignore[arg-type]
    rows = rows.with_columns(
        (pl.col("first_seen") - low) // every * every + low,
        pl.col("action").fill_null("no action"),
        pl.Series("port", names(rows, ["protocol", "dstport"]), dtype=pl.String),
        pl.col(host).fill_null("-").alias("host"),
    )
    panels = [_panel(rows, "host", spelled(host)), _panel(rows, "port", "port")]
    actions = [name for name in ACTIONS if name in rows["action"].to_list()]
    for panel in panels:
        panel["encoding"] |= {
            side: {
                "field": "action",
                "type": "nominal",
                "scale": {"domain": actions, "range": look},
                "legend": {"title": None, "orient": "top"} if panel is panels[0] else None,
            }
            for side, look in (
                ("color", [ACTIONS.get(name, OTHER) for name in actions]),
                ("shape", ["circle", "diamond", "cross"][: len(actions)]),
            )
        }
    note = "flow-log records by their start; a larger mark is more of them"
    return framed(title, [note], {"vconcat": panels, "spacing": 16})


def _panel(rows: pl.DataFrame, side: str, noun: str) -> Spec:
    """One panel: a row for each host or port, or for several that follow each other."""
    ranked = rows.select(side, _order(side).alias("order")).unique(side)
    order = ranked.sort("order", side, nulls_last=True)[side].to_list()
    each = max(1, -(-len(order) // BINS)) if len(order) > NAMED else 1
    place = {name: number // each for number, name in enumerate(order)}
    marks = (
        rows.with_columns(pl.col(side).replace_strict(place, return_dtype=pl.Int64).alias("row"))
        .group_by("first_seen", "row", "action")
        .agg(
            pl.col("records").sum(),
            pl.col(side).unique().sort().head(3).str.join(", ").alias("names"),
            pl.col(side).n_unique().alias("several"),
        )
        .sort("first_seen", "row", "action")
    )
    y: Spec = {
        "field": "row",
        "type": "quantitative",
        "title": f"{count(len(order), noun)}, in order",
        "axis": {"labels": False, "ticks": False, "tickCount": 5},
        "scale": {"reverse": True, "padding": 6},
    }
    height: object = 200
    if len(order) <= NAMED:
        shown = labels(order)
        y = {
            "field": "label",
            "type": "nominal",
            "sort": shown,
            "title": noun,
            "axis": {"grid": True, "ticks": False, "labelLimit": 200},
        }
        marks = marks.with_columns(pl.Series("label", [shown[row] for row in marks["row"]]))
        height = {"step": STEP}
    return {
        **values(marks.drop("row") if "label" in marks.columns else marks),
        "width": WIDTH,
        "height": height,
        "mark": {"type": "point", "filled": True, "opacity": 0.8},
        "encoding": {
            "x": _time(rows, labelled=side == "port"),
            "y": y,
            "size": {
                "field": "records",
                "type": "quantitative",
                "scale": {"type": "sqrt", "range": [24, 260], "domainMin": 1},
                "legend": None,
            },
            "tooltip": [
                tip("names", noun),
                tip_amount("several", f"{noun}s in the mark"),
                tip("action", "action"),
                tip_time("first_seen", "from"),
                tip_amount("records", "records"),
            ],
        },
    }


def _time(rows: pl.DataFrame, *, labelled: bool) -> Spec:
    """The axis of time, which both panels share and the lower one has the labels of."""
    x: Spec = moments("first_seen", rows)["x"]
    x["scale"] |= {"nice": False, "padding": 10}
    x["axis"] |= {"grid": True} | ({} if labelled else {"labels": False, "title": None})
    return x


def _order(side: str) -> pl.Expr:
    """Ports by number, IPv4 hosts by their octets."""
    if side == "port":
        return pl.col("port").str.extract(r"^(\d+)").cast(pl.Int64)
    octets = pl.col(side).str.extract_all(r"\d+").list.eval(pl.element().str.zfill(3))
    six = pl.col(side).str.contains(":", literal=True)
    return pl.when(six).then(pl.col(side)).otherwise(octets.list.join("."))
