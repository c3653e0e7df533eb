"""The evidence on one source, touch by touch, with the bars that make a verdict."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import (
    DISTINCT,
    OTHER,
    REJECT,
    SHAPES,
    WIDTH,
    Spec,
    framed,
    tip,
    tip_time,
)
from flowlens.charts.rows import frame, milliseconds, values
from flowlens.output.human import count

FIRST, MOST = 200, 600
"""The first steps are all drawn, for there alarms are made; of the others so many in all."""


def walk(table: pa.Table, title: str, *, alarm: float, likely: float) -> Spec:
    """The table of `Scanners.explain`; `alarm` and `likely` are bars in nats."""
    rows = frame(table).with_columns(milliseconds("first_seen"))
    total = rows.height
    if total > MOST:
        rest = (total - FIRST) / (MOST - FIRST)
        chosen = [*range(FIRST), *(FIRST + int(n * rest) for n in range(MOST - FIRST)), total - 1]
        rows = rows[sorted(set(chosen))]
    outcomes = rows["outcome"].unique(maintain_order=True).to_list()
    notes = [
        f"nats after each of {count(total, 'touch', 'touches')}; "
        "at the upper bar it is an alarm, and stays one"
    ]
    if rows.height < total:
        notes.append(f"{rows.height:,} of them drawn")
    bars = pl.DataFrame(
        {"bar": [alarm, likely], "name": [f"alarm {alarm:.1f}", f"likely {likely:.1f}"]}
    )
    scale = {"type": "log"} if total > FIRST else {"zero": False}
    x: Spec = {
        "field": "step",
        "type": "quantitative",
        "scale": scale | {"nice": False, "padding": 12},
        "axis": {"title": "touch", "tickMinStep": 1, "format": ",d", "grid": False},
    }
    y: Spec = {"field": "evidence", "type": "quantitative", "title": "evidence, nats"}
    hover = [
        tip("step", "touch", "quantitative"),
        tip_time("first_seen", "at"),
        tip("interface_id", "ENI"),
        tip("dstaddr", "target"),
        tip("service", "service"),
        tip("outcome", "outcome"),
        tip("weight", "weight, nats", "quantitative", format="+.2f"),
        tip("fading", "faded, nats", "quantitative", format=".2f"),
        tip("evidence", "evidence, nats", "quantitative", format=".2f"),
    ]
    kinds = {"domain": outcomes}
    return framed(
        title,
        notes,
        values(rows.select("step", "first_seen", "interface_id", "dstaddr", "service", "outcome",
                           "weight", "fading", "evidence")),
        {
            "width": WIDTH,
            "height": 300,
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "color": OTHER},
                    "encoding": {"x": x, "y": y},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "color": {
                            "field": "outcome",
                            "type": "nominal",
                            "scale": kinds | {"range": list(DISTINCT)},
                            "legend": {
                                "orient": "bottom",
                                "title": "what became of it",
                                "columns": 2,
                                "labelLimit": 340,
                            },
                        },
                        "shape": {
                            "field": "outcome",
                            "type": "nominal",
                            "scale": kinds | {"range": list(SHAPES)},
                        },
                        "tooltip": hover,
                    },
                },
                *_bars(bars),
            ],
        },
    )  # fmt: skip


def _bars(bars: pl.DataFrame) -> list[Spec]:
    y = {"field": "bar", "type": "quantitative"}
    colour = {
        "condition": {"test": "indexof(datum.name, 'alarm') == 0", "value": REJECT},
        "value": OTHER,
    }
    return [
        {
            **values(bars),
            "mark": {"type": "rule", "strokeDash": [6, 4], "strokeWidth": 1.5},
            "encoding": {"y": y, "color": colour, "tooltip": [tip("name", "bar, nats")]},
        },
        {
            **values(bars),
            "mark": {"type": "text", "align": "right", "dy": -6, "fontWeight": "bold"},
            "encoding": {
                "y": y,
                "x": {"value": WIDTH - 4},
                "text": {"field": "name"},
                "color": colour,
            },
        },
    ]
