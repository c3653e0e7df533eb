"""Where the log is silent: missing minutes and lost records by ENI and hour, or gaps as spans."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    ACCEPT,
    OTHER,
    REJECT,
    STEP,
    WIDTH,
    Spec,
    framed,
    moments,
    tip,
    tip_amount,
    tip_time,
)
from flowlens.charts.rows import frame, labels, milliseconds, values

ENIS = 40
HOURS = 240
"""At most so many ENIs, those with most missing first, and so many stretches of hours."""

WHOLE, MISSING, LOST = "whole", "minutes missing", "SKIPDATA: records lost"


def coverage(table: pa.Table, title: str) -> Spec:
    """The query `coverage`: a tile for each ENI and hour, or for several hours."""
    rows = frame(
        table.select(["interface_id", "hour", "records", "nodata", "skipdata", "missing_minutes"])
    )
    rows = rows.drop_nulls("hour").with_columns(
        milliseconds("hour"), pl.col("interface_id").fill_null("-")
    )
    low, high = int(rows["hour"].min() or 0), int(rows["hour"].max() or 0)  # type: ignore[arg-type]
    hour = 3_600_000
    every = max(1, -(-((high - low) // hour + 1) // HOURS)) * hour
    worst = (
        rows.group_by("interface_id")
        .agg(pl.col("missing_minutes").sum(), pl.col("skipdata").sum())
        .sort("skipdata", "missing_minutes", "interface_id", descending=[True, True, False])
    )
    total, chosen = worst.height, worst["interface_id"].head(ENIS).to_list()
    shown = dict(zip(chosen, labels(chosen), strict=True))
    tiles = (
        rows.filter(pl.col("interface_id").is_in(chosen))
        .with_columns((pl.col("hour") // every * every).alias("from"))
        .group_by("interface_id", "from")
        .agg(pl.col("records", "nodata", "skipdata", "missing_minutes").sum())
        .with_columns(
            (pl.col("from") + every).alias("to"),
            pl.when(pl.col("skipdata") > 0)
            .then(pl.lit(LOST))
            .when(pl.col("missing_minutes") > 0)
            .then(pl.lit(MISSING))
            .otherwise(pl.lit(WHOLE))
            .alias("state"),
            pl.when(pl.col("skipdata") > 0)
            .then(1.0)
            .when(pl.col("missing_minutes") > 0)
            .then(0.35 + 0.65 * pl.col("missing_minutes") / (every / 60_000))
            .otherwise(0.28)
            .alias("strength"),
            pl.col("interface_id").replace_strict(shown).alias("eni"),
        )
        .sort("eni", "from")
    )
    notes = ["each ENI from its first record to its last; a stronger tile lacks more minutes"]
    if total > ENIS:
        notes.append(f"the {ENIS} of {total:,} ENIs with most missing")
    states = {"domain": [WHOLE, MISSING, LOST], "range": [ACCEPT, REJECT, "#8456a8"]}
    return framed(
        title,
        notes,
        values(tiles.drop("interface_id")),
        {
            "width": WIDTH,
            "height": {"step": STEP},
            "mark": {"type": "rect", "stroke": None, "minBandSize": 2},
            "encoding": {
                **moments("from", tiles, end="to"),
                "y": {"field": "eni", "type": "nominal", "sort": list(shown.values()),
                      "title": None, "scale": {"paddingInner": 0.15},
                      "axis": {"ticks": False, "domain": False}},
                "color": {"field": "state", "type": "nominal", "scale": states,
                          "legend": {"title": None, "orient": "bottom"}},
                "opacity": {"field": "strength", "type": "quantitative", "scale": None},
                "tooltip": [tip("eni", "ENI"), tip_time("from", "from"), tip("state", "log"),
                            tip_amount("missing_minutes", "missing minutes"),
                            tip_amount("skipdata", "SKIPDATA"), tip_amount("nodata", "NODATA"),
                            tip_amount("records", "records")],
            },
        },
    )  # fmt: skip


def gaps(table: pa.Table, title: str) -> Spec:
    """The query `gaps`: a bar from the begin to the end of each silence."""
    rows = frame(table.select(["interface_id", "gap_start", "gap_end", "minutes"]))
    rows = rows.with_columns(
        milliseconds("gap_start"), milliseconds("gap_end"), pl.col("interface_id").fill_null("-")
    )
    worst = (
        rows.group_by("interface_id")
        .agg(pl.col("minutes").sum())
        .sort("minutes", "interface_id", descending=[True, False])["interface_id"]
    )
    chosen = worst.head(ENIS).to_list()
    shown = dict(zip(chosen, labels(chosen), strict=True))
    bars = rows.filter(pl.col("interface_id").is_in(chosen)).sort(
        "minutes", "interface_id", "gap_start", descending=[True, False, False]
    )
    notes = ["silences longer than two aggregation intervals: nothing is known there"]
    if len(worst) > ENIS:
        notes.append(f"the {ENIS} of {len(worst):,} ENIs that are silent longest")
    if bars.height > ENIS * HOURS:
        notes.append(f"the {ENIS * HOURS:,} longest of {bars.height:,}")
        bars = bars.head(ENIS * HOURS)
    bars = bars.with_columns(pl.col("interface_id").replace_strict(shown).alias("eni"))
    return framed(
        title,
        notes,
        values(bars.drop("interface_id")),
        {
            "width": WIDTH,
            "height": {"step": STEP},
            "mark": {"type": "bar", "color": OTHER, "height": {"band": 0.6}, "minBandSize": 2},
            "encoding": {
                **moments("gap_start", bars, end="gap_end"),
                "y": {"field": "eni", "type": "nominal", "sort": list(shown.values()),
                      "title": None, "axis": {"ticks": False, "domain": False, "grid": True}},
                "tooltip": [tip("eni", "ENI"), tip_time("gap_start", "from"),
                            tip_time("gap_end", "until"), tip_amount("minutes", "minutes")],
            },
        },
    )  # fmt: skip
