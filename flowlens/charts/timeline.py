"""Records over time by action: a panel for each, so that the many don't hide the few."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    ACTIONS,
    OTHER,
    WIDTH,
    ZOOM,
    Spec,
    framed,
    moments,
    tip,
    tip_amount,
    tip_time,
)
from flowlens.charts.rows import frame, values
from flowlens.output.human import length

BARS = 360
"""At most so many buckets are drawn; shorter ones are put together."""


def timeline(table: pa.Table, title: str) -> Spec:
    """The query `timeline`: `bucket`, `action`, `records`."""
    rows = frame(table.select(["bucket", "action", "records"])).drop_nulls("bucket")
    rows = rows.with_columns(pl.col("action").fill_null("no action"))
    starts = rows["bucket"].dt.epoch("s").unique().sort()
    seconds = _apart(starts)
    joined = max(1, -(-_span(starts, seconds) // (seconds * BARS)))
    every = seconds * joined
    rows = (
        rows.with_columns((pl.col("bucket").dt.epoch("s") // every * every * 1000).alias("from"))
        .group_by("from", "action")
        .agg(pl.col("records").sum())
        .with_columns((pl.col("from") + every * 1000).alias("to"))
        .sort("from", "action")
    )
    actions = [name for name in ACTIONS if name in rows["action"].to_list()]
    actions += sorted(set(rows["action"].to_list()) - set(actions))
    note = f"flow-log records by their start, {length(every)} a bar"
    colours = [ACTIONS.get(action, OTHER) for action in actions]
    panel: Spec = {
        "mark": {"type": "rect", "stroke": None},
        "params": [ZOOM],
        "width": WIDTH,
        "height": 120,
        "encoding": {
            **moments("from", rows, end="to"),
            "y": {"field": "records", "type": "quantitative", "axis": {"tickCount": 4}},
            "y2": {"datum": 0},
            "color": {
                "field": "action",
                "type": "nominal",
                "scale": {"domain": actions, "range": colours},
                "legend": None,
            },
            "row": {
                "field": "action",
                "type": "nominal",
                "sort": actions,
                "title": None,
                "header": {"labelAngle": 0, "labelAlign": "left", "labelFontWeight": "bold"},
                "spacing": 8,
            },
            "tooltip": [
                tip("action", "action"),
                tip_time("from", "from"),
                tip_amount("records", "records"),
            ],
        },
        "resolve": {"scale": {"y": "independent"}},
    }
    return framed(title, [note], values(rows), panel)


def _apart(starts: pl.Series) -> int:
    """Seconds between two buckets that follow each other; a minute where there is one alone."""
    return min(starts.diff().drop_nulls().to_list(), default=60)


def _span(starts: pl.Series, seconds: int) -> int:
    if starts.is_empty():
        return 0
    return int(starts[-1] - starts[0]) + seconds
