"""Who scans, at a glance: how many hosts against how many ports each of them touched."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from flowlens.charts.looks import DISTINCT, SHAPES, WIDTH, Spec, framed, tip, tip_amount
from flowlens.charts.rows import frame, values
from flowlens.output.human import count

MOST = 300
"""Marks from which on counts are drawn with one digit that counts, and not with two."""

KINDS = ("horizontal", "vertical", "block", "random", "no shape")
_NAMED = 3
"""Sources of a mark that are named on hover."""


def shapes(table: pa.Table, title: str) -> Spec:
    """Verdicts, by `hosts`, `ports` and `shape`; sources with the same three are one mark."""
    rows = frame(table.select(["srcaddr", "shape", "hosts", "ports", "records"]))
    rows = rows.with_columns(pl.col("shape").fill_null("no shape"))
    fine = rows.with_columns(_near("hosts", 2), _near("ports", 2))
    few = fine.select("shape", "hosts", "ports").n_unique() <= MOST
    marks = (
        (fine if few else rows.with_columns(_near("hosts", 1), _near("ports", 1)))
        .group_by("shape", "hosts", "ports", maintain_order=True)
        .agg(
            pl.len().alias("sources"),
            pl.col("records").sum(),
            pl.col("srcaddr").head(_NAMED).str.join(", ").alias("names"),
        )
        .with_columns(
            pl.when(pl.col("sources") > _NAMED)
            .then(pl.col("names") + pl.format(" and {} more", pl.col("sources") - _NAMED))
            .otherwise(pl.col("names"))
            .alias("names")
        )
        .sort("sources", "shape", "hosts", "ports", descending=[True, False, False, False])
    )
    kinds = [kind for kind in KINDS if kind in marks["shape"].to_list()]
    scale = {"domain": kinds}
    axis = {"tickMinStep": 1, "format": ",d", "tickCount": 6}
    log = {"type": "log", "nice": False, "padding": 18}
    return framed(
        title,
        [
            f"{count(rows.height, 'source')} by the hosts and the ports that each touched; "
            "a larger mark is more sources",
            "far to the right: many hosts; high up: many ports; both: a block of the two",
        ],
        values(marks),
        {
            "width": WIDTH - 120,
            "height": 380,
            "mark": {"type": "point", "filled": True, "opacity": 0.75},
            "encoding": {
                "x": {"field": "hosts", "type": "quantitative", "scale": log, "axis": axis,
                      "title": "hosts touched"},
                "y": {"field": "ports", "type": "quantitative", "scale": log, "axis": axis,
                      "title": "ports touched"},
                "size": {
                    "field": "sources",
                    "type": "quantitative",
                    "scale": {"type": "sqrt", "range": [50, 900], "domainMin": 1},
                    "legend": {"title": "sources", "format": ",d", "values": _ticks(marks)},
                },
                "color": {"field": "shape", "type": "nominal", "title": "shape",
                          "scale": scale | {"range": list(DISTINCT)}},
                "shape": {"field": "shape", "type": "nominal", "title": "shape",
                          "scale": scale | {"range": list(SHAPES)}},
                "tooltip": [tip("names", "sources"), tip("shape", "shape"),
                            tip_amount("hosts", "hosts"), tip_amount("ports", "ports"),
                            tip_amount("sources", "sources"), tip_amount("records", "records")],
            },
        },
    )  # fmt: skip


def _near(name: str, digits: int) -> pl.Expr:
    """A count with so many digits that count: with two 1,234 is drawn at 1,200."""
    value = pl.col(name).cast(pl.Float64)
    digit = 10 ** (value.clip(lower_bound=1).log10().floor() - (digits - 1)).clip(lower_bound=0)
    return ((value / digit).round() * digit).clip(lower_bound=1).cast(pl.Int64).alias(name)


def _ticks(marks: pl.DataFrame) -> list[int]:
    most = max(marks["sources"].to_list())
    return sorted({1, max(1, round(most / 4)), most})
