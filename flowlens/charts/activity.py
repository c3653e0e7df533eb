"""The query `activity` as two pictures of one set of rows: over time, and by ENI and port.

Both heed two parameters, `eni` and `port`, which a page may set: the names of what is wanted alone,
or nothing for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    ACTIONS,
    OTHER,
    REJECT,
    STEP,
    STRENGTH,
    WIDTH,
    ZOOM,
    Spec,
    moments,
    tip,
    tip_amount,
    tip_time,
)
from flowlens.charts.rows import OTHERS, frame, labels, milliseconds
from flowlens.output.human import port

NAME = "activity"
"""Of the data, which a page holds once for both."""

_CHOSEN = "(eni === '' || datum.eni === eni) && (port === '' || datum.port === port)"
_PARAMS = [{"name": "eni", "value": ""}, {"name": "port", "value": ""}]


def rows(table: pa.Table, bucket_seconds: int) -> pl.DataFrame:
    """The answer with names: `from`, `to`, `action`, `eni`, `port`, `records`; times in ms."""
    found = frame(table).drop_nulls("bucket").with_columns(milliseconds("bucket"))
    enis = found["interface_id"].unique(maintain_order=True).drop_nulls().to_list()
    known = dict(zip(enis, labels(enis), strict=True))
    pairs = zip(found["protocol"].to_list(), found["dstport"].to_list(), strict=True)
    ports = [OTHERS if pair == (None, None) else port(*pair) for pair in pairs]
    return found.select(
        pl.col("bucket").alias("from"),
        (pl.col("bucket") + bucket_seconds * 1000).alias("to"),
        pl.col("action").fill_null("no action"),
        pl.col("interface_id").replace_strict(known, default=OTHERS).alias("eni"),
        pl.Series("port", ports, dtype=pl.String),
        pl.col("records"),
    )


def names(known: pl.DataFrame, side: str) -> list[str]:
    """The names of one side, those refused most first; the others last."""
    refused = pl.when(pl.col("action") == "REJECT").then(pl.col("records")).otherwise(0)
    ranked = known.group_by(side).agg(refused.sum().alias("refused"))
    ranked = ranked.sort(pl.col(side) == OTHERS, "refused", side, descending=[False, True, False])
    return ranked[side].to_list()


def times(known: pl.DataFrame) -> Spec:
    """Records over time, a panel for each action."""
    actions = [name for name in ACTIONS if name in set(known["action"])]
    return {
        "data": {"name": NAME},
        "params": [*_PARAMS, ZOOM],
        "transform": [{"filter": _CHOSEN}, _sum("from", "to", "action")],
        "mark": {"type": "rect", "stroke": None},
        "width": WIDTH,
        "height": 110,
        "encoding": {
            **moments("from", known, end="to"),
            "y": {
                "field": "records",
                "type": "quantitative",
                "title": "records",
                "axis": {"tickCount": 4, "tickMinStep": 1},
            },
            "y2": {"datum": 0},
            "color": {
                "field": "action",
                "type": "nominal",
                "scale": {"domain": actions, "range": [ACTIONS.get(a, OTHER) for a in actions]},
                "legend": None,
            },
            "row": {
                "field": "action",
                "type": "nominal",
                "sort": actions,
                "title": None,
                "spacing": 6,
                "header": {
                    "labelOrient": "top",
                    "labelAnchor": "start",
                    "labelFontWeight": "bold",
                    "labelPadding": 2,
                },
            },
            "tooltip": [
                tip("action", "action"),
                tip_time("from", "from"),
                tip_time("to", "until"),
                tip_amount("records", "records"),
            ],
        },
        "resolve": {"scale": {"y": "independent"}},
    }


def tiles(known: pl.DataFrame) -> Spec:
    """Rejected records by ENI and port."""
    amount: dict[str, Any] = {"field": "records", "type": "quantitative"}
    legend = {
        "title": "records",
        "format": ",d",
        "symbolType": "square",
        "symbolFillColor": REJECT,
        "symbolStrokeWidth": 0,
    }
    axis = {"ticks": False, "domain": False, "grid": False, "title": None, "labelLimit": 180}
    down, across = names(known, "eni"), names(known, "port")
    return {
        "data": {"name": NAME},
        "params": _PARAMS,
        "transform": [
            {"filter": f"datum.action === 'REJECT' && {_CHOSEN}"},
            _sum("eni", "port"),
        ],
        "width": WIDTH,
        "height": {"step": STEP + 8},
        "encoding": {
            "y": {"field": "eni", "type": "nominal", "scale": {"domain": down}, "axis": axis},
            "x": {
                "field": "port",
                "type": "nominal",
                "scale": {"domain": across},
                "axis": axis | {"orient": "top", "labelAngle": -35, "labelAlign": "left"},
            },
            "tooltip": [
                tip("eni", "ENI"),
                tip("port", "port"),
                tip_amount("records", "REJECT records"),
            ],
        },
        "layer": [
            {
                "mark": {"type": "rect", "color": REJECT, "cornerRadius": 3, "cursor": "pointer"},
                "encoding": {"opacity": amount | {"scale": STRENGTH, "legend": legend}},
            },
            {
                "mark": {"type": "text", "cursor": "pointer"},
                "encoding": {"text": amount | {"format": ".3~s"}},
            },
        ],
    }


def _sum(*by: str) -> Spec:
    total = {"op": "sum", "field": "records", "as": "records"}
    return {"aggregate": [total], "groupby": list(by)}


def datasets(known: pl.DataFrame) -> dict[str, Sequence[Any]]:
    """The data that both pictures name."""
    return {NAME: known.to_dicts()}
