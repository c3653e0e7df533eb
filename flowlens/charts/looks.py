"""How every chart looks: colours that the colour-blind can tell apart, and a frame for them.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), a little nearer to the
middle, so that they stand out on white and on black. Amounts are shown by how strong a colour is,
which works on both as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from flowlens.core import escape

Spec = dict[str, Any]

WIDTH = 720
"""Of what is drawn within the axes, in pixels."""

STEP = 18
"""Pixels for a row of a chart with names."""

REJECT, ACCEPT, OTHER = "#d9601a", "#2f83bd", "#808080"
ACTIONS = {"REJECT": REJECT, "ACCEPT": ACCEPT, "no action": OTHER}

_ACTION_WORDS = {"reject": REJECT, "accept": ACCEPT}

DISTINCT = (REJECT, ACCEPT, "#0a9a72", "#c3619b", "#b98300", "#5d6ad0", OTHER)
"""For kinds that have no order; each has a shape of its own besides."""


def action_colour(text: str) -> str | None:
    """The colour of the one action that a text speaks of; None for none or both.

    >>> action_colour("REJECT · 22/tcp SSH") == REJECT, action_colour("accepted") == ACCEPT
    (True, True)
    """
    told = [colour for word, colour in _ACTION_WORDS.items() if word in text.lower()]
    return told[0] if len(told) == 1 else None


def colours(kinds: Sequence[str]) -> list[str]:
    """A colour for each kind, as different as there are; the first of an action has that action's.

    Where some kind is about an action, no kind has the colour of another one.
    """
    told = any(map(action_colour, kinds))
    free = iter(colour for colour in DISTINCT if not told or colour not in ACTIONS.values())
    given: list[str] = []
    for name in kinds:
        own = action_colour(name)
        given.append(own if own and own not in given else next(free, OTHER))
    return given


SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")

STRENGTH: Spec = {"type": "symlog", "range": [0.14, 1.0], "nice": False}
"""Amounts as opacity: from hardly anything to full, a doubling as much anywhere."""

CLOCK = {
    "year": "%Y",
    "quarter": "%b %Y",
    "month": "%b %Y",
    "week": "%d %b",
    "date": "%d %b",
    "hours": "%H:%M",
    "minutes": "%H:%M",
    "seconds": "%H:%M:%S",
    "milliseconds": "%H:%M:%S",
}
"""Times on an axis, however far one zooms."""

MOMENT = "%Y-%m-%d %H:%M:%S UTC"
_INK, _PAPER = "#1c1f24", "#ffffff"


def framed(title: str, subtitle: Sequence[str], *parts: Mapping[str, Any], ink: str = _INK) -> Spec:
    """A whole specification: the title, what is to be known of it, and the parts.

    Without a title the first of what is to be known is one.
    """
    title, *subtitle = [line for line in (title, *subtitle) if line] or [""]
    spec: Spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": {
            "text": escape.terminal(title),
            "subtitle": [escape.terminal(line) for line in subtitle],
        },
        "background": _PAPER,
        "padding": 14,
        "config": config(_INK),
    }
    for part in parts:
        spec |= part
    return spec


def bare(spec: Mapping[str, Any]) -> Spec:
    """A specification for a page that says the title itself, in the colours of the text there."""
    rest = {name: part for name, part in spec.items() if name != "title"}
    return rest | {"background": None, "padding": 6, "config": config("currentColor")}


def nothing(title: str) -> Spec:
    """The picture of an answer without rows."""
    text = {"mark": {"type": "text", "fontSize": 14}, "encoding": {"text": {"value": "no rows"}}}
    return framed(title, [], {"data": {"values": [{}]}, "width": WIDTH, "height": 80}, text)


def config(ink: str) -> Spec:
    """Fonts and lines, in the colour of the text around."""
    return {
        # These three are equally wide, so what is measured here fits where it is drawn.
        "font": "Arial, 'Liberation Sans', Helvetica, sans-serif",
        "view": {"stroke": None, "continuousWidth": WIDTH, "discreteWidth": WIDTH},
        "title": {
            "anchor": "start", "frame": "group", "fontSize": 16, "fontWeight": 600, "color": ink,
            "subtitleColor": ink, "subtitleFontSize": 12, "subtitlePadding": 5, "offset": 14,
        },
        "axis": {
            "labelColor": ink, "titleColor": ink, "domainColor": ink, "tickColor": ink,
            "gridColor": ink, "gridOpacity": 0.12, "domainOpacity": 0.4, "tickOpacity": 0.4,
            "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
            "labelLimit": 260,
        },
        "header": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12},
        "legend": {
            "labelColor": ink, "titleColor": ink, "titleFontWeight": "normal",
            "labelFontSize": 11, "titleFontSize": 11, "symbolStrokeColor": ink,
        },
        "text": {"color": ink, "fontSize": 11},
        "rule": {"color": ink},
    }  # fmt: skip


def moments(field: str, rows: pl.DataFrame, *, end: str | None = None) -> Spec:
    """An x axis of time in UTC; values are milliseconds since 1970, and days stand beside them."""
    days = sorted(
        {
            f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d}"
            for moment in (rows[field].min(), rows[field].max())
            if isinstance(moment, int)
        }
    )
    axis = {
        "format": CLOCK,
        "title": f"{' to '.join(days)} UTC".strip(),
        "grid": False,
        "labelOverlap": True,
    }
    x: Spec = {"field": field, "type": "temporal", "scale": {"type": "utc"}, "axis": axis}
    return {"x": x, **({"x2": {"field": end}} if end else {})}


def tip(field: str, title: str, kind: str = "nominal", **more: Any) -> Spec:
    """A line of what is said on hover."""
    return {"field": field, "type": kind, "title": title, **more}


def tip_time(field: str, title: str) -> Spec:
    """A moment of what is said on hover; milliseconds since 1970."""
    unit = "utcyearmonthdatehoursminutesseconds"
    return tip(field, title, "temporal", timeUnit=unit, format=MOMENT)


def tip_amount(field: str, title: str) -> Spec:
    """An amount of what is said on hover."""
    return tip(field, title, "quantitative", format=",")


ZOOM: Spec = {
    "name": "zoom",
    "select": {
        "type": "interval",
        "encodings": ["x"],
        "zoom": "wheel![event.shiftKey]",
    },
    "bind": "scales",
}
"""Shift and the wheel zoom in time, dragging moves, a double click goes back."""
